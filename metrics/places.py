"""Where an output writes what: the characters of every record and leaf of the JSON that `parse` found in it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from text2json.metrics.compare import NO_OBJECT

_SPACE = " \t\r\n"
_CANDIDATES = 1000
_PIECE = re.compile(
    r"\\u[dD][89abAB]..\\u[dD][c-fC-F]..|\\u[dD][89abAB]..(?:\\(?:u.{0,3})?)?\Z|\\u....|\\u.*|\\.|.", re.DOTALL
)
_DECODER = json.JSONDecoder()


@dataclass(frozen=True)
class Place:
    """One JSON value in a text: `text[start:end]` writes it.

    Args:
        start: of its first character.
        end: after its last one.
        value: what is written.
        items: of a list.
        fields: of an object, in the order in which they were written; of two with one key the last.
    """

    start: int
    end: int
    value: Any
    items: tuple[Place, ...] = ()
    fields: dict[str, Place] = field(default_factory=dict)

    @property
    def inside(self) -> tuple[int, int]:
        """Start and end without the quotes of a text that has any letters."""
        quoted = isinstance(self.value, str) and self.end - self.start > 2
        return (self.start + 1, self.end - 1) if quoted else (self.start, self.end)

    def leaves(self, prefix: str = "") -> Iterator[tuple[str, Place]]:
        """Yield the path and place of every leaf of a record, nulls included, named as the scorer names them."""
        if not isinstance(self.value, dict):
            yield NO_OBJECT, self
        for key, inner in self.fields.items():
            if isinstance(inner.value, dict):
                yield from inner.leaves(f"{prefix}{key}.")
            else:
                yield prefix + key, inner


@dataclass(frozen=True)
class Answer:
    """The records of an output; `end` is where their list closes, or the end of the output where it never does."""

    records: tuple[Place, ...]
    end: int
    closed: bool


def scan(text: str, start: int) -> Place:
    """Read the JSON value that begins at `start`.

    Raises:
        ValueError: there is none.
    """
    opening = text[start : start + 1]
    if opening == "[":
        items = tuple(_members(text, start, "]"))
        return Place(start, _end(items, text, start), [item.value for item in items], items)
    if opening == "{":
        pairs = list(_pairs(text, start))
        fields = {key: place for key, place in pairs}
        value = {key: place.value for key, place in fields.items()}
        return Place(start, _end([place for _, place in pairs], text, start), value, (), fields)
    value, end = _DECODER.raw_decode(text, start)
    return Place(start, end, value)


def _end(inner: Any, text: str, start: int) -> int:
    return _skip(text, inner[-1].end if inner else start + 1) + 1


def _members(text: str, start: int, closing: str) -> Iterator[Place]:
    position = _skip(text, start + 1)
    while text[position : position + 1] != closing:
        place = scan(text, position)
        yield place
        position = _next(text, place.end, closing)


def _pairs(text: str, start: int) -> Iterator[tuple[str, Place]]:
    position = _skip(text, start + 1)
    while text[position : position + 1] != "}":
        key, end = _DECODER.raw_decode(text, position)
        colon = _skip(text, end)
        if not isinstance(key, str) or text[colon : colon + 1] != ":":
            raise ValueError(f"no key at {position}")
        place = scan(text, _skip(text, colon + 1))
        yield key, place
        position = _next(text, place.end, "}")


def _next(text: str, position: int, closing: str) -> int:
    """Return where the next member begins, or the bracket that closes."""
    position = _skip(text, position)
    if text[position : position + 1] == ",":
        return _skip(text, position + 1)
    if text[position : position + 1] != closing:
        raise ValueError(f"no {closing} at {position}")
    return position


def _skip(text: str, position: int) -> int:
    while position < len(text) and text[position] in _SPACE:
        position += 1
    return position


def locate(output: str, records: list[Any], *, single: bool = False) -> Answer | None:
    """Find `records`, which `parse` has read from `output`, in it.

    Args:
        output: what the model wrote.
        records: of `Parsed`.
        single: the answer is one object.

    Returns:
        None where they were not written as such, as after repair.
    """
    for tried, match in enumerate(re.finditer(r"[\[{]", output)):
        if tried == _CANDIDATES:
            break
        try:
            place = scan(output, match.start())
        except (ValueError, RecursionError):
            continue
        for found in (place, *place.fields.values()):
            if isinstance(found.value, list) and found.value == records:
                return Answer(found.items, found.end, closed=True)
        if single and [place.value] == records:
            return Answer((place,), place.end, closed=True)
    return None


def locate_complete(output: str) -> Answer:
    """Find the complete records of a list that breaks off, from the output's first bracket on."""
    position = output.find("[") + 1
    found: list[Place] = []
    while position:
        position = _skip(output, position)
        try:
            found.append(scan(output, position))
            position = _next(output, found[-1].end, "]")
        except (ValueError, RecursionError):
            break
        if output[position : position + 1] == "]":
            return Answer(tuple(found), position + 1, closed=True)
    return Answer(tuple(found), len(output), closed=False)


def letters(text: str, start: int = 0, end: int | None = None) -> Iterator[tuple[str, int]]:
    """Yield what JSON text says letter by letter, with its place: no space between values, escapes read.

    A quote inside a text keeps its backslash, to be told from the one that ends it. The text may break off anywhere;
    a half escape is left out.
    """
    end = len(text) if end is None else end
    inside = False
    position = start
    while position < end:
        match = _PIECE.match(text, position, end)
        assert match is not None
        piece = match[0]
        if not inside or piece[0] != "\\":
            piece = piece[0]
        position += len(piece)
        if piece == '"':
            inside = not inside
        if inside and piece[0] == "\\":
            read = _unescaped(piece)
            if read is not None:
                yield '\\"' if read == '"' else read, position - len(piece)
        elif inside or piece not in _SPACE:
            yield piece, position - len(piece)


def _unescaped(piece: str) -> str | None:
    """Return the letter of an escape; None for half of one, as is a high surrogate alone."""
    try:
        read: str = json.loads(f'"{piece}"')
    except ValueError:
        return None
    return None if "\ud800" <= read <= "\udbff" else read
