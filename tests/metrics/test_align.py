from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from text2json.metrics import assignment as module
from text2json.metrics.align import GATE, Alignment, align
from text2json.metrics.compare import Leaves, Rule
from text2json.metrics.table import Table

SIDE = st.lists(st.dictionaries(st.sampled_from("abc"), st.sampled_from(["s1", "s2"]), max_size=3), max_size=4)


def by_assignment(
    gold: list[Leaves], predicted: list[Leaves], pairwise: dict[str, Rule] | None = None, **options: Any
) -> Alignment:
    special = {} if pairwise is None else pairwise

    def found(columns: Sequence[str]) -> dict[int, Rule]:
        return {place: special[path] for place, path in enumerate(columns) if path in special}

    return align(Table.of(gold, predicted, found), range(len(gold)), range(len(predicted)), **options)


def shared(one: Leaves, other: Leaves) -> int:
    return len(one.items() & other.items())


def matched(gold: list[Leaves], predicted: list[Leaves], pairs: list[tuple[int, int]]) -> int:
    return sum(shared(gold[a], predicted[b]) for a, b in pairs)


def best(gold: list[Leaves], predicted: list[Leaves], gate: float) -> int:
    """The largest number of equal leaves over all pairings, found by trying every one."""
    flip = len(gold) > len(predicted)
    short, long = (predicted, gold) if flip else (gold, predicted)

    def worth(a: Leaves, b: Leaves) -> int:
        return shared(a, b) if 2 * shared(a, b) >= gate * (len(a) + len(b)) else 0

    return max(
        sum(worth(a, long[place]) for a, place in zip(short, order, strict=True))
        for order in itertools.permutations(range(len(long)), len(short))
    )


@given(SIDE, SIDE)
def test_assignment_matches_as_many_leaves_as_any_pairing_can(gold: list[Leaves], predicted: list[Leaves]) -> None:
    found = by_assignment(gold, predicted, gate=0.0)
    assert found.exact
    assert matched(gold, predicted, found.pairs) == best(gold, predicted, 0.0)
    assert len({a for a, _ in found.pairs}) == len({b for _, b in found.pairs}) == len(found.pairs)


@given(SIDE, SIDE)
def test_pairs_below_the_gate_are_not_made(gold: list[Leaves], predicted: list[Leaves]) -> None:
    pairs = by_assignment(gold, predicted, gate=0.6).pairs
    for a, b in pairs:
        assert 2 * shared(gold[a], predicted[b]) >= 0.6 * (len(gold[a]) + len(predicted[b]))
    equal = [(a, b) for a, b in pairs if gold[a] == predicted[b]]
    assert matched(gold, predicted, pairs) >= matched(gold, predicted, equal)


def test_records_that_share_only_an_enum_stay_strangers() -> None:
    ours: Leaves = {name: name for name in "abcdefg"}
    theirs: Leaves = {**{name: name * 2 for name in "abcdef"}, "g": ours["g"]}
    assert by_assignment([ours], [theirs]).pairs == []
    assert by_assignment([ours], [{**theirs, "f": ours["f"]}]).pairs == [(0, 0)]
    assert 1 / 7 < GATE < 2 / 7


@given(SIDE, SIDE, st.randoms(use_true_random=False), st.sampled_from([None, "a"]))
def test_shuffling_changes_no_count_of_any_field(
    gold: list[Leaves], predicted: list[Leaves], shuffle: random.Random, key: str | None
) -> None:
    def counts(ours: list[Leaves], theirs: list[Leaves]) -> list[tuple[str, ...]]:
        pairs = by_assignment(ours, theirs, key=key).pairs
        return sorted(tuple(sorted(f for f in ours[a] if ours[a][f] == theirs[b].get(f))) for a, b in pairs)

    before = counts(gold, predicted)
    ours, theirs = list(gold), list(predicted)
    shuffle.shuffle(ours)
    shuffle.shuffle(theirs)
    assert counts(ours, theirs) == before


def many(count: int, seed: int, *, enum: int = 3) -> tuple[list[Leaves], list[Leaves]]:
    """Records of seven fields, and the same with 15 % of the values perturbed and shuffled."""
    rng = random.Random(seed)
    gold: list[Leaves] = [
        {"k": f"s{rng.choice(range(enum))}", **{f"f{f}": f"s{rng.randrange(count * 3)}" for f in range(6)}}
        for _ in range(count)
    ]
    predicted: list[Leaves] = [
        {name: value if rng.random() < 0.85 else f"s?{rng.random()}" for name, value in record.items()}
        for record in gold
    ]
    rng.shuffle(predicted)
    return gold, predicted


def test_blocks_give_what_one_assignment_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    gold, predicted = many(120, seed=5)
    whole = by_assignment(gold, predicted)
    monkeypatch.setattr(module, "SMALL", 0)
    monkeypatch.setattr(module, "_ROWS", 1000)  # several strips of the table
    blocks = by_assignment(gold, predicted)
    assert blocks.exact
    assert matched(gold, predicted, blocks.pairs) == matched(gold, predicted, whole.pairs)


@pytest.mark.parametrize(("name", "value"), [("_BLOCK", 0), ("cells", 0)])
def test_over_a_size_the_choice_is_greedy_and_says_so(name: str, value: int, monkeypatch: pytest.MonkeyPatch) -> None:
    gold, predicted = many(150, seed=6)
    whole = by_assignment(gold, predicted)
    if name == "cells":
        greedy = by_assignment(gold, predicted, cells=value)
    else:
        monkeypatch.setattr(module, "SMALL", 0)
        monkeypatch.setattr(module, name, value)
        greedy = by_assignment(gold, predicted)
    assert not greedy.exact
    assert matched(gold, predicted, greedy.pairs) >= 0.98 * matched(gold, predicted, whole.pairs)
    assert len({a for a, _ in greedy.pairs}) == len({b for _, b in greedy.pairs}) == len(greedy.pairs)


def test_a_fuzzy_field_counts_towards_the_assignment() -> None:
    rules: dict[str, Any] = {"n": Rule({"type": "string", "x-compare": {"similarity": 0.8}}, {}, "n")}
    gold: list[Leaves] = [{"n": "sAnnabelle Lee"}, {"n": "sRobert Brown"}]
    predicted: list[Leaves] = [{"n": "sRobert Browne"}, {"n": "sAnnabele Lee"}]
    assert by_assignment(gold, predicted) == Alignment([])
    assert sorted(by_assignment(gold, predicted, pairwise=rules).pairs) == [(0, 1), (1, 0)]
