from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from text2json.errors import SpecError
from text2json.generators.bits import Bits
from text2json.generators.tasks.haystack import even_depths, plant
from text2json.generators.text import Sentence


def needle(number: int) -> Sentence:
    text = f"Needle number {number} is here."
    return Sentence(text, ((14, 14 + len(str(number)), (number, "")),))


@given(count=st.integers(1, 30), length=st.integers(1200, 20_000), seed=st.integers(0, 5))
def test_needles_stand_in_their_order_and_at_their_depths(count: int, length: int, seed: int) -> None:
    depths = even_depths(count)
    text, places = plant([needle(n) for n in range(count)], depths, length=length, split="test", bits=Bits(seed))
    assert [text[start:end] for start, end, _ in places] == [str(n) for n in range(count)]
    assert length - 250 <= len(text) <= length
    longest = 400  # characters of a sentence and what may stand before it
    own = sum(len(needle(n).text) + 1 for n in range(count))
    for depth, (start, _, _) in zip(depths, places, strict=True):
        assert abs(start - depth * length / 1000) <= longest + own


def test_planting_leaves_the_haystack_as_it_is() -> None:
    bare, _ = plant([], [], length=3000, split="test", bits=Bits("hay"))
    text, _ = plant([needle(1), needle(2)], [300, 600], length=3000 + 2 * 25, split="test", bits=Bits("hay"))
    assert text.replace("Needle number 1 is here. ", "").replace("Needle number 2 is here. ", "") == bare


def test_a_haystack_without_room_is_refused() -> None:
    with pytest.raises(SpecError, match="raise length to 50"):
        plant([needle(1), needle(2)], [0, 1000], length=49, split="test", bits=Bits(0))
