"""Step 1: find the JSON in a model's output.

Strict first; then inside a code fence; then the first JSON list or object that stands in prose. What was needed is
the status, so that nothing is forgiven silently.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from text2json.metrics.flatten import written
from text2json.metrics.limits import LIMITS, Limits
from text2json.metrics.read_json import DECODER, read_json

READ = ("ok", "fenced", "embedded", "repaired")
"""The answer was found: as the whole output, in a code fence, within prose or a wrapper object, or after repair."""
UNREAD = ("truncated", "invalid", "wrong_type", "over_limit", "missing")
"""No answer: cut off, no JSON, JSON of another type, over the limits, or no prediction at all. They score as empty."""
STATUSES = READ + UNREAD

_FENCE = re.compile(r"```[A-Za-z0-9]*[ \t]*\r?\n")
_REASONING = re.compile(r"\s*<think>.*?</think>", re.DOTALL)
_CONTAINERS = {list, dict}
_COLON = re.compile(r'"\s*:')
_BEGUN = re.compile(r"t(ru?)?|f(a(ls?)?)?|n(ul?)?|-|\.|[eE][-+]?|\\?u?[0-9A-Fa-f]{0,3}")
"""What of a word, number or escape may stand where a reader stops at the end of a text."""


@dataclass(frozen=True)
class Parsed:
    """The records of an output, empty unless they could be read whole, and the parse's status."""

    records: list[Any]
    status: str
    salvaged: list[Any] = field(default_factory=list)
    """Of a truncated output: the records that were complete; never part of the score."""
    duplicate_keys: int = 0
    """Keys that stood twice in one object; the last one counts, as in every JSON reader."""


def parse(output: str | None, *, single: bool = False, repair: bool = False, limits: Limits = LIMITS) -> Parsed:
    """Return the records in `output`.

    Args:
        output: what the model wrote; None stands for a missing prediction.
        single: the answer is one object, not a list of them.
        repair: mend what is no JSON with the `json_repair` library, which guesses; the status says so.
        limits: see `Limits`.
    """
    if output is None:
        return Parsed([], "missing")
    if is_too_long(output, limits):
        return Parsed([], "over_limit")
    reasoning = _REASONING.match(output)
    text = (output if reasoning is None else output[reasoning.end() :]).lstrip("\ufeff").strip()
    found = _find(text)
    if found is not None:
        value, source, status = found
        records, status = _typed(value, status, single)
        if status == "wrong_type":
            return Parsed([], status)
        too_deep, keys = _flat(records, source) or measure([value], limits.depth + 2)
        if too_deep or is_too_wide(records, keys, limits):
            return Parsed([], "over_limit")
        return Parsed(records, status, [], _duplicate_keys(source, keys))
    parsed = _unfinished_object(text) if single else _unfinished(text)
    if _is_too_large(parsed.salvaged, limits):
        return Parsed([], "over_limit")
    mended = _repaired(text, single) if repair else None
    if mended is None or _is_too_large(mended, limits):
        return parsed
    return Parsed(mended, "repaired", parsed.salvaged)


def is_too_wide(records: list[Any], keys: int, limits: Limits) -> bool:
    """Tell whether records with `keys` keys in all make a table above its limit, which takes work only if they may."""
    count = len(records)
    return count * keys > limits.table and count * len(set().union(*map(written, records))) > limits.table


def _is_too_large(records: list[Any], limits: Limits) -> bool:
    too_deep, keys = measure([records], limits.depth + 2)
    return too_deep or is_too_wide(records, keys, limits)


def is_too_long(text: str, limits: Limits) -> bool:
    """Tell whether an output is above the limit of bytes."""
    size = len(text)
    if size <= limits.bytes and not text.isascii():
        size = len(text.encode("utf-8", "surrogatepass"))
    return size > limits.bytes


def _find(text: str) -> tuple[Any, str, str] | None:
    """Return the value, the text it was read from, and how it was found."""
    with suppress(ValueError, RecursionError):
        return read_json(text), text, "ok"
    for inside in _fenced(text):
        with suppress(ValueError, RecursionError):
            return read_json(inside), inside, "fenced"
    # The first list or object that begins as JSON does; if it is unfinished, what stands inside it is no answer.
    match = re.search(r"\[\s*[\[{\]]|\{\s*[\"}]", text)
    if match is not None:
        try:
            value, end = DECODER.raw_decode(text, match.start())
        except (ValueError, RecursionError):
            return None
        return value, text[match.start() : end], "embedded"
    return None


