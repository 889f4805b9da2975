"""Does an answer obey its JSON Schema, seen from columns of numbers: what `is_valid` says, without the values.

Schemas of flat records with types, enumerations of texts, required and forbidden fields are understood; for any other
keyword that may refuse something, and for numbers that only Python reads exactly, `is_valid` is to be asked.
"""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from text2json.metrics.flat_json import (
    ABSENT,
    FRACTION,
    MISSING,
    ODD_NUMBER,
    ODD_TEXT,
    TEXT,
    TRUTH,
    WHOLE,
    Sheet,
    present,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_KINDS = {
    "string": (TEXT, ODD_TEXT), "integer": (WHOLE,), "number": (WHOLE, FRACTION, ODD_NUMBER), "boolean": (TRUTH,),
    "null": (ABSENT,), "array": (), "object": (),
}  # fmt: skip
_SILENT = {"title", "description", "default", "examples", "format", "$comment", "deprecated", "x-compare", "x-key"}
"""Keywords that refuse nothing; `format` is a remark in Draft 2020-12."""
_ANY = (1 << (TRUTH + 1)) - 1


@dataclass(frozen=True)
class FieldRule:
    """What a field may hold: kinds of values, as a number with a bit for each, and of texts only some if not None."""

    kinds: int
    members: frozenset[str] | None = None


@dataclass(frozen=True)
class RecordRule:
    """What a record may hold: rules of fields, which of them are required, and whether others are forbidden."""

    fields: Mapping[str, FieldRule]
    required: frozenset[str]
    closed: bool


@lru_cache(maxsize=4096)
def record_rule(schema: str) -> RecordRule | None:
    """Return what `schema`, JSON text, says of each record; None where it says more than is understood here."""
    top = json.loads(schema)
    if not _has_only(top, {"type", "items"}) or top.get("type") != "array":
        return None
    record = top.get("items", {})
    if not _has_only(record, {"type", "properties", "required", "additionalProperties"}):
        return None
    properties, more = record.get("properties", {}), record.get("additionalProperties", True)
    if record.get("type", "object") != "object" or not isinstance(more, bool):
        return None
    fields = {name: _field_rule(part) for name, part in properties.items()}
    known = {name: rule for name, rule in fields.items() if rule is not None}
    if len(known) < len(fields):
        return None
    return RecordRule(known, frozenset(record.get("required", ())), not more)


def _has_only(schema: Any, words: set[str]) -> bool:
    return isinstance(schema, dict) and schema.keys() - _SILENT <= words


def _field_rule(schema: Any) -> FieldRule | None:
    if _has_only(schema, {"anyOf"}) and "anyOf" in schema:
        parts = [_field_rule(part) for part in schema["anyOf"]]
        kinds = 0
        for part in parts:
            if part is None or part.members is not None:
                return None
            kinds |= part.kinds
        return FieldRule(kinds)
    if not _has_only(schema, {"type", "enum"}):
        return None
    kinds, members = _ANY, None
    if "type" in schema:
        named = [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
        if not all(isinstance(name, str) and name in _KINDS for name in named):
            return None
        kinds = sum({1 << kind for name in named for kind in _KINDS[name]})
    if "enum" in schema:
        if not all(isinstance(member, str) for member in schema["enum"]):
            return None
        kinds, members = kinds & (1 << TEXT | 1 << ODD_TEXT), frozenset(schema["enum"])
    return FieldRule(kinds, members)


def valid_columns(sheet: Sheet, rule: RecordRule, samples: Sequence[range]) -> list[bool | None]:
    """Tell of the predicted records of each sample whether all obey `rule`; None where `is_valid` is to be asked."""
    import numpy as np

    wrong = np.full(sheet.theirs.shape[1], bool(rule.required - set(sheet.names)))
    doubtful = np.zeros(len(wrong), dtype=np.bool_)
    found = (1 << sheet.values.kinds)[sheet.theirs]
    for name, numbers, kinds in zip(sheet.names, sheet.theirs, found, strict=True):
        field = rule.fields.get(name, FieldRule(1 << MISSING if rule.closed else _ANY))
        wrong |= kinds & ~(field.kinds | 1 << MISSING) != 0
        if name in rule.required:
            wrong |= numbers == 0
        if field.kinds & (1 << WHOLE | 1 << ODD_NUMBER) == 1 << WHOLE:
            doubtful |= kinds == 1 << ODD_NUMBER
        if field.members is not None:
            wrong |= _strangers(sheet, numbers, field.members)[numbers]
    refused, asked = (flags.nonzero()[0].tolist() for flags in (wrong & ~doubtful, doubtful))
    return [None if _any(asked, one) else not _any(refused, one) for one in samples]


def _strangers(sheet: Sheet, numbers: NDArray[np.int32], members: frozenset[str]) -> NDArray[np.bool_]:
    """Return (values,) whether a value of the column is a text that is none of `members`."""
    import numpy as np

    found = np.zeros(len(sheet.values.kinds), dtype=np.bool_)
    different = present(len(found), numbers)
    found[different] = [isinstance(value, str) and value not in members for value in sheet.values.of(different)]
    return found


def _any(places: list[int], part: range) -> bool:
    """Tell whether one of `places`, which ascend, is in `part`."""
    return bisect_left(places, part.start) < bisect_left(places, part.stop)
