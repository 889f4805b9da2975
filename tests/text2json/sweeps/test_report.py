"""The report in a real browser."""

from __future__ import annotations

from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from playwright.sync_api import Browser

from tests.browser import Visit
from tests.text2json.sweeps.test_pictures import row
from text2json.sweeps.declaration import Sweep
from text2json.sweeps.pictures import draw
from text2json.sweeps.report import write_markdown, write_report

LABELS = ("full", "yakv & <more> | all")


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    sweep = Sweep.model_validate({
        "title": "What <is> lost?", "about": "So & so.", "models": ["m"], "data": ["d"], "strategies": ["full"],
        "pictures": [{"kind": "points", "title": "Bytes"}],
    })  # fmt: skip
    ends = {f"{name}{end}": 0.1 for name in ("score_difference", "field_f1", "field_f1_difference")
            for end in ("", "_low", "_high")}  # fmt: skip
    table = [row(name, 0.5, model="m", spec=name, seconds_per_token=0.01, device_share=0.5, moved_bytes_per_step=1.0,
                 device_bytes_per_token=10.0, **ends) for name in LABELS]  # fmt: skip
    apart = [{"name": name, "model": "m", "data": "d", "spec": name, "figure": "score", "cause": cause, "cost": 0.1,
              "cost_low": 0.0, "cost_high": 0.2, "metric": "record F1"}
             for name in LABELS for cause in ("budget", "selection", "stores", "together", "both")]  # fmt: skip
    file = folder / "index.html"
    drawn = draw(sweep, table, [], folder / "pictures")
    write_report(file, sweep, table, apart, drawn, "a|signature")
    write_markdown(folder / "report.md", sweep, table, apart, drawn)
    return file


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_opens_without_requests_or_complaints_and_is_accessible(browser: Browser, page: Path, scheme: str) -> None:
    visit = Visit.of(browser, color_scheme=scheme)
    shown = visit.open(page)
    assert shown.locator("h1").inner_text() == "What <is> lost?"
    assert [table.locator("tbody tr").count() for table in shown.locator("table").all()] == [2, 2]
    assert shown.evaluate("document.querySelector('img').naturalWidth") > 100
    visit.check_quiet(page.parent)
    visit.check_accessible()
    visit.close()


def test_it_fits_a_phone(browser: Browser, page: Path) -> None:
    visit = Visit.of(browser, viewport={"width": 360, "height": 740})
    visit.open(page)
    visit.check_fits()
    visit.close()


def test_a_reader_of_markdown_sees_the_same_tables_and_pictures(page: Path) -> None:
    tokens = MarkdownIt("commonmark").enable("table").parse((page.parent / "report.md").read_text(encoding="utf-8"))
    inline = [token for token in tokens if token.type == "inline"]
    words = [child for token in inline for child in token.children or ()]
    assert not [token for token in [*tokens, *words] if token.type.startswith("html")]
    assert inline[0].content == "What &lt;is&gt; lost?"
    assert [str(word.attrs["src"]) for word in words if word.type == "image"] == ["pictures/1-bytes.png"]
    cells = [word.content for word in words if word.type == "text"]
    assert cells.count(LABELS[1]) == 2, "a line of causes and a line of figures"
    assert [token.type for token in tokens].count("tr_open") == 6
