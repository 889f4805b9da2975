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
LARGEST = 2**31 - 1
"""Of what is drawn from a range: columns of text have 32-bit offsets."""
PLAIN = {"int": int, "bool": bool, "str": str}
ORDERS = ("appearance", "name")
WORDINGS = ("frozen", "marked", "wide")


@dataclass(frozen=True)
class Knobs:
    """A configuration's settings; a pair is a range from which each sample draws, both ends included."""

    domains: tuple[str, ...]
    """They take turns."""
    records: Range
    """Gold records in a document."""
    length: Range
    """Characters of `problem`."""
    samples: int
    """How many samples the configuration has unless told otherwise."""
    about: str = ""
    maker: str = "synthetic"
    """`synthetic`, `curated` or `demo`: what composes the documents."""
    fields: Range = (2, 2)
    """Keys asked for beside the name."""
    extra: Range = (1, 3)
    """Facts that a record states without being asked for."""
    genres: tuple[str, ...] = ("prose", "directory", "table", "mail", "transcript", "press", "markup", "notes")
    """Kinds of text, drawn for each section."""
    sections: Range = (1, 1)
    """Into how many sections, each of one genre, the records are dealt."""
    levels: tuple[int, ...] = ()
    """Numbers of records that take turns, in place of `records`."""
    record_cost: int = 0
    """Characters by which a document is shorter for each record: names and codes need more tokens than prose does."""
    bands: tuple[int, ...] = ()
    """Borders of bands of `length`, each as likely, in place of a uniform draw."""
    distractors: Range = (0, 0)
    """Distractors for every 100 records: excluded entities, some of nearly the same name, and superseded values."""
    scatter: Range = (0, 0)
    """Of every 100 records, how many have facts that stand far from the others, joined by name only."""
    noise: Range = (0, 0)
    """Of every 1000 words outside of values and names, how many have a typing error."""
    missing: int = 0
    """Of every 100 asked facts, how many a text leaves out; the gold then lacks the key."""
    typed: bool = False
    """Typed schemas, with values stated in other forms than the gold's; otherwise all is stated as in the gold."""
    order: str = "appearance"
    """Of the gold records: `appearance` in the text, or `name`."""
    wordings: str = "frozen"
    """In the train split; the test split is the same with each.

    `frozen`; `marked`, the same documents, which say where they exclude an entity and where columns begin; or `wide`,
    marked ones with further sentence patterns, labels and filler.
    """
    locale: str = ""
    """A locale of Faker for names and places, which are then not frozen."""


@cache
def configurations() -> Mapping[str, Knobs]:
    """Return the shipped configurations by name."""
    text = (Path(__file__).parent / "configurations.toml").read_text(encoding="utf-8")
    tables = tomllib.loads(text)
    found: dict[str, Knobs] = {}
    for name, table in tables.items():
        settings: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in table.items()}
        found[name] = Knobs(**settings)
    return found


def configuration(name: str, **changes: Any) -> Knobs:
    """Return the configuration `name` with some knobs changed.

    Raises:
        SpecError: there is no such configuration or knob, or the value is impossible.
    """
    known = configurations()
    if name not in known:
        raise SpecError(f"no configuration {name!r}", remedy=did_you_mean(name, known))
    for key in changes:
        _kind(key)
    if "length" in changes:
        changes.setdefault("bands", ())
    if "records" in changes:
        changes.setdefault("levels", ())
    changed = replace(known[name], **changes)
    _check(changed)
    return changed


def _kind(key: str) -> str:
    """Return the type of a knob.

    Raises:
        SpecError: there is none of that name.
    """
    kinds = {field.name: str(field.type) for field in fields(Knobs)}
    if key == "samples":
        raise SpecError("samples is no knob", remedy="say how many beside the knobs, as with --samples")
    if key not in kinds:
        raise SpecError(f"no knob {key!r}", remedy=did_you_mean(key, kinds.keys() - {"samples"}))
    return kinds[key]


