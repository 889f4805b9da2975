"""What the generated tasks share: their pattern file, their stream of choices, and evidence from places."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from text2json.errors import SpecError
from text2json.generators.bits import Bits
from text2json.generators.domain import Patterns
from text2json.generators.text import Place

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

T = TypeVar("T")
ATTEMPTS = 64


@cache
def table(name: str) -> dict[str, Any]:
    """Return the data file `<name>.toml` of this folder."""
    found: dict[str, Any] = tomllib.loads((Path(__file__).parent / f"{name}.toml").read_text(encoding="utf-8"))
    return found


@cache
def patterns(file: str, name: str) -> Patterns:
    """Return a block of patterns of a data file, parted between the splits."""
    return Patterns(table(file)[name])


def stream(task: str, *words: str | int) -> Bits:
    """Return the stream of choices of one sample, named by its task, its settings, split, seed and number."""
    return Bits("text2json task", task, *words)


def different(draw: Callable[[], str], count: int, taken: Iterable[str] = ()) -> list[str]:
    """Return `count` texts of which none is part of another, nor of what is `taken`, whatever the case.

    Raises:
        SpecError: there are not so many.
    """
    known = [text.lower() for text in taken]
    found: list[str] = []
    for _ in range(ATTEMPTS * (count + 1)):
        if len(found) == count:
            return found
        text = draw()
        low = text.lower()
        if not any(low in other or other in low for other in known):
            known.append(low)
            found.append(text)
    if len(found) == count:
        return found
    raise SpecError(f"there are no {count} different values", remedy="ask for fewer")


def evidence(places: Iterable[Place], offset: int) -> list[tuple[str, list[tuple[int, int]]]]:
    """Return a row for each stated item of a list of strings, in the list's order.

    Args:
        places: where a text states which item; an item's leaf is its number in the list.
        offset: where the text begins in the problem.
    """
    rows = [(path[0], [(start + offset, end + offset)]) for start, end, path in places if path is not None]
    return [(f"[{item}]", spans) for item, spans in sorted(rows)]
