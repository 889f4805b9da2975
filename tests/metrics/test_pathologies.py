"""What has broken other scorers of structured extraction: each case scores by a written rule and breaks nothing.

The table of rules is docs/scoring.md.
"""

from __future__ import annotations

import dataclasses
import json
import random
import subprocess
import sys
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from text2json.errors import DataError
from text2json.metrics import Limits, Report, assignment, score
from text2json.metrics.gold import iter_gold

A, B = {"name": "A", "x": "1"}, {"name": "B", "x": "2"}
TEXT = {"type": "object", "properties": {"name": {"type": "string"}, "x": {"type": "string"}}}


def scored(predicted: Any, gold: Any, **options: Any) -> Report:
    output = predicted if isinstance(predicted, str) else json.dumps(predicted)
    return score({"s": output}, {"s": gold}, **options)


def status(output: str, gold: Any = (A,), **options: Any) -> str:
    (name,) = scored(output, list(gold), **options).statuses
    return name


# Counting


@pytest.mark.parametrize("times", [2, 3, 5])
@pytest.mark.parametrize("key", ["name", None])
def test_answering_everything_several_times_costs_precision(times: int, key: str | None) -> None:
    report = scored([A, B] * times, [A, B], key=key)
    assert report.records.recall == 1
    assert report.records.precision == pytest.approx(1 / times)
    assert report.errors["hallucinated_record"] == 2 * (times - 1)


@pytest.mark.parametrize("key", ["name", None])
def test_a_duplicate_does_not_stand_for_another_record(key: str | None) -> None:
    report = scored([A, A], [A, B], key=key)
    assert (report.records.right, report.records.predicted, report.records.gold) == (1, 2, 2)


@pytest.mark.parametrize("key", ["name", None])
def test_duplicates_that_the_gold_has_too_are_right(key: str | None) -> None:
    assert scored([A, A, B], [A, B, A], key=key).records.f1 == 1


def test_values_swapped_between_records_are_no_right_records() -> None:
    report = scored([{"name": "A", "x": "2"}, {"name": "B", "x": "1"}], [A, B], key="name")
    assert report.records.right == 0
    assert report.errors["wrong:other_record"] == 2


def test_a_wrapper_object_is_seen_through_and_told() -> None:
    report = scored({"records": [A]}, [A])
    assert report.records.f1 == 1
    assert report.statuses == {"embedded": 1}


def test_a_failed_sample_lowers_the_score() -> None:
    report = score({"a": json.dumps([A]), "b": "I cannot"}, {"a": [A], "b": [A]})
    assert report.records.recall == 0.5
    assert report.macro_record_f1 == 0.5


def test_nothing_falls_off_a_cliff_of_size() -> None:
    """At every size just above and below a limit of the alignment, a perfect answer is perfect."""
    for count in (120, 135, 600):
        gold = [{"a": f"v{i}", "b": f"w{i % 7}"} for i in range(count)]
        predicted = [dict(record) for record in gold]
        random.Random(1).shuffle(predicted)
        assert scored(predicted, gold).records.f1 == 1
        assert scored(predicted, gold, limits=Limits(cells=10)).records.f1 == 1


# Absence


@pytest.mark.parametrize(
    ("gold", "predicted", "fields"),
    [
        (None, None, (1, 1, 1)),
        (None, "", (1, 2, 1)),
        (None, [], (1, 2, 1)),
        ("", None, (1, 1, 2)),
        ("", "", (2, 2, 2)),
        ("", [], (1, 2, 2)),
        ([], None, (1, 1, 2)),
        ([], "", (1, 2, 2)),
        ([], [], (2, 2, 2)),
        (0, None, (1, 1, 2)),
        (0, 0, (2, 2, 2)),
        (0, False, (1, 2, 2)),
        (False, None, (1, 1, 2)),
        (False, False, (2, 2, 2)),
        (False, 0, (1, 2, 2)),
        (False, "", (1, 2, 2)),
    ],
)
@pytest.mark.parametrize("written", [True, False])
def test_null_is_a_missing_key_and_all_else_is_a_value(
    gold: Any, predicted: Any, fields: tuple[int, int, int], written: bool
) -> None:
    """`written`: whether null is written out or the key left away."""

    def record(value: Any) -> dict[str, Any]:
        return {"k": "id"} if value is None and not written else {"k": "id", "x": value}

    report = scored([record(predicted)], [record(gold)], key="k")
    assert (report.fields.right, report.fields.predicted, report.fields.gold) == fields


