"""Replace gold values by made-up words, in a document and in its answer alike.

A model that meets the same few hundred colours and countries over and over learns to spot them by their looks, and
fails on a colour that it never met. Where a value may be any word, only what the text says of it is left to go by.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from transformers import PreTrainedTokenizerBase

from text2json.baselines.readers.hints import CELL, EXCLUDED, OUTSIDE
from text2json.errors import DataError

SEED = 20260408
Evidence = dict[tuple[int, str], list[tuple[int, int]]]
"""(record, key) → where the problem states it, in characters."""


class Scrambler:
    """Scrambles the share `share` of values; words are made of the tokeniser's own lower-case pieces."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, share: float) -> None:
        self.share = share
        self.rng = np.random.default_rng(SEED)
        self.pieces = sorted(word for word in tokenizer.get_vocab() if word.isascii() and word.isalpha())

    def word(self) -> str:
        """Return a made-up word, capitalised or not."""
        count = int(self.rng.integers(1, 4))
        text = "".join(self.pieces[int(place)] for place in self.rng.integers(0, len(self.pieces), count)).lower()
        return text.capitalize() if self.rng.random() < 0.5 else text

    def scramble(self, row: dict[str, Any]) -> tuple[str, str, Evidence]:
        """Return a sample's problem, answer and evidence, some values replaced at every place that states them."""
        evidence = located(row)
        if not self.share:
            return row["problem"], row["answer"], evidence
        records = json.loads(row["answer"])
        edits: list[tuple[int, int, str]] = []
        for (place, field), spans in evidence.items():
            if OUTSIDE < place < 0 or self.rng.random() >= self.share or (place >= 0 and field not in records[place]):
                continue
            value = " ".join(self.word() for _ in range(int(self.rng.integers(1, 3))))
            if place >= 0:
                records[place][field] = value
            edits += [(start, end, value) for start, end in spans]
            if place <= OUTSIDE and field == "name":
                edits.append((*evidence[EXCLUDED, "name"][OUTSIDE - place], value))
        problem = row["problem"]
        for start, end, value in sorted(edits, reverse=True):
            problem = problem[:start] + value + problem[end:]
        moved = {leaf: [shifted(span, edits) for span in spans] for leaf, spans in evidence.items()}
        return problem, json.dumps(records, separators=(",", ":"), ensure_ascii=False), moved


def located(row: dict[str, Any]) -> Evidence:
    """Return where a sample states each leaf; of typed and nested records, the leaves of their first level alone.

    The record `EXCLUDED` has the names in sentences that exclude an entity, and the ends of these sentences; those from
    `OUTSIDE` down have what is stated of these entities; `CELL` has the values in tables and their columns' heads.

    Raises:
        DataError: the sample is of a version that says of an excluded entity no more than where it is excluded.
    """
    found: Evidence = {}
    for leaf in json.loads(row["evidence"] or "[]"):
        place, _, field = leaf["path"][1:].partition("].")
        if place.isdigit():
            found[int(place), field] = [(start, end) for start, end in leaf["spans"]]
    marks = json.loads(row.get("knobs") or "{}")
    excluding = marks.get("exclusions", [])
    if any(isinstance(entity, list) for entity in excluding):
        raise DataError("wide documents of an earlier version", remedy="begin in another --work")
    for number, entity in enumerate(excluding):
        found.setdefault((EXCLUDED, "name"), []).append(tuple(entity["name"]))
        found.setdefault((EXCLUDED, "end"), []).append((entity["end"] - 1, entity["end"]))
        for leaf, spans in entity["stated"].items():
            found[OUTSIDE - number, leaf.removeprefix(".")] = [(start, end) for start, end in spans]
    cells = [
        ((start, end), span)
        for start, end, head in marks.get("columns", [])
        for (_, field), spans in found.items()
        for span in spans
        if field == head and end <= span[0] and "\n\n" not in row["problem"][end : span[0]]
    ]
    if cells:
        found[CELL, "head"], found[CELL, "value"] = map(list, zip(*cells, strict=True))
    return found


def shifted(span: tuple[int, int], edits: list[tuple[int, int, str]]) -> tuple[int, int]:
    """Return where `span` stands after `edits`, which replace whole spans or stand outside of it."""
    start, end = span
    before = sum(len(value) - (right - left) for left, right, value in edits if right <= start)
    inside = sum(len(value) - (right - left) for left, right, value in edits if left >= start and right <= end)
    return start + before, end + before + inside
