"""The question above a document: an instruction, and the asked schema in its shortest form."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import text2json.schemas
from text2json.generators.bits import Bits
from text2json.schemas.canonical import canonical_json

INSTRUCTIONS = (
    "List all {noun} that the text describes, as a JSON list of records, {order}.",
    "Return every one of the {noun} described below as JSON, {order}, with exactly these keys.",
    "Which {noun} does the text describe? Answer with a JSON list, one record each, {order}.",
    "Extract the {noun} described in the text into a JSON list of records, {order}.",
)
ORDER = {"appearance": "in order of appearance", "name": "sorted by name"}
LEAD_OUT = "\n\nJSON:"


@cache
def domain_schema(name: str) -> dict[str, Any]:
    """Return the JSON Schema of all that can be asked of the domain `name`."""
    file = Path(text2json.schemas.__file__).parent / "domains" / f"{name}.json"
    schema: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return schema


def asked_schema(name: str, keys: list[str], *, typed: bool, complete: bool) -> dict[str, Any]:
    """Return the domain's schema cut to `keys`.

    Args:
        name: the domain.
        keys: what is asked, the name among it.
        typed: keep the types; otherwise everything is a string.
        complete: every record has every key.
    """
    whole = domain_schema(name)
    known = whole["items"]["properties"]
    properties = {
        key: known[key] if typed else {"type": "string", "description": known[key]["description"]} for key in keys
    }
    items = {**whole["items"], "properties": properties, "required": keys if complete else ["name"]}
    return {**whole, "items": items}


def terse(schema: dict[str, Any]) -> Any:
    """Return a schema as a model reads it: `{"price": {"amount": "number", "currency": "USD|EUR|GBP"}}`."""
    if "enum" in schema:
        return "|".join(schema["enum"])
    kind = schema["type"]
    if kind == "object":
        return {key: terse(part) for key, part in schema["properties"].items()}
    if kind == "array":
        return [terse(schema["items"])]
    return "YYYY-MM-DD" if schema.get("format") == "date" else kind


def units(schema: dict[str, Any]) -> list[str]:
    """Return a remark that says in which units numbers are wanted, or none."""
    properties = schema["items"]["properties"]
    found = [f"{key}: {part['description']}" for key, part in properties.items() if _measured(part)]
    return [f"Units: {'; '.join(found)}."] if found else []


def _measured(schema: dict[str, Any]) -> bool:
    """Tell whether a value is a number, or an object with numbers other than an amount of money."""
    parts = schema.get("properties", {})
    numbers = [part for part in parts.values() if part.get("type") in ("integer", "number")]
    return schema.get("type") in ("integer", "number") or bool(numbers and "currency" not in parts)


def question(noun: str, schema: dict[str, Any], *, order: str, remarks: list[str], bits: Bits) -> str:
    """Return the text that stands above the document."""
    head = bits.choice(INSTRUCTIONS).format(noun=noun, order=ORDER[order])
    return " ".join([head, *remarks]) + "\n" + canonical_json(terse(schema)) + "\n\n"
