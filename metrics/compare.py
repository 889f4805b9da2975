"""Step 4: when two leaves are equal.

A record is flattened to leaves, `address.city` for nested objects; a list is one leaf. `null` and a missing key are
the same: absent. An empty string and an empty list are values.
"""

from __future__ import annotations

import unicodedata
from typing import Any

from text2json.schemas.canonical import canonical_json

Leaf = str
"""A normal form: two leaves are equal exactly when their normal forms are."""

_QUOTES = str.maketrans({"‘": "'", "’": "'", "‚": "'", "“": '"', "”": '"', "„": '"'})


def normal_text(text: str) -> str:
    """Return `text` in Unicode form NFKC, with straight quotes and single spaces, and none at the ends."""
    return " ".join(unicodedata.normalize("NFKC", text).translate(_QUOTES).split())


def normal_leaf(value: Any, kind: str | None) -> Leaf:
    """Return the normal form of `value` under the JSON Schema type `kind`.

    A number in a string field stands for its own digits; `1` and `1.0` are one number; a truth value is never a
    number.
    """
    if isinstance(value, str):
        return "s" + normal_text(value)
    if isinstance(value, bool):
        return f"b{value}"
    if isinstance(value, int | float):
        number = str(int(value)) if isinstance(value, int) or value.is_integer() else repr(value)
        return ("s" if kind == "string" else "n") + number
    if isinstance(value, list):
        return "l" + canonical_json([normal_leaf(item, None) for item in value])
    return "o" + canonical_json(value)


def leaves(record: Any, properties: dict[str, Any], prefix: str = "") -> dict[str, Leaf]:
    """Flatten `record` to its leaves in normal form; what is no object is one leaf called ``(no object)``."""
    if not isinstance(record, dict):
        return {"(no object)": normal_leaf(record, None)}
    found: dict[str, Leaf] = {}
    for key, value in record.items():
        schema = properties.get(key)
        schema = schema if isinstance(schema, dict) else {}
        if value is None:
            continue
        if isinstance(value, dict):
            found.update(leaves(value, schema.get("properties", {}), f"{prefix}{key}."))
        else:
            kind = schema.get("type")
            found[prefix + key] = normal_leaf(value, kind if isinstance(kind, str) else None)
    return found
