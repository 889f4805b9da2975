"""Write the domains' JSON Schemas from their files: `python -m text2json.generators.build_schemas`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import text2json.schemas
from text2json.generators.domain import Domain, domain, domains

FOLDER = Path(text2json.schemas.__file__).parent / "domains"


def schema(kind: Domain) -> dict[str, Any]:
    """Return the JSON Schema of a list of all that can be asked of a domain."""
    properties: dict[str, Any] = {"name": {"type": "string", "description": kind.table["name"]["about"]}}
    for name, field in sorted(kind.fields.items()):
        properties[name] = {**field.kind.schema(), "description": field.about}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": kind.name,
        "description": kind.table["about"],
        "type": "array",
        "x-key": "name",
        "items": {
            "type": "object", "properties": properties, "required": ["name"], "additionalProperties": False,
        },
    }  # fmt: skip


def text(kind: Domain) -> str:
    """Return the schema as its file holds it."""
    return json.dumps(schema(kind), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    for name in domains():
        (FOLDER / f"{name}.json").write_text(text(domain(name)), encoding="utf-8")
