from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import text2json
from text2json.errors import DataError
from text2json.metrics.counts import Counts, Verdict
from text2json.metrics.uncertainty import intervals
from text2json.schemas.canonical import canonical_json
from text2json.schemas.sample import Sample

TEXT = {"type": "string"}
PROPERTIES = {"name": TEXT, "x": TEXT, "y": TEXT}


def sample(records: list[Any], *, key: str | None = "name", name: str = "s") -> Sample:
    schema: dict[str, Any] = {"type": "array", "items": {"type": "object", "properties": PROPERTIES}}
    if key is not None:
        schema["x-key"] = key
    return Sample(id=name, domain="d", kind="synthetic", problem="p", answer=canonical_json(records),
                  schema=canonical_json(schema), text_span=[0, 1], evidence="[]", knobs="{}", canary="")  # fmt: skip


def counts(gold: list[Any], predicted: list[Any], *, key: str | None = "name") -> tuple[tuple[int, ...], ...]:
    report = text2json.score({"s": json.dumps(predicted)}, [sample(gold, key=key)])
    return tuple((part.right, part.predicted, part.gold) for part in (report.records, report.fields))


A, B = {"name": "A", "x": "1", "y": "2"}, {"name": "B", "x": "3", "y": "4"}


@pytest.mark.parametrize(
    ("gold", "predicted", "records", "fields"),
    [
        ([A, B], [A, B], (2, 2, 2), (6, 6, 6)),
        ([A, B], [B, A], (2, 2, 2), (6, 6, 6)),
        ([A, B], [A], (1, 1, 2), (3, 3, 6)),
        ([A], [A, B], (1, 2, 1), (3, 6, 3)),
        ([A, B], [A, A], (1, 2, 2), (3, 6, 6)),  # a duplicate is a false positive
        ([A, A], [A, A], (2, 2, 2), (6, 6, 6)),  # unless the gold has it too
        ([A], [{**A, "x": "?"}], (0, 1, 1), (2, 3, 3)),
        ([A], [{"name": "A", "x": "1"}], (0, 1, 1), (2, 2, 3)),
        ([A], [{**A, "z": "5"}], (0, 1, 1), (3, 4, 3)),
        ([A], [{**A, "z": None}], (1, 1, 1), (3, 3, 3)),
        ([A, B], [{**A, "x": "3"}, {**B, "x": "1"}], (0, 2, 2), (4, 6, 6)),  # swapped across records
        ([A], ["text"], (0, 1, 1), (0, 1, 3)),
        ([], [], (0, 0, 0), (0, 0, 0)),
        ([], [A], (0, 1, 0), (0, 3, 0)),
        ([A], [], (0, 0, 1), (0, 0, 3)),
        ([A], [{"x": "1", "y": "2"}], (0, 1, 1), (0, 2, 3)),  # without its key a record stands alone
    ],
)
def test_records_and_fields_are_counted_by_the_written_rules(
    gold: list[Any], predicted: list[Any], records: tuple[int, ...], fields: tuple[int, ...]
) -> None:
    assert counts(gold, predicted) == (records, fields)


def test_empty_against_empty_is_perfect_and_something_against_nothing_is_not() -> None:
    assert text2json.score({"s": "[]"}, [sample([])]).records.f1 == 1.0
    assert text2json.score({"s": json.dumps([A])}, [sample([])]).records.f1 == 0.0


RECORD = st.fixed_dictionaries(
    {}, optional={name: st.sampled_from(["1", "2", "3", "", None]) for name in ("name", "x", "y")}
)
RECORDS = st.lists(RECORD, max_size=5)


@given(RECORDS, RECORDS, st.randoms(use_true_random=False), st.sampled_from(["name", None]))
def test_order_never_matters(gold: list[Any], predicted: list[Any], random: Any, key: str | None) -> None:
    before = counts(gold, predicted, key=key)
    shuffled_gold, shuffled = list(gold), list(predicted)
    random.shuffle(shuffled_gold)
    random.shuffle(shuffled)
    assert counts(shuffled_gold, shuffled, key=key) == before


@given(RECORDS, st.sampled_from(["name", None]))
def test_the_gold_itself_scores_1(gold: list[Any], key: str | None) -> None:
    report = text2json.score({"s": json.dumps(gold)}, [sample(gold, key=key)])
    if key is None or all(record.get("name") is not None for record in gold):
        assert report.records.f1 == report.fields.f1 == 1.0
    assert 0 <= report.records.f1 <= 1


