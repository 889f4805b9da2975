"""Long stretches that state nothing: paragraphs on everyday topics, made from `filler.toml`.

Paragraph i of a split is the same in every document, so paragraphs are made once and kept; a document walks through
them from a place and with an odd step of its own, and meets none twice while there are enough.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from functools import cache, lru_cache
from pathlib import Path
from typing import NamedTuple

from text2json.generators import lexicon
from text2json.generators.bits import Bits
from text2json.generators.domain import Patterns

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

POOL = 4096
"""Paragraphs in a pool; a power of two, so that an odd step reaches all of them."""
LARGE_POOL = 65536
"""For documents of more than `LARGE` characters."""
LARGE = 1_000_000


@cache
def _sets() -> dict[str, tuple[str, ...]]:
    return {name: tuple(text.split("; ")) for name, text in _table()["sets"].items()}


@cache
def _table() -> dict[str, dict[str, str]]:
    table: dict[str, dict[str, str]] = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
    return table


@cache
def _topics(split: str) -> list[list[list[str]]]:
    """Return the frames of each topic, cut into literals (even places) and slots (odd ones)."""
    return [
        [re.split(r"[{}]", frame) for frame in Patterns(frames)[split]]
        for topic, frames in sorted(_table()["topics"].items())
    ]


def _words(slot: str, split: str) -> tuple[str, ...]:
    sets = _sets()
    return sets[slot] if slot in sets else lexicon.part(slot, split)


class Paragraph(NamedTuple):
    """Sentences, and the text that they make."""

    sentences: tuple[str, ...]
    text: str


@lru_cache(maxsize=2 * LARGE_POOL)
def filler_paragraph(split: str, number: int) -> Paragraph:
    """Return a paragraph: three to six sentences on one topic."""
    bits = Bits("text2json filler", split, number)
    frames = bits.choice(_topics(split))
    made = []
    last = -1
    for _ in range(bits.between(3, 6)):
        place = bits.below(len(frames))
        if place == last:
            place = (place + 1) % len(frames)
        last = place
        made.append(_fill(frames[place], bits, split))
    return Paragraph(tuple(made), " ".join(made))


def _fill(frame: list[str], bits: Bits, split: str) -> str:
    parts = []
    used: list[str] = []
    for number, piece in enumerate(frame):
        if not number % 2:
            parts.append(piece)
            continue
        word = bits.choice(_words(piece, split))
        if word in used:
            word = bits.choice(_words(piece, split))
        used.append(word)
        at_start = number == 1 and not parts[0]
        parts.append(word if piece != "when" or at_start else word[:1].lower() + word[1:])
    text = "".join(parts)
    return text[:1].upper() + text[1:]


def filler(bits: Bits, split: str, room: int) -> Iterator[Paragraph]:
    """Yield paragraphs for a document that has `room` characters to fill, without end."""
    pool = POOL if room < LARGE else LARGE_POOL
    place, step = bits.below(pool), 2 * bits.below(pool // 2) + 1
    while True:
        yield filler_paragraph(split, place)
        place = (place + step) % pool
