from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from text2json.metrics.first_wrong import Leaf, departure, judge_leaves
from text2json.metrics.scoring import score_sample
from text2json.schemas.canonical import canonical_json
from text2json.schemas.sample import Sample

GOLD = [
    {"name": "Velo 3", "colour": "blue", "watts": 120},
    {"name": "Arden", "colour": "red", "watts": 35},
    {"name": "Kettle", "colour": "green", "watts": 7},
]
SCHEMA = {
    "type": "array",
    "x-key": "name",
    "items": {"type": "object", "properties": {
        "name": {"type": "string"}, "colour": {"type": "string"}, "watts": {"type": "integer"}}},
}  # fmt: skip


def make(gold: Any = GOLD, schema: Any = SCHEMA) -> Sample:
    return Sample("x", "", "external", "", canonical_json(gold), canonical_json(schema), [0, 0], "[]", "{}", "")


def judged(output: str, gold: Any = GOLD, schema: Any = SCHEMA) -> dict[tuple[int, str], Leaf]:
    return {(leaf.record, leaf.field): leaf for leaf in judge_leaves(make(gold, schema), output)}


def test_right_leaves_have_a_place_and_no_fault() -> None:
    output = json.dumps(GOLD)
    for (record, field), leaf in judged(output).items():
        assert leaf.verdict == "right"
        assert leaf.wrong_at is None
        assert leaf.place is not None
        assert output[leaf.place.start : leaf.place.end] == json.dumps(GOLD[record][field])


@pytest.mark.parametrize(
    ("field", "value", "rest"),
    [
        ("colour", '"blurry"', 'rry"'),  # departs inside
        ("colour", '"blu"', '"'),  # ends too early: its closing quote
        ("colour", '"blue sky"', ' sky"'),  # goes on
        ("colour", "7", "7"),  # another type
        ("colour", "null", "null"),  # says that there is none
        ("watts", "125", "5"),
        ("watts", "12", ""),  # ends too early: what follows the value
        ("watts", "1200", "0"),
    ],
)
def test_a_wrong_value_departs_where_its_letters_do(field: str, value: str, rest: str) -> None:
    record = {name: json.dumps(item) for name, item in GOLD[0].items()} | {field: value}
    inner = ", ".join(f'"{name}": {text}' for name, text in record.items())
    output = f"[{{{inner}}}, {json.dumps(GOLD[1])}, {json.dumps(GOLD[2])}]"
    leaf = judged(output)[0, field]
    end = output.index(value, output.index(f'"{field}"') + len(field) + 2) + len(value)
    assert leaf.wrong_at == end - len(rest)
    assert not leaf.closes
    assert [one for one in judged(output).values() if one.wrong_at is not None] == [leaf]


def test_a_missing_field_is_lost_where_its_record_closes() -> None:
    output = json.dumps([{"name": "Velo 3", "colour": "blue"}, *GOLD[1:]])
    leaf = judged(output)[0, "watts"]
    assert (leaf.verdict, leaf.closes, leaf.wrong_at) == ("missing", True, output.index("}"))


def test_a_missing_record_is_lost_where_the_list_closes() -> None:
    output = json.dumps(GOLD[:2]) + " Done."
    for field in GOLD[2]:
        leaf = judged(output)[2, field]
        assert (leaf.verdict, leaf.closes, leaf.wrong_at) == ("missing", True, output.index("]"))


def test_a_record_of_a_wrong_name_takes_the_place_of_the_missing_one() -> None:
    output = json.dumps([GOLD[0], {"name": "Ardent", "colour": "red", "watts": 36}, GOLD[2]])
    leaves = judged(output)
    at = output.index("Ardent") + len("Arden")
    assert (leaves[1, "name"].wrong_at, leaves[1, "name"].blames) == (at, None)
    assert (leaves[1, "colour"].wrong_at, leaves[1, "colour"].blames) == (at, leaves[1, "name"])
    assert leaves[1, "watts"].wrong_at == output.index("36") + 1
    assert {leaf.verdict for (record, _), leaf in leaves.items() if record == 1} == {"missing"}


