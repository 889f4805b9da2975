from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path

import pytest

import text2json
from text2json.metrics.gold import iter_gold
from text2json.score_page import worst, write_page

DOCUMENT = "Velo 3 is blue. <b>Kettle</b> is red."
GOLD = [{"name": "Velo 3", "colour": "blue"}, {"name": "Kettle", "colour": "red"}]
SAID = [{"name": "Velo 3", "colour": "red"}, {"name": "<script>alert(1)</script>", "colour": "\ud800"}]


@pytest.fixture(name="page")
def written_page(tmp_path: Path) -> str:
    first, second = iter_gold({"a": GOLD, "b": GOLD}, key="name", documents={"a": DOCUMENT})
    place = DOCUMENT.index("blue")
    evidence = [{"path": "[0].colour", "spans": [[place, place + 4]]}]
    samples = [dataclasses.replace(first, evidence=json.dumps(evidence)), second]
    outputs = {"a": json.dumps(SAID), "b": "I <i>cannot</i>"}
    report = text2json.score(outputs, samples)
    path = tmp_path / "page.html"
    write_page(path, report, worst(report.details), samples, outputs)
    return path.read_text(encoding="utf-8")


def test_all_texts_are_escaped_and_nothing_is_fetched(page: str) -> None:
    assert "&lt;script&gt;alert(1)" in page
    assert "I &lt;i&gt;cannot&lt;/i&gt;" in page
    assert "&lt;b&gt;Kettle" in page
    assert not re.search(r"<script|<img|src=|url\(|https?:", page)
    assert "default-src 'none'" in page


def test_document_gold_and_prediction_stand_side_by_side_with_the_errors_coloured(page: str) -> None:
    assert re.search(r'<mark class="wrong" title="record 0, colour: wrong">blue</mark>', page)
    row = re.search(r'<tr class="wrong">.*?colour</th><td>blue</td><td>red<br>.*?</td></tr>', page)
    assert row
    assert "value of another record" in row[0]
    assert page.count('<tr class="missing">') == 2 + 4
    assert page.count('<tr class="hallucinated">') == 2


def test_the_headline_figures_are_those_of_the_report(page: str) -> None:
    for told in ("Record F1 0.000", "exact documents", "schema-valid", "floor: all null answer", "text2json|version:"):
        assert told in page


def test_the_worst_samples_come_first() -> None:
    report = text2json.score({"a": json.dumps(GOLD), "b": "[]"}, {"a": GOLD, "b": GOLD})
    assert [one.id for one in worst(report.details)] == ["b", "a"]
    assert [one.id for one in worst(report.details, most=1)] == ["b"]
