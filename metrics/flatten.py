"""Records as leaves in normal form: `address.city` for nested objects; a list is one leaf."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Any

from text2json.metrics.compare import ANY, Leaves, Rule, Shape
from text2json.metrics.forms import Form

NO_OBJECT = "(no object)"
"""The one leaf of a record that is no object."""


def leaves(record: Any, shape: Shape) -> Leaves:
    """Flatten `record` to its leaves in normal form.

    null and a missing key are the same: absent. An empty text and an empty list are values. What is no object is one
    leaf called ``(no object)``.
    """
    if not isinstance(record, dict):
        return {NO_OBJECT: ANY.form(record)}
    forms: Leaves = {}
    shape.flatten(record, forms)
    return forms


def flatten(samples: Sequence[Sequence[Any]], shape: Shape) -> list[Leaves]:
    """Return the leaves of the records of several samples, one after the other.

    What is its own normal form is handed back as it is, not copied.
    """
    together = [record for records in samples for record in records]
    found = _flatten_alike(together, shape)
    if found is not None:
        return found
    return [forms for records in samples for forms in (_flatten_alike(records, shape) or _flatten_each(records, shape))]


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


def _flatten_alike(records: Sequence[Any], shape: Shape) -> list[Leaves] | None:
    """Return the leaves of records in plain text whose fields have all the same names and types; else None."""
    if set(map(type, records)) != {dict}:
        return None
    keys = tuple(sorted(set().union(*records)))
    if set(map(len, records)) != {len(keys)}:
        return None
    columns = [list(map(itemgetter(key), records)) for key in keys]
    kinds, texts = [], []
    for column in columns:
        if column[0].__class__ is str:
            try:
                texts.append("|".join(column))  # faster than asking each for its type
            except TypeError:
                return None
        elif len(set(map(type, column))) > 1:
            return None
        kinds.append(type(column[0]))
    looks = shape.looks[keys, tuple(kinds)]
    if looks is None or not _is_plain("|".join(texts)):
        return None
    changed = {
        key: forms
        for key, column in zip(keys, columns, strict=True)
        if key in looks and (forms := _changed(column, shape.rule(key)))
    }
    if not changed:
        return list(records)
    return [_replaced(record, changed) for record in records]


def _changed(column: Sequence[Any], rule: Rule) -> dict[Any, Form]:
    """Return value → form of the values of one type in `column` that are not their own form."""
    forms = [(value, rule.form(value)) for value in set(column)]
    return {value: form for value, form in forms if form != value or form.__class__ is tuple}


def _replaced(record: dict[str, Any], changed: Mapping[str, Mapping[Any, Form]]) -> Leaves:
    """Return `record`, or a copy of it with the forms of those values that are not their own."""
    forms = record
    for key, known in changed.items():
        value = record[key]
        if value in known:
            forms = record.copy() if forms is record else forms
            forms[key] = known[value]
    return forms


def _all_plain(records: Sequence[Any]) -> bool:
    """Tell whether all are objects, and `normal_text` leaves every text in them as it is."""
    if not all(record.__class__ is dict for record in records):
        return False
    return _is_plain("|".join([value for record in records for value in record.values() if value.__class__ is str]))


def _is_plain(joined: str) -> bool:
    """Tell whether `normal_text` leaves every one of the texts, joined by `|`, as it is."""
    return (
        joined.isascii()
        and joined.isprintable()
        and "  " not in joined
        and " |" not in joined
        and "| " not in joined
        and joined.strip() == joined
    )


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
