from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from text2json.metrics.read_json import DECODER, read_json

NUMBERS = st.from_regex(r"-?(0|[1-9][0-9]{0,30})(\.[0-9]{1,25})?([eE][+-]?[0-9]{1,3})?", fullmatch=True)
TEXTS = st.text().map(json.dumps) | st.text(alphabet='\\ud8"x0/bn\x00\n\x7fé', max_size=8).map(lambda text: f'"{text}"')
LEAVES = NUMBERS | TEXTS | st.sampled_from(["true", "false", "null", "NaN", "-Infinity", "01", "+1", "1.", "nul", ""])


def joined(parts: list[str], ends: str, space: str) -> str:
    return ends[0] + f"{space},".join(parts) + space + ends[1]


VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.builds(joined, st.lists(inner, max_size=3), st.just("[]"), st.sampled_from(["", " ", "\n\t"]))
        | st.builds(
            joined,
            st.lists(st.tuples(st.sampled_from(['"a"', '"b"', '"\\u0061"', "a"]), inner).map(":".join), max_size=3),
            st.just("{}"),
            st.sampled_from(["", "  "]),
        )
    ),
    max_leaves=8,
)


def read(reader: Any, text: str) -> str | type[Exception]:
    """What a reader makes of a text, with types and order; or that it refuses it."""
    try:
        return repr(reader(text))
    except ValueError:
        return ValueError


@given(VALUES | st.builds(lambda text, place: text[: place % (len(text) + 1)], VALUES, st.integers(0)))
def test_every_text_is_read_as_the_standard_library_reads_it(text: str) -> None:
    assert read(read_json, text) == read(DECODER.decode, text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": 1, "b": 2, "a": 3}', {"a": 3, "b": 2}),
        ("18446744073709551617", 2**64 + 1),
        ("9" * 4000, int("9" * 4000)),
        ("-1e400", float("-inf")),
        ("0.1e-400", 0.0),
        ('"\\ud800"', "\ud800"),
        ('"\ud800"', "\ud800"),
        ('"\\ud83d\\ude00"', "😀"),
        ("[" * 300 + "]" * 300, json.loads("[" * 300 + "]" * 300)),
    ],
)
def test_what_fast_readers_get_wrong_is_right(text: str, value: Any) -> None:
    found = read_json(text)
    assert found == value
    assert type(found) is type(value)


def test_what_is_no_json_can_be_read_otherwise() -> None:
    with pytest.raises(ValueError, match="NaN is no JSON"):
        read_json("[NaN]")
    assert repr(read_json("[NaN]", json.loads)) == "[nan]"