@given(RECORDS, RECORDS)
def test_a_stranger_more_never_raises_precision(gold: list[Any], predicted: list[Any]) -> None:
    stranger = {"name": "stranger", "x": "?"}
    before = text2json.score({"s": json.dumps(predicted)}, [sample(gold)])
    after = text2json.score({"s": json.dumps([*predicted, stranger])}, [sample(gold)])
    if predicted:
        assert after.records.precision <= before.records.precision
        assert after.fields.precision <= before.fields.precision
    assert after.records.recall <= before.records.recall


def test_failed_samples_count_as_empty_answers() -> None:
    data = [sample([A], name="one"), sample([A], name="two"), sample([A], name="three")]
    report = text2json.score({"one": json.dumps([A]), "two": "sorry"}, data)
    assert report.statuses == {"invalid": 1, "missing": 1, "ok": 1}
    assert report.records.recall == pytest.approx(1 / 3)
    assert report.paper == pytest.approx(100 / 3)


def test_the_report_says_what_it_is_made_of() -> None:
    report = text2json.score({"s": json.dumps([{**A, "x": "?"}, B])}, [sample([A, B])])
    told = report.to_dict()
    assert told["records"]["f1"] == 0.5
    assert told["by_field"]["x"]["f1"] == 0.5
    assert told["signature"] == report.signature
    assert "align:key" in report.signature
    assert "0.833" in str(report)
    wrong = [verdict for verdict in report.details[0].verdicts if verdict.verdict == "wrong"]
    assert wrong == [Verdict(0, 0, "x", "wrong", "invented")]


def test_a_fuzzily_right_value_is_not_right_as_it_is_written() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string", "x-compare": {"similarity": 0.5}}}}
    gold = [[{"a": "abcd", "b": "x"}, {"a": "same", "b": "y"}]]
    report = text2json.score([[{"a": "abcx", "b": "x"}, {"a": "same", "b": "y"}]], gold, schema=schema)
    assert (report.fields.f1, report.records.f1) == (1, 1)
    assert (report.fields.raw_f1, report.records.raw_f1) == (0.75, 0.5)


def test_the_paper_score_is_none_where_the_gold_is_not_of_its_form() -> None:
    assert text2json.score({"s": "[]"}, [sample([{"name": "A", "x": "1"}])]).paper is None


def test_a_file_and_a_mapping_score_alike(tmp_path: Path) -> None:
    file = tmp_path / "p.jsonl"
    file.write_text(json.dumps({"id": "s", "output": json.dumps([A])}) + "\n\n")
    assert text2json.score(file, [sample([A])]) == text2json.score({"s": json.dumps([A])}, [sample([A])])


def test_rows_of_a_dataset_are_accepted() -> None:
    assert text2json.score({"s": json.dumps([A])}, [sample([A]).to_dict()]).records.f1 == 1.0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"id": "s", "output": "[]"}\nnonsense', r"p\.jsonl:2: no JSON"),
        ('{"id": "s"}', r"p\.jsonl:1: no prediction"),
        ('{"id": "s", "output": null}', r"p\.jsonl:1: no prediction"),
        ('{"id": "s", "output": ""}\n{"id": "s", "output": ""}', r"p\.jsonl:2: id 's' stands twice"),
        ('{"id": "t", "output": ""}', "unknown id 't'"),
    ],
)
def test_a_broken_prediction_file_is_an_error_with_a_place(text: str, said: str, tmp_path: Path) -> None:
    file = tmp_path / "p.jsonl"
    file.write_text(text)
    with pytest.raises(DataError, match=said):
        text2json.score(file, [sample([A])])


def test_nothing_to_score_against_is_an_error() -> None:
    with pytest.raises(DataError, match="nothing to score against"):
        text2json.score({}, [])


def f1_interval(counts: list[Counts]) -> tuple[float, float]:
    return intervals([([2 * c.right for c in counts], [c.predicted + c.gold for c in counts])])[0]


def test_the_interval_holds_the_estimate_and_narrows_with_more_samples() -> None:
    few = [Counts(right, 4, 4) for right in (0, 2, 4, 3)]
    low, high = f1_interval(few)
    assert 0 <= low <= sum(c.right for c in few) / 16 <= high <= 1
    narrow_low, narrow_high = f1_interval(few * 50)
    assert narrow_high - narrow_low < 0.3 * (high - low)
    assert f1_interval(few) == (low, high)


def test_the_interval_agrees_with_the_normal_approximation() -> None:
    """For equal sample sizes the F1 is a mean of shares, whose standard error is that of a mean."""
    shares = [Counts(right, 10, 10) for right in range(11)] * 20
    mean, count = 0.5, len(shares)
    deviation = (sum((c.right / 10 - mean) ** 2 for c in shares) / count) ** 0.5
    low, high = f1_interval(shares)
    assert high - low == pytest.approx(2 * 1.96 * deviation / count**0.5, rel=0.1)
