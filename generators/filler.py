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


class Slot(NamedTuple):
    """A place in a frame that takes one of several words."""

    words: tuple[str, ...]
    spoken: tuple[str, ...]
    """The same as they stand there."""
    literal: str
    """What follows."""
    again: bool
    """Whether a slot before it may have taken the same word."""


class Frame(NamedTuple):
    """A pattern of a sentence, made ready once, so that a sentence takes little more than its choices."""

    first: str
    slots: tuple[Slot, ...]


@cache
def _topics(split: str) -> list[list[Frame]]:
    """Return the frames of each topic."""
    return [
        [_frame(frame, split) for frame in Patterns(frames)[split]]
        for topic, frames in sorted(_table()["topics"].items())
    ]


def _frame(text: str, split: str) -> Frame:
    first, *rest = re.split(r"[{}]", text)
    names = rest[::2]
    slots = []
    for place, (name, literal) in enumerate(zip(names, rest[1::2], strict=True)):
        again = any(not _set(name, split).isdisjoint(_set(other, split)) for other in names[:place])
        slots.append(Slot(_words(name, split), _spoken(name, split, not place and not first), literal, again))
    return Frame(first[:1].upper() + first[1:], tuple(slots))


def _words(slot: str, split: str) -> tuple[str, ...]:
    sets = _sets()
    return sets[slot] if slot in sets else lexicon.part(slot, split)


@cache
def _set(slot: str, split: str) -> frozenset[str]:
    return frozenset(_words(slot, split))


@cache
def _spoken(slot: str, split: str, at_start: bool) -> tuple[str, ...]:
    """Return a slot's words as they stand at the start of a sentence or inside of one."""
    words = _words(slot, split)
    if at_start:
        return tuple(word[:1].upper() + word[1:] for word in words)
    return tuple(word[:1].lower() + word[1:] for word in words) if slot == "when" else words


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
        made.append(_fill(frames[place], bits))
    return Paragraph(tuple(made), " ".join(made))


def _fill(frame: Frame, bits: Bits) -> str:
    """Fill a frame; a word that stands in it already is drawn once more."""
    below = bits.below
    text, slots = frame
    used: list[str] = []
    for words, spoken, literal, again in slots:
        place = below(len(words))
        if again and words[place] in used:
            place = below(len(words))
        used.append(words[place])
        text += spoken[place] + literal
    return text


def filler(bits: Bits, split: str, room: int) -> Iterator[Paragraph]:
    """Yield paragraphs for a document that has `room` characters to fill, without end."""
    pool = POOL if room < LARGE else LARGE_POOL
    place, step = bits.below(pool), 2 * bits.below(pool // 2) + 1
    while True:
        yield filler_paragraph(split, place)
        place = (place + step) % pool
