"""What scoring reads out of an answer's JSON Schema."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache

from text2json.metrics.compare import Rule, Shape, resolve


@dataclass(frozen=True)
class RecordSchema:
    """What scoring needs of an answer's schema.

    Args:
        key: the field that names a record, if the schema has one (`"x-key"` beside `"type": "array"`).
        single: whether the answer is one object instead of a list of them.
        shape: the rules of a record's fields.
        pairwise: those of them with more than equality of forms, by path.
    """

    key: str | None
    single: bool
    shape: Shape
    pairwise: dict[str, Rule]


@lru_cache(maxsize=4096)
def record_schema(schema: str) -> RecordSchema:
    """Return what scoring needs of the JSON Schema `schema`, JSON text."""
    root = json.loads(schema)
    root = root if isinstance(root, dict) else {}
    top = resolve(root, root)
    single = top.get("type") == "object"
    record = top if single else resolve(top.get("items"), root)
    key = top.get("x-key")
    shape = Shape(record, root)
    return RecordSchema(key if isinstance(key, str) and not single else None, single, shape, shape.pairwise())
