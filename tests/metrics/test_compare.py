from __future__ import annotations

from typing import Any

import pytest

from text2json.metrics.compare import leaves, normal_leaf, normal_text


@pytest.mark.parametrize(
    ("one", "other", "kind", "equal"),
    [
        ("caf\u00e9", "cafe\u0301", "string", True),
        ("O\u2019Neill", "O'Neill", "string", True),
        (" two\u00a0 words ", "two words", "string", True),
        ("Blue", "blue", "string", False),
        ("007", 7, "string", False),
        (7, "7", "string", True),
        (1, 1.0, "number", True),
        (True, 1, "number", False),
        (2**53, 2**53 + 1, "integer", False),
        (0, False, None, False),
        (-0.0, 0, "number", True),
        ("", "x", "string", False),
        ([1, 2], [1.0, 2], None, True),
        ([1, 2], [2, 1], None, False),
        ("true", True, "string", False),
        ("500", "(500)", "string", False),
    ],
)
def test_leaves_are_equal_by_the_written_rules(one: Any, other: Any, kind: str, equal: bool) -> None:
    assert (normal_leaf(one, kind) == normal_leaf(other, kind)) is equal


def test_null_is_absent_and_an_empty_text_or_list_is_a_value() -> None:
    assert leaves({"a": None}, {}) == leaves({}, {}) == {}
    assert len(leaves({"a": "", "b": []}, {})) == 2


def test_nested_objects_are_flattened() -> None:
    record = {"name": "x", "address": {"city": "Y", "zip": None}}
    assert set(leaves(record, {})) == {"name", "address.city"}


def test_what_is_no_object_is_one_leaf_that_matches_nothing_by_name() -> None:
    assert set(leaves("text", {})) == {"(no object)"}


@pytest.mark.parametrize("text", ["", "a  b", "\u201cq\u201d", "\uff21"])
def test_normalising_twice_changes_nothing(text: str) -> None:
    assert normal_text(normal_text(text)) == normal_text(text)
