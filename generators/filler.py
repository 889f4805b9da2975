"""Long stretches that state nothing: paragraphs on everyday topics, made from `filler.toml`.

Paragraph i of a split is the same in every document, so paragraphs are made once and kept; a document walks through
them from a place and with an odd step of its own, and meets none twice while there are enough.

Wide documents, which are for training, draw each paragraph anew from their own choices, from many more frames and words
(`wordings/filler.toml`): a model that meets the same paragraphs in every document learns the names in them by heart.
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
from text2json.generators.domain import Patterns, wordings
from text2json.generators.words import made_up

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

POOL = 4096
"""Paragraphs in a pool; a power of two, so that an odd step reaches all of them."""
LARGE_POOL = 65536
"""For documents of more than `LARGE` characters."""
LARGE = 1_000_000
INVENTED = 512
"""Made-up words that wide frames choose from."""


@cache
def _sets(wide: bool = False) -> dict[str, tuple[str, ...]]:
    own, further = _table()["sets"], wordings("filler")["sets"] if wide else {}
    return {
        name: tuple(word for sets in (own, further) if name in sets for word in sets[name].split("; "))
        for name in {**own, **further}
    }


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
def _topics(split: str, wide: bool = False) -> list[list[Frame]]:
    """Return the frames of each topic; the train split of wide documents has further frames and topics."""
    own, further = _table()["topics"], wordings("filler")["topics"] if wide else {}
    return [
        [_frame(frame, split, wide) for frame in Patterns(own.get(topic, ""), further.get(topic, ""))[split]]
        for topic in sorted({**own, **further})
    ]


def _frame(text: str, split: str, wide: bool) -> Frame:
    first, *rest = re.split(r"[{}]", text)
    names = rest[::2]
    slots = []
    for place, (name, literal) in enumerate(zip(names, rest[1::2], strict=True)):
        again = any(not _set(name, split, wide).isdisjoint(_set(other, split, wide)) for other in names[:place])
        spoken = _spoken(name, split, wide, not place and not first)
        slots.append(Slot(_words(name, split, wide), spoken, literal, again))
    return Frame(first[:1].upper() + first[1:], tuple(slots))


@cache
def _words(slot: str, split: str, wide: bool) -> tuple[str, ...]:
    """Return the words of a set, of a lexicon (with `!` all of it, else the split's part), or invented ones."""
    sets = _sets(wide)
    if slot in sets:
        return sets[slot]
    if slot == "made_up":
        bits = Bits("text2json filler, made-up words", split)
        return tuple(made_up(bits, split) for _ in range(INVENTED))
    return lexicon.load(slot[:-1]) if slot.endswith("!") else lexicon.part(slot, split)


@cache
def _set(slot: str, split: str, wide: bool) -> frozenset[str]:
    return frozenset(_words(slot, split, wide))


@cache
def _spoken(slot: str, split: str, wide: bool, at_start: bool) -> tuple[str, ...]:
    """Return a slot's words as they stand at the start of a sentence or inside of one."""
    words = _words(slot, split, wide)
    if at_start:
        return tuple(word[:1].upper() + word[1:] for word in words)
    return tuple(word[:1].lower() + word[1:] for word in words) if slot == "when" else words


class Paragraph(NamedTuple):
    """Sentences, and the text that they make."""

    sentences: tuple[str, ...]
    text: str


@lru_cache(maxsize=2 * LARGE_POOL)
def filler_paragraph(split: str, number: int) -> Paragraph:
    """Return paragraph `number` of a split."""
    return _paragraph(_topics(split), Bits("text2json filler", split, number))


def _paragraph(topics: list[list[Frame]], bits: Bits) -> Paragraph:
    """Make a paragraph: three to six sentences on one topic."""
    frames = bits.choice(topics)
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


def filler(bits: Bits, split: str, room: int, *, wide: bool = False) -> Iterator[Paragraph]:
    """Yield paragraphs for a document that has `room` characters to fill, without end; `wide` ones are made anew."""
    while wide:
        yield _paragraph(_topics(split, True), bits)
    pool = POOL if room < LARGE else LARGE_POOL
    place, step = bits.below(pool), 2 * bits.below(pool // 2) + 1
    while True:
        yield filler_paragraph(split, place)
        place = (place + step) % pool
