from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser import Visit
from text2json.cli import main
from text2json.data import iter_samples
from text2json.schemas.sample import Sample
from text2json.showing import html_page, terminal_text
from text2json.tasks import parse_task
from text2json.writing import write_dataset


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("show") / "d"
    write_dataset("nested", path, samples=4, knobs={"length": (2000, 4000), "records": (2, 3)})
    return path


def test_evidence_is_marked_and_the_text_is_whole(folder: Path) -> None:
    for sample in iter_samples(folder):
        text = terminal_text(sample, color=False)
        marked = re.findall("⟦(.*?)⟧", text)
        assert set(record["name"] for record in sample.records()) <= set(marked)
        assert sample.problem in text.replace("⟦", "").replace("⟧", "")
        assert "\x1b[1;" in terminal_text(sample, color=True)


def test_a_text_cannot_steer_the_terminal(folder: Path) -> None:
    from dataclasses import replace

    sample = replace(next(iter_samples(folder)), problem="bell \x07 and \x1b[31m red", evidence="[]")
    assert "\x1b" not in terminal_text(sample, color=False)


def test_the_page_escapes_what_it_shows(folder: Path) -> None:
    from dataclasses import replace

    sample = replace(next(iter_samples(folder)), problem="<script>alert(1)</script>", evidence="[]",
                     answer=json.dumps([{"name": "</script><b>"}]))  # fmt: skip
    page = html_page(sample)
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


def test_the_command(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", str(folder), "--id", "movies-000003"]) == 0
    assert capsys.readouterr().out.startswith("── movies-000003")
    assert main(["show", str(folder), "--html", str(tmp_path / "x.html")]) == 0
    page = (tmp_path / "x.html").read_text(encoding="utf-8")
    assert page.count("<mark") > 3
    assert main(["show", str(folder), "--id", "movies-00003"]) == 2
    assert "movies-000003" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("spec", "gold"),
    [("needles:samples=1,needles=2,length=1500", '[1] "'), ("html-to-tsv:samples=1,rows=2,length=3500", '[1] {"')],
)
def test_samples_of_other_tasks_are_shown(spec: str, gold: str) -> None:
    (sample,) = parse_task(spec).load()
    text = terminal_text(sample, color=False)
    after = text.partition("── gold\n")[2].splitlines()
    assert after[1].startswith(gold)
    assert after[2].startswith("── knobs")
    assert text.count("⟦") == len(json.loads(sample.evidence))
    page = html_page(sample)
    assert page.count('id="g-') == 2


def sample_of(name: str, folder: Path) -> Sample:
    if ":" in name:
        return next(parse_task(name).load())
    return next(sample for sample in iter_samples(folder) if sample.id == name)


@pytest.mark.parametrize("name", ["movies-000003", "html-to-tsv:rows=4,length=4000", "needles:needles=3,length=3000"])
@pytest.mark.parametrize(("scheme", "width"), [("light", 1300), ("dark", 390)])
def test_the_page_in_a_browser(
    browser: Browser, folder: Path, tmp_path: Path, width: int, scheme: str, name: str
) -> None:
    sample = sample_of(name, folder)
    (tmp_path / "x.html").write_text(html_page(sample), encoding="utf-8")
    visit = Visit.of(browser, viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = visit.open(tmp_path / "x.html")
    marks = page.locator("mark")
    assert marks.count() >= len(json.loads(sample.evidence))
    dead = page.evaluate("[...document.querySelectorAll('a')].filter(a => !document.getElementById("
                         "decodeURIComponent(a.hash.slice(1)))).length")  # fmt: skip
    assert dead == 0
    page.locator("caption a").first.click()
    assert page.evaluate("decodeURIComponent(location.hash)").startswith("#t-[0]")
    visit.check_fits()
    visit.check_accessible()
    visit.check_quiet(tmp_path)
    visit.close()
