from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from text2json.metrics import library, window
from text2json.metrics.gold import iter_gold
from text2json.metrics.limits import LIMITS, Limits
from text2json.metrics.record_schema import record_schema
from text2json.metrics.window import Options, score_window

pytestmark = pytest.mark.skipif(library.library() is None, reason="the library is not built here")
VALUES = st.sampled_from(["x", "x ", "X", "é", "", "[", "a:b", 1, 1.0, 2.5, 2**64, True, None])
NESTED = VALUES | st.sampled_from([["x"], {"k": "x"}, []])
PLAIN = st.lists(st.dictionaries(st.sampled_from("abc"), VALUES), max_size=4)
DEEP = st.lists(st.dictionaries(st.sampled_from("abc"), NESTED) | st.just("text"), max_size=3)
FULL = st.lists(st.fixed_dictionaries({name: st.sampled_from(["x", "y", "z", "1"]) for name in "abcd"}), max_size=6)
SIDE = PLAIN | FULL | DEEP
WRAPS = st.sampled_from(
    ["{}", " {}\n", "```json\n{}\n```", "So: {}.", '{{"records": {}}}', "<think>[</think>{}", "{}{}"]
)
FIELDS = {"a": {"type": "string", "x-compare": {"case": False}}, "b": {"type": "number"}}
SCHEMA = {"type": "object", "properties": FIELDS, "required": ["a"]}


@st.composite
def answers(draw: st.DrawFn) -> tuple[list[Any], str | None]:
    """A gold and an output, which is sometimes cut off, wrapped, or of another sample."""
    gold: list[Any] = draw(SIDE)
    if draw(st.integers(0, 9)) == 0:
        return gold, None
    records = draw(SIDE) if draw(st.booleans()) else draw(st.permutations(gold))
    text = draw(WRAPS).format(*2 * [json.dumps(records, ensure_ascii=draw(st.booleans()))])
    return gold, text[: draw(st.integers(0, len(text)))] if draw(st.integers(0, 4)) == 0 else text


@settings(max_examples=250)
@given(
    st.lists(answers(), min_size=1, max_size=4),
    st.sampled_from([None, "a"]),
    st.sampled_from([None, SCHEMA]),
    st.sampled_from([LIMITS, Limits(bytes=40), Limits(depth=0), Limits(depth=1), Limits(cells=2)]),
    st.booleans(),
)
def test_samples_are_scored_alike_with_and_without_the_library(
    pairs: list[tuple[list[Any], str | None]], key: str | None, schema: Any, limits: Limits, with_verdicts: bool
) -> None:
    samples = list(iter_gold([gold for gold, _ in pairs], schema, key=key))
    outputs = [output for _, output in pairs]
    options = Options(repair=False, limits=limits, with_verdicts=with_verdicts)
    fast = score_window(samples, outputs, options)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(library, "library", lambda: None)
        assert score_window(samples, outputs, options) == fast


def test_an_answer_that_is_read_as_columns_is_not_read_again() -> None:
    (sample,) = iter_gold([[{"a": "x", "b": 1}]], SCHEMA)
    answer = window.Answer(sample, '[{"a": "x", "b": 2}]', record_schema(sample.schema),
                           Options(repair=False, limits=LIMITS, with_verdicts=False))  # fmt: skip
    judged = window._judge_flat([answer], answer.schema, answer.options)
    assert judged is not None
    assert [score.fields for score in window._scores(judged, answer.options)] == [(1, 2, 2)]
    assert answer.direct
    assert {"gold", "parsed"}.isdisjoint(vars(answer))
