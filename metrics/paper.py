"""The published score of the Text2JSON benchmark (arXiv 2604.08426), rule by rule, from 0 to 100.

It is kept beside our own counts and never mixed with them. Where the published evaluator would raise an error and
lose the whole run, a sample scores 0 here, and the reason is reported.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

MISSING_KEY, WRONG_VALUE = 0.5, 0.25


@dataclass(frozen=True)
class PaperScore:
    """One sample's score from 0 to 1, or None when the published rules leave it out; `reason` of a forced 0."""

    score: float | None
    reason: str | None = None


def of_paper_form(gold: Any) -> bool:
    """Tell whether `gold` is a list of records with exactly three string keys, `name` among them."""
    return isinstance(gold, list) and all(
        isinstance(record, dict)
        and len(record) == 3
        and "name" in record
        and all(isinstance(value, str) for value in record.values())
        for record in gold
    )


def paper_score(gold: Sequence[dict[str, str]], output: str | None) -> PaperScore:
    """Score one sample; `gold` is of the paper's form."""
    records = {_fold(record["name"]): record for record in gold}
    if len(records) < len(gold):
        return PaperScore(None, "the gold repeats a name")
    if not gold:
        return PaperScore(0.0, "empty gold: the published evaluator divides by zero")
    if output is None:
        return PaperScore(0.0, "no prediction")
    predicted = _slice(output)
    if predicted is None:
        return PaperScore(0.0)
    total, union = 0.0, len(gold)
    for record in predicted:
        if not isinstance(record, dict):
            return PaperScore(0.0, "a record is no object: the published evaluator raises")
        name = record.get("name")
        match = records.pop(name.replace("\u2019", "'"), None) if isinstance(name, str) else None
        if match is None:
            union += 1
            continue
        points = _points(match, record)
        if points is None:
            return PaperScore(0.0, "a value is neither text nor whole number: the published evaluator raises")
        total += points
    return PaperScore(total / union)


def _points(gold: dict[str, str], record: dict[str, Any]) -> float | None:
    points = 1.0
    for key, right in gold.items():
        if key == "name":
            continue
        value = record.get(key)
        if value == right:  # most are, and they need no folding
            continue
        if value is None:
            points -= MISSING_KEY
        elif isinstance(value, bool) or not isinstance(value, int | str):
            return None
        elif _fold(str(value)) != _fold(right):
            points -= WRONG_VALUE
    return points


def _fold(text: str) -> str:
    return text.replace("\u2019", "'")


def _slice(output: str) -> list[Any] | None:
    """Return the list between the only `[` and the only `]`, or None where the published rules give 0."""
    if output.count("[") != 1 or output.count("]") != 1:
        return None
    start, end = output.index("["), output.index("]")
    if end < start:
        return None
    try:
        value: list[Any] = json.loads(output[start : end + 1])
    except (ValueError, RecursionError):
        return None
    return value
