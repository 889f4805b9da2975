"""The scorer's page in a real browser."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser import Visit
from text2json.data import iter_samples
from text2json.metrics import score
from text2json.score_page import worst, write_page

HOSTILE = '[{"name": "<img src=x onerror=alert(1)>\u202e</script><script>document.title=1</script>"}]'


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory, documents: Path) -> Path:
    samples = list(iter_samples(documents))
    outputs: dict[str, str | None] = {sample.id: sample.answer for sample in samples}
    outputs |= {samples[0].id: HOSTILE, samples[1].id: "<b>no JSON</b>"}
    report = score(outputs, samples)
    file = tmp_path_factory.mktemp("score") / "score.html"
    write_page(file, report, worst(report.details), samples, outputs)
    return file


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_opens_without_requests_or_complaints_and_is_accessible(browser: Browser, page: Path, scheme: str) -> None:
    visit = Visit.of(browser, color_scheme=scheme)
    shown = visit.open(page)
    title = shown.title()
    assert title.startswith("text2json score: record F1 0.")
    first, second = shown.locator("details").nth(0), shown.locator("details").nth(1)
    first.locator("summary").click()
    second.locator("summary").click()
    assert first.locator("img, script").count() == second.locator("b:text('no JSON')").count() == 0
    assert shown.get_by_text("onerror=alert(1)").first.is_visible()
    assert shown.get_by_text("<b>no JSON</b>").is_visible()
    assert shown.title() == title
    visit.check_quiet(page.parent)
    visit.check_accessible()
    visit.close()


def test_it_fits_a_phone(browser: Browser, page: Path) -> None:
    visit = Visit.of(browser, viewport={"width": 360, "height": 740})
    visit.open(page).locator("details").first.locator("summary").click()
    visit.check_fits()
    visit.close()
