"""What is scored against: samples of a data set, or anyone's own gold under anyone's own schema."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from text2json.errors import DataError, did_you_mean
from text2json.metrics.compare import resolve
from text2json.schemas.canonical import canonical_json
from text2json.schemas.sample import Sample, sample_from_row


def plain(value: Any) -> Any:
    """Return pydantic models, alone or in lists and mappings, as the plain values of their JSON."""
    from pydantic_core import to_jsonable_python

    return to_jsonable_python(value)


def iter_gold(
    data: Iterable[Any] | Mapping[str, Any],
    schema: Any = None,
    *,
    key: str | None = None,
    documents: Mapping[Any, str] | Sequence[str] | None = None,
) -> Iterator[Sample]:
    """Yield samples.

    Args:
        data: samples or rows with `Sample`'s columns; or one's own gold, id → records, or a list of records' lists,
            whose ids are their places. Records are dictionaries or pydantic models; a gold that is one of them
            instead of a list asks for a single object.
        schema: of one's own gold: a pydantic model or JSON Schema of a record, or the JSON Schema of the whole
            answer (`"type": "array"`).
        key: the field that names a record.
        documents: id → the text that was read, for the causes of errors; a list of texts where `data` is a list.

    Raises:
        DataError: a row is no sample, the schema is none or has no field `key`, or gold is no JSON list or object.
    """
    described = None if schema is None else _schema(schema, key)
    texts = dict(documents.items() if isinstance(documents, Mapping) else enumerate(documents or ()))
    texts = {str(name): text for name, text in texts.items()}
    pairs = data.items() if isinstance(data, Mapping) else enumerate(data)
    for place, item in pairs:
        if isinstance(item, Sample):
            yield item
        elif isinstance(item, Mapping) and "problem" in item and "answer" in item:
            yield sample_from_row(item)
        else:
            name = str(place)
            document = texts.get(name, "")
            try:
                answer = plain(item)
                text = canonical_json(answer)
            except (ValueError, TypeError) as error:
                raise DataError(f"the gold of {name!r} is no JSON: {error}") from None
            if not isinstance(answer, list | dict):
                raise DataError(f"the gold of {name!r} is neither a list of records nor an object: {text:.40}",
                                remedy="give values, not their JSON text: `json.loads` makes them")  # fmt: skip
            yield Sample(
                id=name, domain="", kind="external", problem=document, answer=text,
                schema=_answer_schema(described, isinstance(answer, list), key),
                text_span=[0, len(document)], evidence="[]", knobs="{}", canary="",
            )  # fmt: skip


def _schema(schema: Any, key: str | None) -> dict[str, Any]:
    from jsonschema import Draft202012Validator, SchemaError

    if isinstance(schema, str):
        try:
            schema = json.loads(schema)
        except ValueError:
            raise DataError("the schema is no JSON") from None
    if not isinstance(schema, Mapping):
        from pydantic import TypeAdapter
        from pydantic.errors import PydanticSchemaGenerationError

        try:
            schema = TypeAdapter(schema).json_schema()
        except PydanticSchemaGenerationError:
            raise DataError(f"no schema can be made of {schema!r}",
                            remedy="give a pydantic model, a type or a JSON Schema") from None  # fmt: skip
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        raise DataError(f"the schema is no JSON Schema: {error.message}") from None
    if key is not None:
        record = resolve(schema, schema)
        record = resolve(record.get("items"), schema) if record.get("type") == "array" else record
        fields = record.get("properties")
        if fields and key not in fields:
            raise DataError(f"the schema has no field {key!r}", remedy=did_you_mean(key, fields))
    return dict(schema)


def _answer_schema(schema: dict[str, Any] | None, is_list: bool, key: str | None) -> str:
    """Return the JSON Schema of the whole answer, from that of one record or of the answer."""
    if schema is None:
        schema = {"type": "array"} if is_list else {"type": "object"}
    elif is_list and schema.get("type") != "array":
        schema = _moved(schema) if _points_at_itself(schema) else schema
        outer: dict[str, Any] = {name: schema[name] for name in ("$defs", "x-key") if name in schema}
        schema = {"type": "array", "items": {k: v for k, v in schema.items() if k not in outer}, **outer}
    return canonical_json({**schema, "x-key": key} if key is not None and is_list else schema)


def _points_at_itself(schema: Any) -> bool:
    """Tell whether a local reference leads elsewhere than into `$defs`, which move along with a record's schema."""
    if isinstance(schema, list):
        return any(map(_points_at_itself, schema))
    if not isinstance(schema, Mapping):
        return False
    return _is_own(schema.get("$ref")) or any(map(_points_at_itself, schema.values()))


def _is_own(reference: Any) -> bool:
    return isinstance(reference, str) and reference[:2] in ("#", "#/") and not reference.startswith("#/$defs/")


def _moved(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a schema that refers to the given one as one of its definitions, where all local references then lead."""
    place = "#/$defs/record"

    def inside(part: Any) -> Any:
        if isinstance(part, list):
            return [inside(item) for item in part]
        if not isinstance(part, Mapping):
            return part
        found = {name: inside(value) for name, value in part.items()}
        reference = found.get("$ref")
        if isinstance(reference, str) and reference[:2] in ("#", "#/"):
            found["$ref"] = place + reference[1:]
        return found

    record = inside({name: value for name, value in schema.items() if name not in ("$id", "x-key")})
    return {"$ref": place, "$defs": {"record": record}, **{k: v for k, v in schema.items() if k == "x-key"}}
