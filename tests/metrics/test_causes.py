from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

import text2json
from text2json.metrics.causes import Document
from text2json.metrics.gold import iter_gold
from text2json.metrics.limits import Limits

DOCUMENT = "Ada lives in Bergen, not in Oslo. Bob lives in Rome; his mother, born in 1935, in Pisa."
DOCUMENT += " It costs 1,234 or 12.50, at -2 degrees."
GOLD = [{"name": "Ada", "city": "Bergen"}, {"name": "Bob", "city": "Rome"}]


def cause(value: Any, *, evidence: list[Any] | None = None, document: str = DOCUMENT, **options: Any) -> str:
    """Return why Ada's city is wrong."""
    (sample,) = iter_gold({"s": GOLD}, key="name", documents={"s": document})
    sample = dataclasses.replace(sample, evidence=json.dumps(evidence or []))
    report = text2json.score({"s": json.dumps([{"name": "Ada", "city": value}, GOLD[1]])}, [sample], **options)
    (kind,) = (kind for kind, number in report.errors.items() if number)
    return kind


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Rome", "wrong:other_record"),
        ("bergen", "wrong:near_miss"),
        ("Bergn", "wrong:near_miss"),
        ("Oslo", "wrong:elsewhere"),
        ("OSLO", "wrong:elsewhere"),
        (1935, "wrong:elsewhere"),
        ("slo", "wrong:invented"),
        ("Paris", "wrong:invented"),
        (193, "wrong:invented"),
        (1234, "wrong:elsewhere"),
        (12.5, "wrong:elsewhere"),
        (-2, "wrong:elsewhere"),
        (2, "wrong:invented"),
        (["Oslo", "Pisa"], "wrong:elsewhere"),
        (["Oslo", "Paris"], "wrong:invented"),
        ([], "wrong:invented"),
        ("", "wrong:unplaced"),
    ],
)
def test_a_wrong_value_has_the_first_cause_that_fits(value: Any, expected: str) -> None:
    assert cause(value) == expected


def test_what_the_evidence_has_for_another_record_is_of_another_record() -> None:
    place = DOCUMENT.index("Pisa")
    stated = [{"path": "[1].mother.city", "spans": [[place, place + 4]]}]
    assert cause("Pisa") == "wrong:elsewhere"
    assert cause("pisa", evidence=stated) == "wrong:other_record"
    assert cause("Pisa", evidence=[*stated, {"path": "[0].x", "spans": [[place, place + 4]]}]) == "wrong:elsewhere"


def test_without_a_document_or_time_it_is_not_placed() -> None:
    assert cause("Paris", document="") == "wrong:unplaced"
    assert cause("Paris", limits=Limits(seconds=-1)) == "wrong:unplaced"


@pytest.mark.parametrize(("gold", "predicted"), [(10**400, 5), (1.5, 10**400), (10**400, 1e300)])
def test_numbers_beyond_any_float_have_no_place(gold: float, predicted: float) -> None:
    report = text2json.score([json.dumps([{"k": "a", "v": predicted}])], [[{"k": "a", "v": gold}]], key="k")
    assert report.errors["wrong:unplaced"] == 1


def test_a_value_is_found_as_a_word_of_the_normal_form() -> None:
    (sample,) = iter_gold({"s": []}, documents={"s": "The  “Grand” Hôtel,\nNo. 5"})
    document = Document(sample)
    assert document.states('"grand" hôtel')
    assert document.states(5)
    assert not document.states("hôte")