def test_the_floors_are_what_empty_and_all_null_answers_really_score() -> None:
    golds = {"a": [A, B, {}], "b": [], "c": [A]}
    report = score({}, golds)
    empty = score(dict.fromkeys(golds, "[]"), golds)
    null = score({n: json.dumps([{"name": None, "x": None}] * len(g)) for n, g in golds.items()}, golds)
    assert report.floors["empty"] == {"records": empty.records.f1, "fields": empty.fields.f1}
    assert report.floors["all null"] == {"records": null.records.f1, "fields": null.fields.f1}


# Input


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ('[{"name":"A","x":"0","x":"1"}]', "ok"),
        ('\ufeff[{"name":"A","x":"1"}]', "ok"),
        ('[{"name":"A","x":"\ud800"}]', "ok"),
        ('[{"name":"A","x":"\\ud800"}]', "ok"),
        ('[{"name":"A","x":"\\u0000"}]', "ok"),
        ('[{"name":"A","x":"a\nb"}]', "invalid"),
        ('[{"name":"A","x":NaN}]', "invalid"),
        ('[{"name":"A","x":-Infinity}]', "invalid"),
        ('[{"name":"A","x":1e400}]', "ok"),
        ('[{"name":"A"}] and [{"name":"B"}]', "embedded"),
        ("see [1] and [2]", "invalid"),
        ('<think>[{"name":"B"}]</think>\n[{"name":"A"}]', "ok"),
        ('[{"name":"```json\\n[]\\n```"}]', "ok"),
        ('{"type":"array","items":{"type":"object"}}', "wrong_type"),
        ('[{"name":"A","x":"1', "truncated"),
        ('[{"name":"A","x":"1"', "truncated"),
        ('[{"name":"A","x":"1"}', "truncated"),
        ('[{"name":"A","x":"1"},' * 5_000, "truncated"),
        ("[" * 100_000, "invalid"),
        ('[{"a":' * 100_000, "invalid"),
        ("[" + "[" * 500 + "]" * 500 + "]", "over_limit"),
        ("\x00", "invalid"),
        ("", "invalid"),
    ],
    ids=range(23),
)
def test_every_output_has_a_status_and_breaks_nothing(output: str, expected: str) -> None:
    start = time.perf_counter()
    report = scored(output, [A])
    assert report.statuses in ({expected: 1}, {"invalid": 1} if expected == "truncated" and len(output) > 10**5 else {})
    assert 0 <= report.fields.f1 <= 1
    json.dumps(report.to_dict(), allow_nan=False)
    assert time.perf_counter() - start < 20


def test_the_last_of_two_equal_keys_counts_and_the_report_says_so() -> None:
    report = scored('[{"name":"A","x":"0","x":"1"}]', [A])
    assert report.records.f1 == 1
    assert report.duplicate_keys == 1
    assert "duplicate keys   1" in str(report)


def test_colons_in_values_are_no_duplicate_keys() -> None:
    odd = [{"name": 'a":"b', "x": "12:30"}]
    assert scored(odd, odd).duplicate_keys == 0


def test_limits_are_kept_and_reported() -> None:
    deep: Any = "x"
    for _ in range(20):
        deep = [deep]
    report = scored([{"name": "A", "x": deep}], [A], limits=Limits(depth=10))
    assert report.limits == {"unread": 1, "greedy": 0}
    assert scored([{"name": "A", "x": deep}], [A], limits=Limits(depth=30)).statuses == {"ok": 1}
    assert status("[]" + " " * 100, limits=Limits(bytes=50)) == "over_limit"
    assert status("[]" + "ä" * 20, limits=Limits(bytes=30)) == "over_limit"
    assert "/10/" in report.signature


@pytest.mark.parametrize(
    "output",
    [
        "```\n" + " " * 1_000_000 + "x",
        "```" + "a" * 1_000_000,
        "```\n" * 200_000,
        ("[" + " " * 100) * 10_000,
        "<think>" * 100_000,
        '["' + ('a" ' + " " * 100) * 10_000,
        '{"' * 500_000,
    ],
    ids=range(7),
)
def test_no_output_takes_the_parser_more_than_its_length(output: str) -> None:
    start = time.perf_counter()
    assert status(output) == "invalid"
    assert time.perf_counter() - start < 10


