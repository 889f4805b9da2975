from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.browser import Visit
from text2json.diagnosis_report import page, render
from text2json.web_page import write_text

HOSTILE = '<img src=x onerror=alert(1)></table><script>document.title="x"</script>'
ONE = {"value": 0.41, "interval": (0.2, 0.6), "pairs": 90, "samples": 30}
NONE = {"value": None, "interval": None, "pairs": 0, "samples": 0}


def strategy(name: str, mass: float | None) -> dict[str, Any]:
    return {
        "strategy": name, "samples": 30, "record_f1": 0.5, "record_f1_full": 0.875, "field_f1": 0.6,
        "field_f1_full": 0.9, "mass_recovered": mass, "overlap": 0.4, "key_error": 0.1, "value_error": 0.0,
        "output_error": 0.2, "evidence_recall": 0.3, "recall_any": 0.9, "recall_carried": 0.7, "recall_mass": 0.8,
        "divergence": 0.25, "leaves": 90, "wrong": 36, "lost": 30, "gained": 1,
        "causes": {"not_selected": 20, "badly_rebuilt": 10, "own_mistake": 6},
    }  # fmt: skip


def summary(name: str = "quest:budget=0.1") -> dict[str, Any]:
    both = {"sample": ONE, "leaf": NONE}
    kinds = {kind: both for kind in ("recall_any", "recall_carried", "recall_mass", "divergence")}
    return {"model": "m", "data": "d", "samples": 30, "data_sha256": "0" * 64,
            "strategies": [strategy(name, 0.75), strategy("full", None)],
            "correlation": {name: kinds, "full": kinds, "all": kinds}}  # fmt: skip


def test_the_terminal_has_every_strategy_and_a_dash_for_what_nothing_is_known_of() -> None:
    text = render(summary())
    assert "m on 30 samples of d: record F1 0.875, field F1 0.900 under full attention" in text
    figures, causes = ([line.split()[1:] for line in text.splitlines() if line.startswith(name)]
                       for name in ("quest", "full"))  # fmt: skip
    numbers = "0.500 0.750 0.400 0.100 0.000 0.200 0.300 0.900 0.700 0.800 0.250"
    assert figures == [numbers.split(" "), ["90", "36", "20", "10", "6", "30", "1"]]
    assert causes[0][1] == "-"
    assert text.count("+0.41 (+0.20 to +0.60, n=90)") == 4  # of all strategies together
    assert "- (n=0)" in text


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    (folder / "mass.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg" width="900" height="9"></svg>')
    fault = {"strategy": "quest", "sample": HOSTILE, "record": 0, "field": "name", "gold": '"a"', "wrote": HOSTILE,
             "full_writes": None, "cause": "not_selected"}  # fmt: skip
    write_text(folder / "report.html", page(summary(HOSTILE), folder, {"mass": "Mass <recovered>"}, [fault]))
    return folder / "report.html"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_opens_without_requests_or_complaints_and_is_accessible(
    browser: Browser, written: Path, scheme: str
) -> None:
    visit = Visit.of(browser, color_scheme=scheme)
    shown = visit.open(written)
    assert shown.title() == "text2json diagnose: m"
    assert shown.get_by_text("onerror=alert(1)").first.is_visible()
    assert shown.locator("img").count() == 1
    assert shown.locator("img").evaluate("image => image.naturalWidth") == 900
    assert shown.locator("table").nth(1).locator("tbody tr").first.locator("td").all_inner_texts() == [
        "90", "36", "20", "10", "6", "30", "1",
    ]  # fmt: skip
    visit.check_quiet(written.parent)
    visit.check_accessible()
    visit.close()


def test_the_page_fits_a_phone(browser: Browser, written: Path) -> None:
    visit = Visit.of(browser, viewport={"width": 360, "height": 740})
    visit.open(written)
    visit.check_fits()
    visit.close()
