"""The knobs: what makes a document long, full or hard."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import cache
from pathlib import Path
from typing import Any

from text2json.errors import SpecError, did_you_mean

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

Range = tuple[int, int]


@dataclass(frozen=True)
class Knobs:
    """A configuration's settings; a pair is a range from which each sample draws, both ends included."""

    domains: tuple[str, ...]
    records: Range
    """Gold records in a document."""
    fields: Range
    """Keys asked for beside the name."""
    extra: Range
    """Facts that a record states without being asked for."""
    length: Range
    """Characters of `problem`."""
    genres: tuple[str, ...]
    samples: int
    """How many samples the configuration has unless told otherwise."""


@cache
def configurations() -> Mapping[str, Knobs]:
    """Return the shipped configurations by name."""
    text = (Path(__file__).parent / "configurations.toml").read_text(encoding="utf-8")
    tables = tomllib.loads(text)
    return {
        name: Knobs(**{key: tuple(value) if isinstance(value, list) else value for key, value in table.items()})
        for name, table in tables.items()
    }


def configuration(name: str, **changes: Any) -> Knobs:
    """Return the configuration `name` with some knobs changed.

    Raises:
        SpecError: there is no such configuration or knob, or the value is impossible.
    """
    known = configurations()
    if name not in known:
        raise SpecError(f"no configuration {name!r}", remedy=did_you_mean(name, known))
    names = [field.name for field in fields(Knobs)]
    for key in changes:
        if key not in names:
            raise SpecError(f"no knob {key!r}", remedy=did_you_mean(key, names))
    changed = replace(known[name], **changes)
    for key in ("records", "fields", "extra", "length"):
        low, high = getattr(changed, key)
        least = 0 if key == "extra" else 1
        if not least <= low <= high:
            raise SpecError(f"{key}={low}-{high} is no range", remedy=f"give LOW-HIGH with {least} <= LOW <= HIGH")
    return changed


def parse_knob(text: str) -> tuple[str, Any]:
    """Parse `records=1-2`, `genres=prose,directory` or `fields=2` as the command line has them.

    Raises:
        SpecError: it is none of these.
    """
    key, equals, value = text.partition("=")
    kinds = {field.name: field.type for field in fields(Knobs)}
    if not equals or key not in kinds:
        raise SpecError(f"no knob in {text!r}", remedy=did_you_mean(key, kinds))
    if kinds[key] != "Range":
        return key, tuple(value.split(","))
    low, _, high = value.partition("-")
    try:
        return key, (int(low), int(high or low))
    except ValueError:
        raise SpecError(f"{text!r} holds no range", remedy=f"write {key}=2 or {key}=2-5") from None