def test_strangers_are_paired_by_what_they_share_and_then_in_order() -> None:
    output = json.dumps([{"name": "x", "watts": 7}, {"name": "y", "watts": 1}, {"name": "z", "watts": 2}])
    leaves = judged(output)
    at = {record: leaves[record, "name"].wrong_at for record in range(3)}
    assert at == {2: output.index("x"), 0: output.index("y"), 1: output.index("z")}


def test_an_output_that_breaks_off_places_its_complete_records() -> None:
    output = json.dumps(GOLD)[:-60]
    leaves = judged(output)
    assert {leaf.verdict for leaf in leaves.values()} == {"missing"}
    assert leaves[0, "colour"].place is not None
    assert leaves[2, "name"].wrong_at is None


@pytest.mark.parametrize("output", ["", "nothing", "{", "[", "][", "\ud800"])
def test_an_output_that_is_none_names_no_place(output: str) -> None:
    leaves = judged(output)
    assert len(leaves) == 9
    assert all(leaf.wrong_at is None for leaf in leaves.values())


def test_a_single_object_and_nested_fields() -> None:
    gold = {"name": "Velo", "size": {"cm": 31}}
    schema = {"type": "object", "properties": {"size": {"type": "object", "properties": {"cm": {"type": "integer"}}}}}
    output = 'It is {"name": "Velo", "size": {"cm": 34}}.'
    leaves = judged(output, gold, schema)
    assert leaves[0, "size.cm"].wrong_at == output.index("4")
    assert leaves[0, "name"].verdict == "right"


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ('[{"name": "Velo 3", "colour": "blue', True),
        ('[{"name": "Velo 3", "colour": "blu', True),
        ('[{"name": "Velo 3", "colour": "blue"', True),
        ('[{"name": "Velo 3", "colour": "bla', False),
        ('[{"name": "Velo 3", "colour": "blues', False),
    ],
)
def test_another_continuation_is_right_as_long_as_the_gold_allows_it(text: str, right: bool) -> None:
    output = '[{"name": "Velo 3", "colour": "black", "watts": 120}]'
    assert judged(output)[0, "colour"].allows(text) is right


@pytest.mark.parametrize(("text", "right"), [('[{"name": "Velo 3",', True), ('[{"name": "Velo 3"}', False)])
def test_going_on_is_right_where_a_bracket_closed_too_early(text: str, right: bool) -> None:
    assert judged('[{"name": "Velo 3"}]')[0, "colour"].allows(text) is right


@given(st.integers() | st.text() | st.lists(st.text() | st.integers()), st.data())
def test_a_beginning_of_the_gold_never_departs_and_one_changed_letter_does(gold: Any, data: st.DataObject) -> None:
    text = canonical_json(gold)
    cut = data.draw(st.integers(0, len(text)))
    assert departure(text[:cut], 0, cut, gold) is None
    if cut < len(text) and "\\" not in text:
        assert departure(text[:cut] + "☃", 0, cut + 1, gold) == cut


@given(st.lists(st.fixed_dictionaries({"name": st.sampled_from("ABC"), "watts": st.integers(0, 3)}), max_size=4))
def test_verdicts_are_the_scorers_and_every_fault_has_a_place(records: list[Any]) -> None:
    output = json.dumps(records)
    sample = make()
    found = judge_leaves(sample, output)
    verdicts = {(v.gold, v.field): v.verdict for v in score_sample(sample, output).verdicts if v.verdict in
                ("right", "wrong", "missing") and v.gold is not None}  # fmt: skip
    assert {(leaf.record, leaf.field): leaf.verdict for leaf in found} == verdicts
    for leaf in found:
        assert (leaf.wrong_at is None) == (leaf.verdict == "right")
        assert leaf.wrong_at is None or 0 <= leaf.wrong_at < len(output)
