from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from text2json.generators.bits import Bits

# The stream is frozen: these numbers may never change.
VECTOR = [3886603733, 4218781303, 1923797485, 3267735799, 1582999115, 3103582614, 545635373, 311484711, 3346783254,
          1886124297, 996866355, 3341510637, 2882937442, 2401508047, 2837912825, 2181913638, 3284191045,
          1540050215]  # fmt: skip


def stream() -> Bits:
    return Bits("test vector", 1, "é")


def test_the_stream_is_the_published_one() -> None:
    bits = stream()
    assert [bits.below(2**32) for _ in range(18)] == VECTOR


def test_choices_are_the_published_ones() -> None:
    bits = stream()
    assert [bits.below(10) for _ in range(12)] == [3, 3, 5, 9, 5, 4, 3, 1, 4, 7, 5, 7]
    assert bits.sample(range(10), 4) == [2, 5, 3, 1]
    assert bits.chance(50) is True
    letters = list(range(8))
    bits = stream()
    for _ in range(17):
        bits.below(10)
    bits.shuffle(letters)
    assert letters == [5, 2, 1, 3, 4, 0, 6, 7]


def slow_stream(words: tuple[str | int, ...], count: int) -> list[int]:
    """Follow the specification word by word."""
    key = hashlib.blake2b("\x1f".join(map(str, words)).encode(), digest_size=32).digest()
    numbers: list[int] = []
    block = 0
    while len(numbers) < count:
        digest = hashlib.blake2b(block.to_bytes(8, "little"), key=key).digest()
        numbers += [int.from_bytes(digest[place : place + 4], "little") for place in range(0, 64, 4)]
        block += 1
    return numbers[:count]


@given(words=st.tuples(st.text(), st.integers()), limits=st.lists(st.integers(1, 2**32), max_size=40))
def test_it_follows_the_specification(words: tuple[str, int], limits: list[int]) -> None:
    bits = Bits(*words)
    numbers = iter(slow_stream(words, 4 * len(limits) + 64))
    for limit in limits:
        number = next(u for u in numbers if u < limit * (2**32 // limit))
        assert bits.below(limit) == number % limit


@given(st.integers(0, 10**6), st.lists(st.integers(), max_size=30))
def test_a_shuffle_keeps_the_items_and_a_sample_takes_some(seed: int, items: list[int]) -> None:
    bits = Bits(seed)
    shuffled = list(items)
    bits.shuffle(shuffled)
    assert sorted(shuffled) == sorted(items)
    places = bits.sample(range(len(items)), len(items) // 2)
    assert len(set(places)) == len(places) == len(items) // 2


def test_numbers_are_as_likely() -> None:
    bits = Bits("even")
    counts = [0] * 7
    for _ in range(70_000):
        counts[bits.below(7)] += 1
    assert max(abs(count - 10_000) for count in counts) < 500  # five standard deviations


@pytest.mark.parametrize("impossible", [0, -1, 2**32 + 1])
def test_an_impossible_limit_is_refused(impossible: int) -> None:
    with pytest.raises(ValueError, match="no number below"):
        Bits("x").below(impossible)
