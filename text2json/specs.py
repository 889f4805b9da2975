"""Specs as the command line writes them, `NAME:KEY=VALUE,KEY=VALUE`: the options are a frozen dataclass's fields."""

from __future__ import annotations

import math
from dataclasses import Field, fields
from typing import Any, TypeVar

from text2json.errors import SpecError, did_you_mean

T = TypeVar("T")
KINDS = {"int": "a whole number", "float": "a number", "bool": "true or false"}


def build(name: str, cls: type[T], options: str) -> T:
    """Return `cls` with the fields that `options`, as in `needles=16,length=40000`, sets.

    Args:
        name: how messages call it.
        cls: a dataclass whose fields are int, float, bool or str, all with defaults.
        options: what follows the colon of a spec; may be empty.

    Raises:
        SpecError: an option is unknown or stands twice, or its value is impossible.
    """
    known = {field.name: field for field in _options(cls)}
    values: dict[str, Any] = {}
    for part in filter(None, options.split(",")):
        key, equals, text = part.partition("=")
        if key not in known or not equals:
            remedy = did_you_mean(key, known) if known else f"{name} has no options"
            raise SpecError(f"{name}: no option {part!r}", remedy=remedy)
        if key in values:
            raise SpecError(f"{name}: option {key!r} stands twice", remedy="give it once")
        values[key] = _value(name, known[key], text)
    return cls(**values)


def write(name: str, options: object) -> str:
    """Return the spec that `build` turns into `options` again."""
    texts = [f"{field.name}={_text(getattr(options, field.name))}" for field in _options(options)]
    return f"{name}:{','.join(texts)}" if texts else name


def _options(of: Any) -> list[Field[Any]]:
    """Return the fields that a spec sets; one with `metadata={"spec": False}` is none of them."""
    return [field for field in fields(of) if field.metadata.get("spec", True)]


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _value(name: str, field: Field[Any], text: str) -> Any:
    try:
        return _parse(str(field.type), text)
    except ValueError:
        kind = KINDS[str(field.type)]
        raise SpecError(f"{name}: {field.name}={text!r} cannot be read",
                        remedy=f"give {kind}; the default is {_text(field.default)}") from None  # fmt: skip


def _parse(kind: str, text: str) -> Any:
    if kind == "bool":
        return {"true": True, "false": False}[text] if text in ("true", "false") else int("none")
    if kind == "int":
        return int(text)
    if kind == "float":
        number = float(text)
        return number if math.isfinite(number) else int("none")
    return text
