"""Records as leaves in normal form: `address.city` for nested objects; a list is one leaf."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from operator import itemgetter
from types import MappingProxyType
from typing import Any

from text2json.metrics.compare import NO_OBJECT, Leaves, Rule, Shape
from text2json.metrics.forms import Form

Column = Sequence["Form | None"]
_NONE = type(None)


def leaves(record: Any, shape: Shape) -> Leaves:
    """Flatten `record` to its leaves in normal form.

    null and a missing key are the same: absent. An empty text and an empty list are values. What is no object is one
    leaf called ``(no object)``.
    """
    if not isinstance(record, dict):
        return {NO_OBJECT: shape.alone.form(record)}
    forms: Leaves = {}
    shape.flatten(record, forms)
    return forms


class Flat(list[Leaves]):
    """The leaves of records one after the other; where they make a table without more ado, its columns.

    Attributes:
        columns: path → the forms of all records, None where a leaf is absent, in the order of paths; None without a
            table.
        numbers: path → int or float, of the columns that hold values of that type alone.
    """

    columns: dict[str, Column] | None = None
    numbers: Mapping[str, type] = MappingProxyType({})

    @classmethod
    def of(cls, forms: Iterable[Leaves], columns: dict[str, Column], numbers: Mapping[str, type]) -> Flat:
        """Return leaves with their table."""
        found = cls(forms)
        found.columns, found.numbers = columns, numbers
        return found


def flatten(samples: Sequence[Sequence[Any]], shape: Shape) -> Flat:
    """Return the leaves of the records of several samples, one after the other.

    What is its own normal form is handed back as it is, not copied.
    """
    together = list(chain.from_iterable(samples))
    found = _flatten_alike(together, shape)
    if found is not None:
        return found
    return Flat(
        forms for records in samples for forms in (_flatten_alike(records, shape) or _flatten_each(records, shape))
    )


def _flatten_each(records: Sequence[Any], shape: Shape) -> list[Leaves]:
    if not _all_plain(records):
        return [leaves(record, shape) for record in records]
    found = []
    for record in records:
        looks = shape.looks[tuple(record), tuple(map(type, record.values()))]
        found.append(leaves(record, shape) if looks is None else _formed(record, looks, shape))
    return found


def _formed(record: dict[str, Any], keys: Sequence[str], shape: Shape) -> Leaves:
    """Return `record`, or a copy of it where the form of one of `keys` is not the value itself."""
    forms = record
    for key in keys:
        form = shape.rule(key).form(record[key])
        if form != record[key] or form.__class__ is tuple:
            forms = record.copy() if forms is record else forms
            forms[key] = form
    return forms


def _flatten_alike(records: Sequence[Any], shape: Shape) -> Flat | None:
    """Return the leaves of objects without lists and objects in them, each field of which holds one type; else None.

    Whole columns are looked at, which is several times faster than one record after the other.
    """
    if set(map(type, records)) != {dict}:
        return None
    columns = _columns(records)
    if not columns:
        return None
    parts = {field: _Part.of(column) for field, column in columns.items()}
    kinds = {field: part.kind for field, part in parts.items() if part.kind is not None}
    looks = shape.looks[tuple(kinds), tuple(kinds.values())] if len(kinds) == len(columns) else None
    if looks is None:
        return None
    texts = [field for field, kind in kinds.items() if kind is str and field not in looks]
    if _are_plain([parts[field] for field in texts]):
        unlike = list(looks)
    else:
        unlike = [*looks, *(field for field in texts if not _are_plain([parts[field]]))]
    changed: dict[str, dict[Any, Form]] = {}
    for field in unlike:
        known = _changed(columns[field], shape.rule(field))
        if known:
            changed[field] = known
            columns[field] = [known.get(value, value) for value in columns[field]]
    absent = any(part.absent for part in parts.values()) or set(map(len, records)) != {len(columns)}
    numbers = {field: part.kind for field, part in parts.items() if part.number and part.kind and field not in changed}
    return Flat.of(
        [_replaced(record, changed) for record in records] if changed or absent else records, columns, numbers
    )


@dataclass(frozen=True)
class _Part:
    """What is known of a column.

    Args:
        kind: the only type of its values, absent ones apart; float for numbers of both types; None for several types.
        absent: how many values are absent.
        lines: its texts, one a line.
        count: how many texts.
        number: whether all are int, or all are float, and none is absent.
    """

    kind: type | None
    absent: int = 0
    lines: str = ""
    count: int = 0
    number: bool = False

    @classmethod
    def of(cls, column: Column) -> _Part:
        """Look at a column, which holds more than absent values."""
        try:
            return cls(str, 0, "\n".join(column), len(column))  # type: ignore[arg-type] # that is what is tried
        except TypeError:
            pass
        kinds = set(map(type, column))
        if kinds in ({int}, {float}):
            return cls(kinds.pop(), number=True)
        absent = 0
        if _NONE in kinds:
            kinds.remove(_NONE)
            absent = column.count(None)
        if kinds == {str}:
            texts: list[str] = [value for value in column if isinstance(value, str)]
            return cls(str, absent, "\n".join(texts), len(texts))
        if kinds == {int, float}:
            return cls(float, absent)
        return cls(kinds.pop() if len(kinds) == 1 else None, absent)


def _columns(records: Sequence[dict[str, Any]]) -> dict[str, Column] | None:
    """Return field → its value in each record, None where it is absent; None where most would be absent."""
    fields = sorted(records[0])
    columns: list[list[Any]] | None = None
    if set(map(len, records)) == {len(fields)}:
        with suppress(KeyError):
            columns = [list(map(itemgetter(field), records)) for field in fields]
    if columns is None:
        names: set[str] = set()
        most = 2 * sum(map(len, records))
        for record in records:
            names.update(record)
            if len(names) * len(records) > most:
                return None
        fields = sorted(names)
        columns = [[record.get(field) for record in records] for field in fields]
    # What is null everywhere is no leaf.
    return {field: column for field, column in zip(fields, columns, strict=True) if any(v is not None for v in column)}


def _changed(column: Sequence[Any], rule: Rule) -> dict[Any, Form]:
    """Return value → form of the values of one type in `column` that are not their own form."""
    forms = [(value, rule.form(value)) for value in set(column) if value is not None]
    return {value: form for value, form in forms if form != value or form.__class__ is tuple}


def _replaced(record: dict[str, Any], changed: Mapping[str, Mapping[Any, Form]]) -> Leaves:
    """Return `record`, or a copy of it without what is absent and with the forms of values that are not their own."""
    forms = present(record)
    for key, known in changed.items():
        value = record.get(key)
        if value is not None and value in known:
            forms = record.copy() if forms is record else forms
            forms[key] = known[value]
    return forms


def _all_plain(records: Sequence[Any]) -> bool:
    """Tell whether all are objects, and `normal_text` leaves every text in them as it is."""
    if not all(record.__class__ is dict for record in records):
        return False
    texts = [value for record in records for value in record.values() if value.__class__ is str]
    return _are_plain([_Part(str, 0, "\n".join(texts), len(texts))])


def _are_plain(parts: Sequence[_Part]) -> bool:
    """Tell whether the columns hold ASCII text in which `normal_text` changes nothing; false also for some that do."""
    import numpy as np

    lines = "\n".join([part.lines for part in parts])
    if not lines or not lines.isascii():
        return not lines
    letters = np.frombuffer(lines.encode(), dtype=np.uint8)
    white = letters <= ord(" ")
    return not (
        white[0]
        or white[-1]
        or (white[1:] & white[:-1]).any()  # two spaces, or a space at either end of a line
        or np.count_nonzero(letters < ord(" ")) != sum(part.count for part in parts) - 1  # more than the line breaks
    )


def is_flat(records: Sequence[Any]) -> bool:
    """Tell whether all are objects without lists and objects in them."""
    return all(
        record.__class__ is dict and not any(value.__class__ in (list, dict) for value in record.values())
        for record in records
    )


def present(record: dict[str, Any]) -> dict[str, Any]:
    """Return a flat record without what is null; the record itself where nothing is."""
    return {key: value for key, value in record.items() if value is not None} if None in record.values() else record


def written(record: Any, prefix: str = "") -> dict[str, Any]:
    """Return the leaves of `record` by path as they were written."""
    if not isinstance(record, dict):
        return {NO_OBJECT: record}
    found: dict[str, Any] = {}
    for key, value in record.items():
        if isinstance(value, dict):
            found.update(written(value, f"{prefix}{key}."))
        elif value is not None:
            found[prefix + key] = value
    return found