def _fenced(text: str) -> Iterator[str]:
    """Yield what stands in code fences; each character is looked at once, whatever the text is."""
    opening = _FENCE.search(text)
    while opening is not None:
        end = text.find("```", opening.end())
        if end < 0:
            return
        yield text[opening.end() : end].strip()
        opening = _FENCE.search(text, end + 3)


def _typed(value: Any, status: str, single: bool) -> tuple[list[Any], str]:
    """Accept a list, or an object that wraps one list of objects and nothing else; or one object, bare or in a list."""
    if single:
        if isinstance(value, list) and len(value) == 1 and isinstance(value[0], dict):
            return value, "embedded"
        return ([value], status) if isinstance(value, dict) else ([], "wrong_type")
    if isinstance(value, list):
        return value, status
    if isinstance(value, dict) and len(value) == 1:
        (inside,) = value.values()
        if isinstance(inside, list) and all(isinstance(item, dict) for item in inside):
            return inside, "embedded"
    return [], "wrong_type"


def _flat(records: list[Any], source: str) -> tuple[bool, int] | None:
    """Return what `measure` returns where brackets show that no record holds a list or object; None elsewhere."""
    if source.count("{") != len(records) or source.count("[") != 1 or set(map(type, records)) - {dict}:
        return None
    return False, sum(map(len, records))


def measure(value: Any, levels: int) -> tuple[bool, int]:
    """Tell whether lists and objects stand more than `levels` deep in `value`, and count its keys; no recursion."""
    layer, keys = [value], 0
    for _ in range(levels):
        below: list[Any] = []
        for outer in layer:
            if outer.__class__ is dict:
                keys += len(outer)
                outer = outer.values()
            below += [inner for inner in outer if inner.__class__ in _CONTAINERS]
        if not below:
            return False, keys
        layer = below
    return True, keys


def _duplicate_keys(source: str, keys: int) -> int:
    """Count keys that stood twice; a slow second reading only where the colons outnumber the keys that were kept."""
    if source.count(":") == keys or len(_COLON.findall(source)) == keys:
        return 0
    seen = 0

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal seen
        found = dict(items)
        seen += len(items) - len(found)
        return found

    json.loads(source, object_pairs_hook=pairs)
    return seen


def _unfinished(text: str) -> Parsed:
    start = text.find("[")
    if start < 0:
        return Parsed([], "invalid")
    salvaged, cut = _complete_records(text, start + 1)
    return Parsed([], "truncated", salvaged) if cut else Parsed([], "invalid")


def _unfinished_object(text: str) -> Parsed:
    """Return the status of one object that could not be read; nothing of it is salvaged."""
    start = text.find("{")
    try:
        DECODER.raw_decode(text, max(start, 0))
    except json.JSONDecodeError as error:
        if start >= 0 and _is_cut(text, error):
            return Parsed([], "truncated")
    except (ValueError, RecursionError):
        pass
    return Parsed([], "invalid")


def _is_cut(text: str, error: json.JSONDecodeError) -> bool:
    """Tell whether the text ended before the value did in which the reader stopped."""
    return error.msg.startswith("Unterminated string") or _BEGUN.fullmatch(text, error.pos) is not None


def _complete_records(text: str, position: int) -> tuple[list[Any], bool]:
    """Return the complete items of a list from `position` on, and whether the text ended before the list did."""
    items: list[Any] = []
    while True:
        while position < len(text) and text[position] in " \t\r\n,":
            position += 1
        if position == len(text):
            return items, True
        try:
            item, position = DECODER.raw_decode(text, position)
        except json.JSONDecodeError as error:
            return items, _is_cut(text, error)
        except (ValueError, RecursionError):
            return items, False
        items.append(item)


def _repaired(text: str, single: bool) -> list[Any] | None:
    from text2json.metrics.repair import mend

    start = re.search(r"[\[{]", text)
    value = mend(text[start.start() :]) if start is not None else None
    records, status = _typed(value, "repaired", single)
    return records if status in READ else None
