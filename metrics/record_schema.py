"""What scoring reads out of an answer's JSON Schema."""

from __future__ import annotations

import json
from collections.abc import Sequence
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
        close: whether some of them may ask for more than equality of forms.
    """

    key: str | None
    single: bool
    shape: Shape
    close: bool

    def pairwise(self, paths: Sequence[str]) -> dict[int, Rule]:
        """Return the rules with more than equality of forms, by their leaf's place in `paths`."""
        rules = {place: self.shape.at(path) for place, path in enumerate(paths)} if self.close else {}
        return {place: rule for place, rule in rules.items() if rule is not None and rule.close}


@lru_cache(maxsize=4096)
def record_schema(schema: str) -> RecordSchema:
    """Return what scoring needs of the JSON Schema `schema`, JSON text."""
    root = json.loads(schema)
    root = root if isinstance(root, dict) else {}
    top = resolve(root, root)
    single = top.get("type") == "object"
    record = top if single else resolve(top.get("items"), root)
    key = top.get("x-key")
    named = key if isinstance(key, str) and not single else None
    return RecordSchema(named, single, Shape(record, root), '"x-compare"' in schema)