def test_a_hundred_megabytes_are_refused_at_once() -> None:
    output = '[{"name":"' + "a" * 100_000_000 + '"}]'
    start = time.perf_counter()
    assert status(output) == "over_limit"
    assert time.perf_counter() - start < 2


def test_very_long_values_are_compared_in_time() -> None:
    rng = random.Random(3)
    gold = [{"k": str(i), "x": "".join(rng.choices("abc ", k=20_000))} for i in range(20)]
    predicted = [{"k": r["k"], "x": "".join(rng.choices("abc ", k=20_000))} for r in gold]
    start = time.perf_counter()
    scored(predicted, gold, key="k")
    scored(predicted, gold, schema={"type": "object", "properties": {"x": {"x-compare": {"similarity": 0.9}}}})
    assert time.perf_counter() - start < 20


FUZZY = {"type": "object", "properties": {"c": {"type": "string", "x-compare": {"similarity": 0.9}}}}


@pytest.mark.parametrize("schema", [None, FUZZY])
def test_records_that_all_share_a_leaf_are_aligned_in_bounded_time_and_memory(
    schema: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where every pair passes the gate the table of pairs has no zeros; above a size the choice is greedy."""
    monkeypatch.setattr(assignment, "_ENTRIES", 100_000)
    gold = [{"a": "x", "b": "y", "c": f"g{i}"} for i in range(1_500)]
    predicted = [{"a": "x", "b": "y", "c": f"p{i}{i}"} for i in range(1_500)]
    start = time.perf_counter()
    report = scored(predicted, gold, schema=schema)
    assert not report.exact
    assert report.fields.right == 3_000
    assert time.perf_counter() - start < 20


def test_fuzzy_fields_of_many_long_texts_are_aligned_by_equality_and_it_is_told() -> None:
    rng = random.Random(4)
    texts = ["".join(rng.choices("abc", k=300)) for _ in range(20)]
    gold = [{"k": i, "c": text} for i, text in enumerate(texts)]
    predicted = [{"k": i, "c": text[:-1] + "z"} for i, text in enumerate(texts)]
    assert scored(predicted, gold, schema=FUZZY).exact
    report = scored(predicted, gold, schema=FUZZY, limits=Limits(cells=1_000))
    assert not report.exact
    assert report.records.f1 == 1


def test_unknown_doubled_and_missing_ids() -> None:
    with pytest.raises(DataError, match="unknown id 't'"):
        score({"t": "[]"}, {"s": []})
    rows = [{"id": "s", "domain": "", "kind": "external", "problem": "", "answer": "[]", "schema": "{}",
             "text_span": [0, 0], "evidence": "[]", "knobs": "{}", "canary": ""}] * 2  # fmt: skip
    with pytest.raises(DataError, match="'s' twice"):
        score({}, rows)
    assert score({}, {"s": []}).statuses == {"missing": 1}


def test_gold_that_cannot_be_json_is_an_error() -> None:
    with pytest.raises(DataError, match="gold of 's' is no JSON"):
        score({}, {"s": [{"x": float("nan")}]})
    with pytest.raises(DataError, match="prediction for 's' is neither"):
        score({"s": [{"x": object()}]}, {"s": []})


# Invariants

VALUE = (
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "1", "a", "b", "ä", " a "]) | st.floats(-1, 1)
)
NESTED = VALUE | st.lists(VALUE, max_size=2) | st.dictionaries(st.sampled_from("pq"), VALUE, max_size=2)
RECORDS = st.lists(st.dictionaries(st.sampled_from("xyz"), NESTED, max_size=3), max_size=4)


@given(RECORDS, RECORDS, st.sampled_from(["x", None]))
def test_all_figures_lie_between_0_and_1_and_hold_together(gold: Any, predicted: Any, key: str | None) -> None:
    report = scored(predicted, gold, key=key)
    parts: list[Any] = [report.records, report.fields, *report.by_field.values()]
    for part in parts:
        assert 0 <= part.precision <= 1
        assert 0 <= part.recall <= 1
        assert part.right <= min(part.predicted, part.gold)
    assert report.records.raw_f1 <= report.records.f1
    assert report.fields.raw_f1 <= report.fields.f1
    low, high = report.records.f1_interval
    assert low <= report.records.f1 <= high
    assert sum(counts.right for counts in report.by_field.values()) == report.fields.right
    wrong = sum(n for kind, n in report.errors.items() if kind.startswith("wrong"))
    verdicts = [verdict.verdict for verdict in report.details[0].verdicts]
    assert verdicts.count("wrong") == wrong
    assert verdicts.count("right") == report.fields.right
    assert len(verdicts) == report.fields.predicted + report.fields.gold - report.fields.right - wrong


@given(RECORDS, RECORDS)
def test_scoring_the_other_way_round_swaps_precision_and_recall(gold: Any, predicted: Any) -> None:
    one, other = scored(predicted, gold), scored(gold, predicted)
    assert (one.records.precision, one.records.recall) == (other.records.recall, other.records.precision)


@given(RECORDS, RECORDS, st.randoms(use_true_random=False), st.sampled_from(["x", None]))
def test_the_order_of_records_and_of_keys_changes_nothing(
    gold: Any, predicted: Any, shuffle: random.Random, key: str | None
) -> None:
    def mixed(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
        turned = [dict(shuffle.sample(sorted(record.items(), key=str), len(record))) for record in records]
        shuffle.shuffle(turned)
        return turned

    before, after = scored(predicted, gold, key=key), scored(mixed(predicted), mixed(gold), key=key)
    assert after.by_field == before.by_field
    assert (after.records.counts, after.fields.counts) == (before.records.counts, before.fields.counts)


@given(RECORDS, RECORDS)
def test_leaving_out_a_right_record_never_raises_recall(gold: Any, predicted: Any) -> None:
    before = scored([*predicted, *gold], gold)
    after = scored([*predicted, *gold[1:]], gold)
    assert after.records.recall <= before.records.recall


@given(st.lists(RECORDS, min_size=1, max_size=5), st.lists(RECORDS, min_size=5, max_size=5))
def test_samples_scored_together_score_as_each_alone(golds: list[Any], predictions: list[Any]) -> None:
    names = [str(i) for i in range(len(golds))]
    outputs = {name: json.dumps(predictions[int(name)]) for name in names}
    together = score(outputs, dict(zip(names, golds, strict=True)))
    for name, gold in zip(names, golds, strict=True):
        (alone,) = score({name: outputs[name]}, {name: gold}).details
        assert together.details[int(name)] == alone


def test_the_hash_seed_changes_nothing() -> None:
    program = (
        "import json,random;from text2json.metrics import score;r=random.Random(2);"
        "R=lambda:[{k:r.choice('abc') for k in 'xyz' if r.random()<.9} for _ in range(9)];"
        "print(json.dumps(score({str(i):json.dumps(R()) for i in range(9)},{str(i):R() for i in range(9)}).to_dict()))"
    )
    said = {
        subprocess.run(
            [sys.executable, "-c", program], env={"PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("0", "1", "77")
    }
    assert len(said) == 1


# What must not stop the scoring of a thousand other samples


def test_a_number_of_too_many_digits_is_no_json_for_python() -> None:
    for output in ('[{"name":%s}]' % ("9" * 5000), '[{"name":[%s]}]' % ("9" * 5000)):
        assert status(output) == "invalid"
    assert status('[{"name":%s}]' % ("9" * 4300)) == "ok"


def test_a_key_that_no_terminal_takes_is_told_with_its_escape() -> None:
    report = scored('[{"name":"A","\\ud800":"y"}]', [A])
    assert "\\ud800" in str(report)
    str(report).encode()


def test_answers_whose_records_have_hardly_a_path_in_common_take_little_memory() -> None:
    wide = json.dumps([{f"k{number}": 1} for number in range(5000)])
    assert status(wide) == "over_limit"
    assert status(wide[:-1]) == "over_limit"
    assert status(json.dumps([{"k": 1}] * 5000)) == "ok"
    many = {str(place): json.dumps([{f"{place}.{number}": [1]} for number in range(40)]) for place in range(9)}
    gold = {place: json.loads(output) for place, output in many.items()}
    assert score(many, gold, limits=Limits(table=1 << 10)).records.predicted == 0
    assert score(many, gold, limits=Limits(table=1 << 12)).records.f1 == 1


def test_domains_may_begin_with_a_digit() -> None:
    (sample,) = iter_gold({"s": [A]})
    samples = [dataclasses.replace(sample, id=name, domain=name) for name in ("20newsgroups", "3d", "a")]
    assert list(score({}, samples).groups["domain"]) == ["20newsgroups", "3d", "a"]
