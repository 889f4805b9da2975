from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from text2json.metrics import library
from text2json.metrics.flat_json import ODD_NUMBER, ODD_TEXT, TEXT, Columns, read_columns
from text2json.metrics.forms import normal_text

pytestmark = pytest.mark.skipif(library.library() is None, reason="the library is not built here")

SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.integers(-3, 3), st.floats(allow_nan=False, allow_infinity=False),
    st.integers(-30, 30).map(lambda number: number / 10), st.decimals(-1000, 1000, places=2).map(float), st.text(),
    st.sampled_from(["", " ", "a b", "a  b", " a", "a ", "é", "\x7f", '"', "\\", "\u2028", "[", "}", ":", "null"]),
)  # fmt: skip
RECORDS = st.lists(st.dictionaries(st.sampled_from(["a", "b", "", "é", "a.b"]), SCALARS), max_size=4)
NUMBERS = st.from_regex(r"\A-?(0|[1-9][0-9]{0,19})(\.[0-9]{1,19})?([eE][+-]?[0-9]{1,2})?\Z")


def read(*texts: str) -> Columns:
    found = read_columns(texts)
    assert found is not None
    return found


def rows(found: Columns) -> list[dict[str, Any]]:
    """Return the records that were read, without what is missing."""
    columns = [found.values.of(numbers) for numbers in found.cells]
    return [
        {
            name: column[row]
            for name, column, numbers in zip(found.names, columns, found.cells, strict=True)
            if numbers[row]
        }
        for row in range(found.cells.shape[1])
    ]


@given(st.lists(RECORDS, max_size=3), st.booleans(), st.sampled_from([None, 1]))
def test_flat_records_are_read_as_the_standard_library_reads_them(
    samples: list[list[dict[str, Any]]], ascii_only: bool, indent: int | None
) -> None:
    texts = [json.dumps(records, ensure_ascii=ascii_only, indent=indent) for records in samples]
    found = read(*texts)
    whole = [count >= 0 for count in found.counts]
    for text, taken in zip(texts, whole, strict=True):
        refused = r"\\[^n].*\":" if ascii_only else r"\\.*\":"  # keys with escapes are refused, and lone surrogates
        assert taken or re.search(refused, text) or any("\ud800" <= letter <= "\udfff" for letter in text)
    kept = [record for text, taken in zip(texts, whole, strict=True) if taken for record in json.loads(text)]
    assert rows(found) == kept
    for numbers, name in zip(found.cells, found.names, strict=True):
        for one, first in zip(numbers.tolist(), kept, strict=True):
            for other, second in zip(numbers.tolist(), kept, strict=True):
                if one == other and one:  # one number, one value
                    assert first[name] == second[name]


@given(st.lists(NUMBERS, min_size=1, max_size=6))
@example(["9007199254740993", "9007199254740992.0", "0.1", "0.10", "1e0", "-0", "-0.0", "0", "653.5200000000001"])
@example(["999999999999999999", "1000000000000000000", "0.000000000000000001", "99999999999999.9999", "8.5"])
def test_numbers_are_the_nearest_and_equal_ones_have_one_number(texts: list[str]) -> None:
    found = read("[" + ",".join(f'{{"a":{text}}}' for text in texts) + "]")
    wanted = [json.loads(text) for text in texts]
    numbers = found.cells[0]
    assert found.values.of(numbers) == wanted
    simple = found.values.kinds[numbers] != ODD_NUMBER
    for one in simple.nonzero()[0]:
        for other in simple.nonzero()[0]:
            assert (numbers[one] == numbers[other]) == (wanted[one] == wanted[other])


@given(st.lists(st.text(alphabet='ab \u00e9\u00a0\x7f\\"/\t') | st.text(), min_size=1, max_size=5))
def test_what_is_called_plain_text_is_its_own_normal_form_and_has_one_number(texts: list[str]) -> None:
    found = read(json.dumps([{"a": text} for text in texts]))
    if found.counts == [-1]:
        return
    numbers = found.cells[0]
    for text, number in zip(texts, numbers.tolist(), strict=True):
        if found.values.kinds[number] == TEXT:
            assert normal_text(text) == text
            assert all((text == other) == (number == place) for other, place in zip(texts, numbers, strict=True))
        else:
            assert found.values.kinds[number] == ODD_TEXT


JSON = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner))


@given(JSON.map(json.dumps) | RECORDS.map(json.dumps), st.data())
def test_no_broken_text_is_taken(text: str, data: st.DataObject) -> None:
    """Letters are dropped, doubled and changed; what is taken then, the standard library takes too, to one value."""
    for _ in range(data.draw(st.integers(0, 3))):
        place = data.draw(st.integers(0, len(text)))
        text = text[:place] + data.draw(st.sampled_from([*'[]{}",:\\ \n0.e-tnu\x00', "é"])) + text[place + 1 :]
    found = read(text, '[{"z": 1}]')
    if found.counts[0] >= 0:
        assert rows(found)[:-1] == json.loads(text)
    assert rows(found)[-1] == {"z": 1}
    assert found.counts[1] == 1


@pytest.mark.parametrize(
    "text",
    [
        "", "[", "[]x", "[] []", "[1]", "{}", '[{"a":[]}]', '[{"a":{}}]', '[{"a":1,"a":1}]', '[{"a":1},]', '[{"a":1,}]',
        '[{"a"}]', '[{"a":}]', '[{a:1}]', '[{"a":01}]', '[{"a":1.}]', '[{"a":.5}]', '[{"a":+1}]', '[{"a":-}]',
        '[{"a":1e}]', '[{"a":NaN}]', '[{"a":tru}]', '[{"a":"x\n"}]', '[{"a":"\\q"}]', '[{"a":"\\u12G4"}]', '[{"a":"x',
        '[{"a":"\\', '[{"\\u0061":1}]', "[{}]\0", '[{"a":"\ud800"}]', "\ufeff[]", "\u00a0[]", '["a"]', "[null]",
        "[" + ",".join(f'{{"f{place}":1}}' for place in range(65)) + "]",
    ],
)  # fmt: skip
def test_what_is_no_list_of_flat_objects_is_refused_and_leaves_no_trace(text: str) -> None:
    found = read('[{"a":"before"}]', text, '[{"a":"after"}]')
    assert found.counts == [1, -1, 1]
    assert [row["a"] for row in rows(found)] == ["before", "after"]


def test_values_of_many_texts_have_numbers_of_their_own() -> None:
    texts = [json.dumps([{"a": f"v{place}", "b": place} for place in range(start, 3_000)]) for start in (0, 1_000)]
    found = read(*texts)
    assert found.counts == [3_000, 2_000]
    assert len(np.unique(found.cells)) == 6_000
    assert (found.cells[:, 3_000:] == found.cells[:, 1_000:3_000]).all()


def test_without_a_library_nothing_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "library", lambda: None)
    assert read_columns(["[]"]) is None
