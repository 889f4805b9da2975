"""A document under construction: sentences in blocks, and where each of them states a gold value."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import NamedTuple

Path = tuple[int, str]
"""A record's number, counted in the order of drawing, and the leaf's place in it: `.price.amount`."""
Said = tuple[tuple[str, "Path | None"], ...]
"""A text in pieces, each with the leaf that it states, if any."""
Place = tuple[int, int, "Path | None"]
"""Start and end of a stated value; without a leaf it only must not be changed by noise."""


VOWELS = tuple("aeiou")


class Sentence(NamedTuple):
    """A text with the places, counted from its own start, of the values in it."""

    text: str
    places: tuple[Place, ...] = ()


@cache
def pieces(pattern: str) -> tuple[str, ...]:
    """Cut a pattern: its literal texts stand at even places, the names of its slots at odd ones."""
    return tuple(pattern.replace("}", "{").split("{"))


def plain(text: str) -> Said:
    """Return words that state nothing."""
    return ((text, None),)


def sentence(pattern: str, slots: Mapping[str, Said], *, capital: bool = True) -> Sentence:
    """Fill a pattern such as `{S} weighs {v}` and let it begin with a capital, unless a value stands there."""
    parts: list[str] = []
    places: list[Place] = []
    length = 0
    for number, piece in enumerate(pieces(pattern)):
        if not number % 2:
            parts.append(piece)
            length += len(piece)
            continue
        said = slots[piece]
        if parts[-1][-3:] in (" a ", "A ") and said[0][0][:1] in VOWELS:
            parts[-1] = parts[-1][:-1] + "n "
            length += 1
        for text, path in said:
            if path is not None:
                places.append((length, length + len(text), path))
            parts.append(text)
            length += len(text)
    made = "".join(parts)
    if capital and (made.startswith("the ") or not (places and places[0][0] == 0)):
        made = made[:1].upper() + made[1:]
    return Sentence(made, tuple(places))


def join(parts: Iterable[Sentence], glue: str = "") -> Sentence:
    """Join sentences into one."""
    texts: list[str] = []
    places: list[Place] = []
    length = 0
    for number, part in enumerate(parts):
        if number:
            texts.append(glue)
            length += len(glue)
        places += [(start + length, end + length, path) for start, end, path in part.places]
        texts.append(part.text)
        length += len(part.text)
    return Sentence("".join(texts), tuple(places))


@dataclass
class Block:
    """Sentences that stand together, with `glue` between them; filler may go inside if the block is `flowing`."""

    sentences: list[Sentence]
    glue: str = " "
    flowing: bool = False
    tied: bool = False
    """Whether nothing may come between it and the block before."""

    def size(self) -> int:
        """Return the number of characters."""
        return sum(len(part.text) for part in self.sentences) + len(self.glue) * (len(self.sentences) - 1)


@dataclass
class Section:
    """Blocks of one genre that stay in their order."""

    blocks: list[Block] = field(default_factory=list)
