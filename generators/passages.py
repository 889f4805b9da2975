"""Passages written by hand: `passages/<domain>.txt`, in which inline marks give gold and evidence.

A file begins with lines that start with `#`: licence, provenance, and `# keys: director, year, lead`, what every
passage states beside the name. Passages are separated by blank lines. A mark is `{key|text}`, or `{key=gold|text}`
where the gold's form is not the text's; a key's first mark gives its gold, and all of them are evidence.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from text2json.errors import DataError
from text2json.generators.text import Sentence

FOLDER = Path(__file__).parent / "passages"
MARK = re.compile(r"\{(\w+)(?:=([^|{}]*))?\|([^{}]*)\}")


@dataclass(frozen=True)
class Passage:
    """One passage: its text, the gold of each key, and where the text states it."""

    text: str
    gold: dict[str, str]
    places: tuple[tuple[int, int, str], ...]

    def sentence(self, number: int, keys: frozenset[str]) -> Sentence:
        """Return it as a document's record `number`, asked for `keys`."""
        return Sentence(
            self.text, tuple((start, end, (number, f".{key}")) for start, end, key in self.places if key in keys)
        )


@dataclass(frozen=True)
class Collection:
    """A domain's passages."""

    header: tuple[str, ...]
    keys: tuple[str, ...]
    """What every passage states beside the name."""
    passages: tuple[Passage, ...]


def parse_passage(source: str) -> Passage:
    """Read one marked passage; its lines are joined by spaces."""
    source = " ".join(source.split())
    parts: list[str] = []
    gold: dict[str, str] = {}
    places: list[tuple[int, int, str]] = []
    length = last = 0
    for mark in MARK.finditer(source):
        before = source[last : mark.start()]
        key, form, text = mark[1], mark[2], mark[3]
        start = length + len(before)
        places.append((start, start + len(text), key))
        gold.setdefault(key, text if form is None else form)
        parts += [before, text]
        length, last = start + len(text), mark.end()
    parts.append(source[last:])
    return Passage("".join(parts), gold, tuple(places))


def parse_collection(text: str, file: Path) -> Collection:
    """Read a file of passages.

    Raises:
        DataError: the header lacks its keys, or a passage lacks one of them.
    """
    header = tuple(line for line in text.splitlines() if line.startswith("#"))
    found = next((line for line in header if line.startswith("# keys: ")), None)
    if found is None:
        raise DataError("no line `# keys: ...` in the header", file=file, remedy="name what every passage states")
    keys = tuple(found.removeprefix("# keys: ").split(", "))
    body = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    passages = tuple(parse_passage(part) for part in re.split(r"\n\s*\n", body.strip()) if part.strip())
    for passage in passages:
        lacking = {"name", *keys} - passage.gold.keys()
        if lacking or "{" in passage.text or "}" in passage.text:
            what = f"lacks {', '.join(sorted(lacking))}" if lacking else "holds a brace that is no mark"
            raise DataError(f"the passage {passage.text[:40]!r} {what}", file=file, remedy="mend its marks")
    return Collection(header, keys, passages)


@cache
def collection(domain: str) -> Collection:
    """Return the passages of a domain."""
    file = FOLDER / f"{domain}.txt"
    return parse_collection(file.read_text(encoding="utf-8"), file)


def collections() -> list[str]:
    """Return the domains that have passages."""
    return sorted(file.stem for file in FOLDER.glob("*.txt"))
