"""The demo's page in a real browser."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser import Visit
from text2json.data import iter_samples
from text2json.demo import STRATEGIES, Row
from text2json.demo_page import write_page
from text2json.metrics import score
from text2json.schemas.run import Quantiles, RunFigures


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory, documents: Path) -> Path:
    samples = list(iter_samples(documents))
    report = score({sample.id: sample.answer for sample in samples[1:]}, samples)
    rows = [Row(spec, report, figures(place)) for place, spec in enumerate(STRATEGIES)]
    file = tmp_path_factory.mktemp("demo") / "index.html"
    write_page(file, rows, samples, seconds=1)
    return file


def figures(place: int) -> RunFigures:
    times = Quantiles(p50=0.1, p95=0.2)
    return RunFigures(
        device_bytes_per_token=3000 / (1 + place), host_bytes_per_token=1000, moved_bytes_per_step=1000.0 * place,
        moved_bytes_per_step_with_reuse=500.0 * place, prompt_tokens=3000, output_tokens=300,
        seconds_to_first_token=times, seconds_per_token=times, output_tokens_per_second=10, peak_rss_bytes=10**9,
    )  # fmt: skip


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_opens_without_requests_or_complaints_and_is_accessible(browser: Browser, page: Path, scheme: str) -> None:
    visit = Visit.of(browser, color_scheme=scheme)
    shown = visit.open(page)
    assert shown.locator("svg g").count() == len(STRATEGIES)
    assert shown.locator("tbody tr").count() == len(STRATEGIES)
    visit.check_quiet(page.parent)
    visit.check_accessible()
    visit.close()


def test_it_fits_a_phone(browser: Browser, page: Path) -> None:
    visit = Visit.of(browser, viewport={"width": 360, "height": 740})
    visit.open(page)
    visit.check_fits()
    visit.close()
