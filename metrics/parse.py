"""Step 1: find the JSON in a model's output.

Strict first; then inside a code fence; then the first JSON list or object that stands in prose. What was needed is
the status, so that nothing is forgiven silently.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

STATUSES = ("ok", "fenced", "embedded", "truncated", "invalid", "wrong_type", "missing")
"""`missing`: no prediction for the sample; `wrong_type`: JSON, but no list of records; the last four score as empty."""

_FENCE = re.compile(r"```[A-Za-z0-9]*[ \t]*\n(.*?)\n?[ \t]*```", re.DOTALL)
_REASONING = re.compile(r"^\s*<think>.*?</think>", re.DOTALL)


@dataclass(frozen=True)
class Parsed:
    """The records of an output, empty unless they could be read whole, and the parse's status."""

    records: list[Any]
    status: str
    salvaged: list[Any]
    """Of a truncated output: the records that were complete; never part of the score."""


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON")


_DECODER = json.JSONDecoder(parse_constant=_refuse)


def parse(output: str | None) -> Parsed:
    """Return the records in `output`; None stands for a missing prediction."""
    if output is None:
        return Parsed([], "missing", [])
    text = _REASONING.sub("", output).lstrip("\ufeff").strip()
    value, found = _whole(text)
    if found:
        return _typed(value, "ok")
    for block in _FENCE.findall(text):
        value, found = _whole(block.strip())
        if found:
            return _typed(value, "fenced")
    value, found = _embedded(text)
    if found:
        return _typed(value, "embedded")
    start = text.find("[")
    if start < 0:
        return Parsed([], "invalid", [])
    salvaged, cut = _complete_records(text, start + 1)
    return Parsed([], "truncated" if cut else "invalid", salvaged)


def _whole(text: str) -> tuple[Any, bool]:
    try:
        value, end = _DECODER.raw_decode(text)
    except (ValueError, RecursionError):
        return None, False
    return value, end == len(text)


def _embedded(text: str) -> tuple[Any, bool]:
    """Return the first list or object in prose that is whole, unless an unfinished one stands before it."""
    for match in re.finditer(r"\[\s*[\[{\]]|\{\s*[\"}]", text):
        try:
            value, _ = _DECODER.raw_decode(text, match.start())
        except (ValueError, RecursionError):
            return None, False
        return value, True
    return None, False


def _typed(value: Any, status: str) -> Parsed:
    """Accept a list, or an object that wraps one list and nothing else."""
    if isinstance(value, dict) and len(value) == 1:
        (inside,) = value.values()
        if isinstance(inside, list) and all(isinstance(item, dict) for item in inside):
            return Parsed(inside, "embedded", [])
    if isinstance(value, list):
        return Parsed(value, status, [])
    return Parsed([], "wrong_type", [])


def _complete_records(text: str, position: int) -> tuple[list[Any], bool]:
    """Return the complete items of a list from `position` on, and whether the text ended before the list did."""
    items: list[Any] = []
    while True:
        while position < len(text) and text[position] in " \t\r\n,":
            position += 1
        if position == len(text):
            return items, True
        try:
            item, position = _DECODER.raw_decode(text, position)
        except json.JSONDecodeError as error:
            at_end = error.pos >= len(text) - 1 or error.msg.startswith("Unterminated string")
            return items, at_end
        except (ValueError, RecursionError):
            return items, False
        items.append(item)
