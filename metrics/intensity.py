"""Context intensity: how many separate places of its context an answer needs, and how far apart they stand.

A row of a sample's evidence is one thing that the answer needs, with the spans that state it, any one of which is
enough; the first one counts. Rows of one record (of one item, where the gold is a list of strings) that stand within
`NEAR` characters of each other are one place: a model that reads there reads them all. A record without any known span
is one place whose location is unknown.

Data without evidence, such as the paper's file, is searched for its gold values as they are written: a record's name
(or its first value) where it stands first in the document, the other values where they stand nearest to that.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from text2json.schemas.sample import Sample

NEAR = 200
"""Characters between two spans of one record from which on they are two places: about two sentences."""
CLASSES = ("fewer than 3", "3 to 10", "more than 10")
"""The classes of arXiv 2604.08426."""
RECORD = re.compile(r"\[\d+\]")

Span = tuple[int, int]


@dataclass(frozen=True)
class Intensity:
    """One sample's context intensity."""

    places: int
    gap: float | None
    """Mean number of characters between neighbouring places; None with fewer than two whose location is known."""

    @property
    def group(self) -> str:
        """The paper's class."""
        return CLASSES[0] if self.places < 3 else CLASSES[1] if self.places <= 10 else CLASSES[2]


def intensity(sample: Sample) -> Intensity:
    """Return a sample's context intensity."""
    needed, unplaced = _needed(sample)
    places = sorted(place for spans in needed.values() for place in _places(spans))
    gaps = [max(0, after[0] - before[1]) for before, after in pairwise(places)]
    return Intensity(len(places) + unplaced, sum(gaps) / len(gaps) if gaps else None)


def stated(sample: Sample) -> Iterator[tuple[str, list[Span]]]:
    """Yield each thing that the answer needs, with the spans of the problem that state it; searched for if need be."""
    rows: list[dict[str, Any]] = json.loads(sample.evidence)
    yield from ((row["path"], row["spans"]) for row in rows) if rows else _searched(sample)


def _needed(sample: Sample) -> tuple[dict[str, list[Span]], int]:
    """Return the spans that are needed for each record, and how many records have none that is known."""
    found: dict[str, list[Span]] = defaultdict(list)
    for path, spans in stated(sample):
        record = RECORD.match(path)
        own = found[record[0] if record else path]
        if spans:
            own.append((spans[0][0], spans[0][1]))
    return found, sum(not spans for spans in found.values())


def _places(spans: list[Span]) -> Iterator[Span]:
    """Yield the spans joined to places."""
    start, end = -1, -1
    for low, high in sorted(spans):
        if start >= 0 and low - end > NEAR:
            yield start, end
            start = -1
        start, end = (low, high) if start < 0 else (start, max(end, high))
    if start >= 0:
        yield start, end


def _searched(sample: Sample) -> Iterator[tuple[str, list[Span]]]:
    """Yield a row for each value of the gold, with the place in the document that seems to state it, if any does."""
    low, high = sample.text_span
    text = sample.problem[low:high]
    gold = sample.records()
    for number, record in enumerate(gold if isinstance(gold, list) else []):
        leaves = sorted(_leaves(record, f"[{number}]"), key=lambda leaf: not leaf[0].endswith("].name"))
        anchor = None
        for path, value in leaves:
            start = text.find(value) if anchor is None else _nearest(text, value, anchor)
            anchor = start if anchor is None and value and start >= 0 else anchor
            yield path, [(low + start, low + start + len(value))] if value and start >= 0 else []


def _nearest(text: str, value: str, anchor: int) -> int:
    """Return where `value` stands nearest to `anchor`, or -1."""
    after, before = text.find(value, anchor), text.rfind(value, 0, anchor)
    if after < 0 or before < 0:
        return max(after, before)
    return after if after - anchor <= anchor - before else before


def _leaves(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, part in value.items():
            yield from _leaves(part, f"{path}.{key}")
    elif isinstance(value, list):
        for number, part in enumerate(value):
            yield from _leaves(part, f"{path}[{number}]")
    elif value is not None:
        yield path, value if isinstance(value, str) else json.dumps(value)
