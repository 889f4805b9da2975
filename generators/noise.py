"""Typing errors outside of values: letters swapped, dropped or doubled."""

from __future__ import annotations

import re
from collections.abc import Sequence

from text2json.generators.bits import Bits
from text2json.generators.text import Place

WORD = re.compile(r"(?<![\w<&/=\"'.-])[a-z]{4,}(?![\w>=\"'-])")
"""Plain words in lower case: names, numbers and markup are left alone."""


def misspell(text: str, places: Sequence[Place], per_thousand: int, bits: Bits) -> tuple[str, list[Place], int]:
    """Return the text with errors, the moved places of its values and the number of errors."""
    parts: list[str] = []
    moves: list[tuple[int, int]] = []  # from this place on, everything stands so much further
    shift = last = count = value = 0
    order = sorted(places)
    for found in WORD.finditer(text):
        while value < len(order) and order[value][1] <= found.start():
            value += 1
        if value < len(order) and order[value][0] < found.end():
            continue
        if bits.below(1000) >= per_thousand:
            continue
        word = _wrong(found[0], bits)
        parts += [text[last : found.start()], word]
        last = found.end()
        shift += len(word) - len(found[0])
        moves.append((last, shift))
        count += 1
    parts.append(text[last:])
    return "".join(parts), _moved(order, moves), count


def _wrong(word: str, bits: Bits) -> str:
    place, form = bits.below(len(word) - 1), bits.below(3)
    if form == 0:
        return word[:place] + word[place + 1] + word[place] + word[place + 2 :]
    return word[:place] + word[place + 1 :] if form == 1 else word[:place] + word[place] + word[place:]


def _moved(places: Sequence[Place], moves: Sequence[tuple[int, int]]) -> list[Place]:
    moved: list[Place] = []
    step = shift = 0
    for start, end, path in places:
        while step < len(moves) and moves[step][0] <= start:
            shift = moves[step][1]
            step += 1
        moved.append((start + shift, end + shift, path))
    return moved
