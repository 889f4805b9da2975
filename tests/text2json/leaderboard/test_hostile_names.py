"""Entries come from strangers: markup, script and signs that turn the direction of writing are shown as text."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser import Visit
from tests.text2json.leaderboard.boards import add_entry
from text2json.cli import main
from text2json.leaderboard.entries import Statement
from text2json.schemas.entry import Submitter
from text2json.schemas.sample import Sample

MODEL = "</script><script>document.title='taken'</script>{{data}}"
STRATEGY = "<img src=x onerror=alert(1)>\u202egnitlem\u2066:budget=<svg onload=alert(2)>"
SUBMITTER = "=HYPERLINK(\"https://example.org\")\u200b<b id='bold'>bold</b>"
NOTES = '<!--<script>"\' onmouseover=alert(3) \u2028<a href="javascript:alert(4)">link</a>'
OUTPUT = '[{"name": "\u202e<img src=x onerror=alert(5)>", "<b>key</b>": "</script>"}]'


def hostile(place: int, sample: Sample) -> str:
    return "<script>alert(6)</script>" if place else OUTPUT


@pytest.fixture(scope="module")
def hostile_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("hostile") / "board"
    submitter = Submitter(name=SUBMITTER, url="javascript:alert(7)")
    statement = Statement(submitter, model=MODEL, notes=NOTES, licence="<i>none</i>", subset=True)
    add_entry(root, "hostile", statement=statement, strategy=STRATEGY, answer=hostile, samples=2, dtype="<u>bf16</u>")
    out = root.parent / "site"
    title = "<script>alert(8)</script>"
    arguments = ["leaderboard", "build", str(root), "--out", str(out), "--subset", "--title", title]
    assert main(arguments) == 0
    return out


def check_inert(visit: Visit) -> None:
    assert (
        visit.page.locator("main img, main b#bold, main script, main a[href^='javascript'], main u, main i").count()
        == 0
    )
    assert visit.page.evaluate("document.querySelectorAll('script:not([type])').length") == 0
    assert "taken" not in visit.page.title() or "document.title" in visit.page.title()


def test_the_table_and_the_pictures_show_them_as_text(browser: Browser, hostile_site: Path) -> None:
    visit = Visit.of(browser)
    page = visit.open(hostile_site / "index.html")
    assert page.locator("h1").inner_text() == "<script>alert(8)</script>"
    row = page.locator("tbody tr")
    assert row.count() == 1
    assert MODEL in row.inner_text()
    assert "<img src=x onerror=alert(1)>\\u202egnitlem\\u2066" in row.inner_text()
    assert "budget=<svg onload=alert(2)>" in row.inner_text()
    assert "\\u200b<b id='bold'>bold</b>" in row.inner_text()
    for select, value in (("Model", MODEL), ("Strategy", STRATEGY.partition(":")[0])):
        told = value.replace("\u202e", "\\u202e").replace("\u2066", "\\u2066")
        page.get_by_label(select, exact=True).select_option(told)
        assert row.count() == 1
    page.locator("#by-device a").focus()
    assert MODEL in page.locator("#by-device .tip").inner_text()
    assert not set("\u202e\u2066\u200b\u2028") & set(page.evaluate("document.body.innerText"))
    check_inert(visit)
    visit.check_quiet(hostile_site)
    visit.close()


def test_the_entrys_page_shows_them_as_text(browser: Browser, hostile_site: Path) -> None:
    visit = Visit.of(browser)
    page = visit.open(hostile_site / "index.html")
    page.locator("tbody a").click()
    page.wait_for_url("**/entries/*.html")
    text = page.locator("body").inner_text()
    assert MODEL in text
    assert "\\u2028" in text
    assert "onmouseover=alert(3)" in text
    assert "<i>none</i>" in text
    assert "<u>bf16</u>" in text
    for place in range(2):
        page.locator("summary").nth(place).click()
    assert page.get_by_text("<script>alert(6)</script>").is_visible()
    assert page.get_by_text("<b>key</b>").first.is_visible()
    check_inert(visit)
    visit.check_accessible()
    visit.check_quiet(hostile_site)
    visit.close()


def test_a_spreadsheet_computes_nothing_and_the_json_keeps_every_sign(hostile_site: Path) -> None:
    with (hostile_site / "leaderboard.csv").open(newline="") as lines:
        (row,) = csv.DictReader(lines)
    assert row["submitter"].startswith("'=HYPERLINK")
    assert "\u202e" not in row["strategy"]
    (one,) = json.loads((hostile_site / "leaderboard.json").read_text())["entries"]
    assert one["entry"]["submitter"]["name"] == SUBMITTER
    assert one["entry"]["model"]["name"] == MODEL
    assert "\u202e" not in (hostile_site / "leaderboard.json").read_text()  # numbers of signs, for who opens it raw
