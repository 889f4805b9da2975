from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from text2json.metrics.compare import Shape
from text2json.metrics.flatten import flatten, leaves, written
from text2json.metrics.table import Table

PROPERTIES = {
    "a": {"type": "string"},
    "b": {"type": "integer"},
    "c": {"enum": ["Open", "closed"]},
    "d": {"type": "string", "x-compare": {"case": False}},
    "e": {"type": "string", "format": "date"},
}
SHAPE = Shape({"properties": PROPERTIES}, {})
PLAIN = st.sampled_from(["x", "a b", "OPEN", "1,000", "20110107", ""])
ODD = st.sampled_from(["x ", " x", "a  b", "a\tb", "x\ny", "\n", "é", "e\u0301", "a\u200bb", "\x00", "x|y", "“q”"])
KINDS: list[st.SearchStrategy[Any]] = [
    PLAIN, PLAIN | ODD, st.integers(-2, 2), st.integers(-2, 2) | st.floats(-2, 2), st.booleans(), st.none(),
    st.none() | PLAIN, st.none() | st.integers(0, 2), st.booleans() | st.integers(0, 1),
    st.lists(PLAIN, max_size=2), st.dictionaries(st.sampled_from("xy"), PLAIN, max_size=2),
]  # fmt: skip


@st.composite
def records(draw: st.DrawFn) -> list[Any]:
    """Records whose fields mostly hold values of one kind each, and are mostly all there."""
    kinds = {name: draw(st.sampled_from(KINDS)) for name in draw(st.lists(st.sampled_from("abcdef"), unique=True))}
    optional = {name: kind for name, kind in kinds.items() if draw(st.booleans())} if draw(st.booleans()) else {}
    needed = {name: kind for name, kind in kinds.items() if name not in optional}
    one: st.SearchStrategy[Any] = st.fixed_dictionaries(needed, optional=optional)
    return draw(st.lists(one | ODD if draw(st.integers(0, 9)) == 0 else one, max_size=4))


def typed(forms: dict[str, Any]) -> list[tuple[str, type, Any]]:
    """Leaves in their order, with the types of their forms: 1, 1.0 and `true` are equal to Python."""
    return [(path, type(form), form) for path, form in forms.items()]


@settings(max_examples=60)
@given(st.lists(records(), max_size=2))
def test_whole_columns_give_what_record_after_record_gives(samples: list[list[Any]]) -> None:
    found = flatten(samples, SHAPE)
    assert [typed(forms) for forms in found] == [typed(leaves(record, SHAPE)) for one in samples for record in one]


@settings(max_examples=50)
@given(records(), records())
def test_a_table_of_columns_is_that_of_single_records(gold: list[Any], predicted: list[Any]) -> None:
    ours, theirs = flatten([gold], SHAPE), flatten([predicted], SHAPE)
    fast, slow = Table.of(ours, theirs), Table.of(list(ours), list(theirs))
    assert fast.columns == slow.columns
    for one_side, other_side, count in (
        (fast.gold, slow.gold, len(gold)),
        (fast.predicted, slow.predicted, len(predicted)),
    ):
        assert one_side.rows(range(count)) == other_side.rows(range(count))
    assert ((fast.ours < 0) == (slow.ours < 0)).all()
    assert ((fast.theirs < 0) == (slow.theirs < 0)).all()
    for place, path in enumerate(fast.columns):
        for one, forms in enumerate(ours):
            for other, given_forms in enumerate(theirs):
                equal = path in forms and path in given_forms and forms[path] == given_forms[path]
                assert (fast.ours[one, place] == fast.theirs[other, place]) == equal


def test_what_is_its_own_form_is_not_copied() -> None:
    plain = [{"a": "x", "b": 1}, {"a": "y", "b": 2.5}]
    assert all(one is other for one, other in zip(flatten([plain], SHAPE), plain, strict=True))
    odd = [{"a": "x", "b": 1}, {"a": "y ", "b": 2}, {"a": "z", "b": None}]
    found = flatten([odd], SHAPE)
    assert found[0] is odd[0]
    assert found == [{"a": "x", "b": 1}, {"a": "y", "b": 2}, {"a": "z"}]
    assert odd[1] == {"a": "y ", "b": 2}


def test_records_that_share_no_field_make_no_wide_table() -> None:
    found = flatten([[{f"f{place}": "x"} for place in range(300)]], SHAPE)
    assert found.columns is None
    assert found[7] == {"f7": "x"}


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({"a": {"b": {"c": " X "}}, "d": None, "e": []}, {"a.b.c": " X ", "e": []}),
        ({"a": {}}, {}),
        ([1], {"(no object)": [1]}),
    ],
)
def test_leaves_as_written_are_untouched(record: Any, expected: dict[str, Any]) -> None:
    assert written(record) == expected
