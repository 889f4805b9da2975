"""What is scored against: samples of a data set, or anyone's own gold under anyone's own schema."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from text2json.errors import DataError
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
    documents: Mapping[str, str] | None = None,
) -> Iterator[Sample]:
    """Yield samples.

    Args:
        data: samples or rows with `Sample`'s columns; or one's own gold, id → records, or a list of records' lists,
            whose ids are their places. Records are dictionaries or pydantic models; a gold that is one of them
            instead of a list asks for a single object.
        schema: of one's own gold: a pydantic model or JSON Schema of a record, or the JSON Schema of the whole
            answer (`"type": "array"`).
        key: the field that names a record.
        documents: id → the text that was read, for the causes of errors.

    Raises:
        DataError: a row is no sample, the schema is none, or gold is no JSON.
    """
    described = None if schema is None else _schema(schema, key)
    pairs = data.items() if isinstance(data, Mapping) else enumerate(data)
    for place, item in pairs:
        if isinstance(item, Sample):
            yield item
        elif isinstance(item, Mapping) and "problem" in item and "answer" in item:
            yield sample_from_row(item)
        else:
            name = str(place)
            document = (documents or {}).get(name, "")
            try:
                answer = plain(item)
                text = canonical_json(answer)
            except (ValueError, TypeError) as error:
                raise DataError(f"the gold of {name!r} is no JSON: {error}") from None
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
    return dict(schema)


def _answer_schema(schema: dict[str, Any] | None, is_list: bool, key: str | None) -> str:
    """Return the JSON Schema of the whole answer, from that of one record or of the answer."""
    if schema is None:
        schema = {"type": "array"} if is_list else {"type": "object"}
    elif is_list and schema.get("type") != "array":
        outer: dict[str, Any] = {name: schema[name] for name in ("$defs", "x-key") if name in schema}
        schema = {"type": "array", "items": {k: v for k, v in schema.items() if k not in outer}, **outer}
    return canonical_json({**schema, "x-key": key} if key is not None and is_list else schema)
