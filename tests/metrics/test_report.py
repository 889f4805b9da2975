from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from text2json.metrics.report import ERRORS
from text2json.metrics.scoring import score

RECORD = st.fixed_dictionaries(
    {}, optional={"name": st.sampled_from("AB"), "x": st.sampled_from("12"), "y": st.just("z")}
)
RUNS = st.lists(st.tuples(st.lists(RECORD, max_size=3), st.lists(RECORD, max_size=3)), min_size=1, max_size=5)


@settings(max_examples=30)
@given(RUNS)
def test_every_figure_is_the_sum_or_the_mean_of_the_samples(run: list[tuple[list[Any], list[Any]]]) -> None:
    report = score([answer for _, answer in run], [gold for gold, _ in run])
    details = report.details
    count = len(details)
    for figures, parts in (
        (report.records, [one.records for one in details]), (report.fields, [one.fields for one in details]),
    ):  # fmt: skip
        right, predicted, gold = (sum(part[place] for part in parts) for place in range(3))
        assert figures.counts == (right, predicted, gold)
        assert figures.f1 == pytest.approx(2 * right / (predicted + gold) if predicted + gold else 1)
        for low, high in (figures.f1_interval, figures.precision_interval, figures.recall_interval):
            assert 0 <= low <= high <= 1
    for path, counts in report.by_field.items():
        assert counts == tuple(sum(one.by_field[path][p] for one in details if path in one.by_field) for p in range(3))
    assert report.macro_record_f1 == pytest.approx(sum(one.records.f1 for one in details) / count)
    assert report.macro_field_f1 == pytest.approx(sum(one.fields.f1 for one in details) / count)
    assert report.exact_documents == pytest.approx(sum(one.records.f1 == 1 for one in details) / count)
    assert report.errors == {kind: sum(one.errors.get(kind, 0) for one in details) for kind in ERRORS}
    assert sum(report.statuses.values()) == count
    for groups in report.groups.values():
        assert sum(group.samples for group in groups.values()) == count
        assert sum(group.fields.gold for group in groups.values()) == report.fields.gold
    wrong = sum(number for kind, number in report.errors.items() if kind.startswith("wrong:"))
    verdicts = [verdict.verdict for one in details for verdict in one.verdicts]
    assert verdicts.count("right") == report.fields.right
    assert verdicts.count("wrong") == wrong


def test_floors_are_what_empty_and_all_null_answers_reach() -> None:
    gold: list[list[dict[str, Any]]] = [[{"name": "A", "x": "1"}, {"name": None}], [{"name": "B"}]]
    report = score([[], []], gold)
    nulls = score([[{"name": None}] * len(records) for records in gold], gold)
    assert report.floors["empty"]["records"] == report.records.f1 == 0
    assert report.floors["all null"]["records"] == nulls.records.f1
    assert report.floors["all null"]["fields"] == nulls.fields.f1 == 0


def test_a_report_is_json_and_a_text_that_a_person_reads() -> None:
    report = score(['[{"name":"A"}', '[{"name":"A","name":"B"}]', None], [[{"name": "A"}], [{"name": "B"}], []])
    told = json.loads(json.dumps(report.to_dict()))
    assert told["statuses"] == {"missing": 1, "ok": 1, "truncated": 1}
    assert told["salvaged"] == {"records": 1.0, "fields": 1.0}
    assert (told["duplicate_keys"], told["exact"], told["paper"]) == (1, True, None)
    text = str(report)
    assert "samples          3   (missing 1, ok 1, truncated 1)" in text
    assert "with salvage     records 1.000, fields 1.000" in text
    assert "duplicate keys   1" in text
    assert text.splitlines()[-1] == report.signature