def _check(knobs: Knobs) -> None:
    for field in fields(Knobs):
        key, kind, value = field.name, str(field.type), getattr(knobs, field.name)
        if not _is_a(kind, value):
            raise SpecError(f"{key}={value!r} cannot be read",
                            remedy=f"write {_example(key, kind)}; in a file, a list of two is a range")  # fmt: skip
        if kind != "Range":
            continue
        low, high = value
        least = 1 if key in ("records", "fields", "length", "sections") else 0
        if not least <= low <= high <= LARGEST:
            raise SpecError(f"{key}={low}-{high} is no range",
                            remedy=f"give LOW-HIGH with {least} <= LOW <= HIGH <= {LARGEST}")  # fmt: skip
    for key, most in (("scatter", 100), ("noise", 1000), ("distractors", 1000)):
        if getattr(knobs, key)[1] > most:
            raise SpecError(f"{key}={getattr(knobs, key)[1]} is too many", remedy=f"at most {most}")
    if not 0 <= knobs.missing <= 90:
        raise SpecError(f"missing={knobs.missing}", remedy="give 0 to 90 of every 100 facts")
    if knobs.record_cost < 0:
        raise SpecError(f"record_cost={knobs.record_cost}", remedy="give 0 or more characters")
    if knobs.order not in ORDERS:
        raise SpecError(f"no order {knobs.order!r}", remedy=did_you_mean(knobs.order, ORDERS))
    if knobs.wordings not in WORDINGS:
        raise SpecError(f"no wordings {knobs.wordings!r}", remedy=did_you_mean(knobs.wordings, WORDINGS))
    borders = list(knobs.bands)
    if borders and (len(borders) < 2 or borders != sorted(borders) or not 1 <= borders[0] <= borders[-1] <= LARGEST):
        raise SpecError(f"bands={knobs.bands} are no borders",
                        remedy=f"give at least two from 1 to {LARGEST}, the smallest first")  # fmt: skip
    if any(level < 1 for level in knobs.levels):
        raise SpecError(f"levels={knobs.levels}", remedy="each is a number of records, at least 1")
    if not knobs.domains or not knobs.genres:
        raise SpecError("no domains or no genres", remedy="name at least one of each")


def parse_knob(text: str) -> tuple[str, Any]:
    """Parse `records=1-2`, `genres=prose,directory`, `typed=true` or `fields=2` as the command line has them.

    Raises:
        SpecError: it is none of these.
    """
    key, equals, value = text.partition("=")
    kind = _kind(key)
    try:
        if not equals:
            raise ValueError(text)
        return key, _parse(kind, value)
    except ValueError:
        raise SpecError(f"{text!r} cannot be read", remedy=f"write {_example(key, kind)}") from None


def _is_a(kind: str, value: Any) -> bool:
    if kind in PLAIN:
        return type(value) is PLAIN[kind]
    of = str if kind == "tuple[str, ...]" else int
    return (
        isinstance(value, tuple | list)
        and all(type(one) is of for one in value)
        and (kind != "Range" or len(value) == 2)
    )


def _parse(kind: str, value: str) -> Any:
    if kind == "Range":
        low, _, high = value.partition("-")
        return int(low), int(high or low)
    if kind == "bool":
        return {"true": True, "false": False}.get(value) if value in ("true", "false") else int("no bool")
    if kind == "tuple[int, ...]":
        return tuple(int(part) for part in value.split(",") if part)
    if kind == "tuple[str, ...]":
        return tuple(value.split(","))
    return int(value) if kind == "int" else value


def _example(key: str, kind: str) -> str:
    return f"{key}=" + {"Range": f"2 or {key}=2-5", "bool": "true", "int": "5", "tuple[int, ...]": "1,2,4"}.get(
        kind, "text"
    )


def recorded(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return changed knobs as a manifest holds them."""
    return {key: list(value) if isinstance(value, tuple) else value for key, value in changes.items()}
