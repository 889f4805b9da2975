from __future__ import annotations

import random
from itertools import accumulate, pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from text2json.metrics import library
from text2json.metrics import together as module
from text2json.metrics.align import align
from text2json.metrics.compare import Leaves, Shape
from text2json.metrics.counts import Span
from text2json.metrics.flatten import flatten
from text2json.metrics.table import Table
from text2json.metrics.together import align_all, in_order

Samples = list[list[dict[str, Any]]]

SIDE = st.lists(st.dictionaries(st.sampled_from("abc"), st.sampled_from(["1", "2", "3"]), max_size=3), max_size=5)
FULL = st.lists(st.fixed_dictionaries({name: st.sampled_from(["1", "2", "3"]) for name in "abcd"}), max_size=5)
SAMPLES = st.lists(st.tuples(SIDE, SIDE), max_size=4) | st.lists(st.tuples(FULL, FULL), max_size=4)


def tables(gold: Samples, predicted: Samples) -> tuple[Table, list[Span]]:
    shape = Shape({}, {})
    ends = [list(accumulate(map(len, side), initial=0)) for side in (gold, predicted)]
    spans = [Span(range(*a), range(*b)) for a, b in zip(pairwise(ends[0]), pairwise(ends[1]), strict=True)]
    return Table.of(flatten(gold, shape), flatten(predicted, shape)), spans


def check(gold: Samples, predicted: Samples, **options: Any) -> None:
    """Hold the pairs of all samples at once, by either path, to those of one after the other, to their very order."""
    table, spans = tables(gold, predicted)
    paths = [align_all(table, spans, **options)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(library, "library", lambda: None)
        paths.append(align_all(table, spans, **options))
    for sample, span in enumerate(spans):
        alone = align(table, span.gold, span.predicted, **options)
        for paired in paths:
            assert paired.of(sample) == alone.pairs
            assert paired.exact[sample] == alone.exact


@given(SAMPLES, st.sampled_from([None, "a", "z"]), st.sampled_from([0.0, 0.25, 0.6]), st.sampled_from([2, 10, 10**9]))
def test_many_samples_at_once_are_paired_as_one_by_one(
    samples: list[tuple[list[Leaves], list[Leaves]]], key: str | None, gate: float, cells: int
) -> None:
    gold, predicted = [list(one) for one, _ in samples], [list(other) for _, other in samples]
    check(gold, predicted, key=key, gate=gate, cells=cells)


@pytest.mark.parametrize("values", [3, 12, 1000])
@pytest.mark.parametrize("key", [None, "f0"])
def test_samples_of_every_size_are_paired_as_one_by_one(values: int, key: str | None) -> None:
    rng = random.Random(values)

    def record() -> dict[str, Any]:
        return {f"f{field}": f"v{rng.randrange(values)}" for field in range(5)}

    gold = [[record() for _ in range(rng.choice([0, 1, 7, 30, 150]))] for _ in range(25)]
    predicted = [
        [{**one, "f3": "?"} if rng.random() < 0.5 else one for one in side if rng.random() < 0.9]
        + [record() for _ in range(rng.choice([0, 3]))]
        for side in gold
    ]
    for side in predicted:
        rng.shuffle(side)
    check(gold, predicted, key=key)


def test_rows_of_one_code_by_chance_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_ODD", 0)  # every row has the same code
    gold = [[{"a": "1", "b": "2"}], [{"a": "3", "b": "4"}], [{"a": "5", "b": "6"}, {"a": "5", "b": "7"}]]
    check(gold, [[{"a": "9", "b": "8"}], gold[1], gold[2][::-1]])


def test_in_order_pairs_what_stands_at_one_place() -> None:
    paired = in_order([Span(range(0, 1), range(0, 1)), Span(range(1, 2), range(1, 1)), Span(range(2, 3), range(1, 2))])
    assert [paired.of(sample) for sample in range(3)] == [[(0, 0)], [], [(2, 1)]]
