"""A document under construction: sentences in blocks, and where each of them states a gold value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Sentence:
    """A text with the places, counted from its own start, where it states the values of gold paths."""

    text: str
    states: tuple[tuple[str, int, int], ...] = ()


def sentence(pattern: str, slots: Mapping[str, tuple[str, str | None]]) -> Sentence:
    """Fill a pattern such as `{S} weighs {v}`.

    Args:
        pattern: text with slots in braces.
        slots: for each slot its text and the gold path that the text states, if any.
    """
    parts: list[str] = []
    states: list[tuple[str, int, int]] = []
    length = 0
    for number, piece in enumerate(pattern.replace("}", "{").split("{")):
        text, path = slots[piece] if number % 2 else (piece, None)
        if path is not None:
            states.append((path, length, length + len(text)))
        parts.append(text)
        length += len(text)
    made = "".join(parts)
    return Sentence(made[:1].upper() + made[1:] if not states or states[0][1] > 0 else made, tuple(states))


@dataclass
class Block:
    """Sentences that stand together; `glue` separates them, and filler may go between them if it is a space."""

    sentences: list[Sentence]
    glue: str = " "

    def size(self) -> int:
        """Return the number of characters."""
        return sum(len(part.text) for part in self.sentences) + len(self.glue) * (len(self.sentences) - 1)


@dataclass
class Text:
    """Joins blocks into one text and keeps the places of every stated value."""

    offset: int
    parts: list[str] = field(default_factory=list)
    places: dict[str, list[list[int]]] = field(default_factory=dict)

    def add(self, block: Block) -> None:
        """Append a block, a blank line after the one before it."""
        if self.parts:
            self._put("\n\n")
        for number, part in enumerate(block.sentences):
            if number:
                self._put(block.glue)
            for path, start, end in part.states:
                self.places.setdefault(path, []).append([self.offset + start, self.offset + end])
            self._put(part.text)

    def _put(self, text: str) -> None:
        self.parts.append(text)
        self.offset += len(text)
