"""Step 4: when two leaves are equal, by the type that the schema gives them.

A record is flattened to leaves, `address.city` for nested objects; a list is one leaf. Each leaf is brought to a normal
form; two leaves are equal exactly when their normal forms are, except where the schema asks for a fuzzy text or a
tolerance. docs/scoring.md has the table of what counts as equal.

A schema may carry one keyword of ours beside JSON Schema's, `x-compare`, an object::

    {"case": false}            text: upper and lower case are the same
    {"similarity": 0.9}        text: equal from this `rapidfuzz.fuzz.ratio` / 100 on
    {"tolerance": 0.5}         number: equal within this absolute difference
    {"relative": 0.01}         number: equal within this share of the gold value
    {"list": "set"}            list: `set`, `multiset` or `sequence` (the default; `set` with `uniqueItems`)

A list is one value: inside it, in its items and their fields, similarity, tolerance and relative do nothing.
"""

from __future__ import annotations

import math
from functools import cached_property
from typing import Any
from urllib.parse import unquote

from text2json.errors import DataError, did_you_mean
from text2json.metrics.closeness import Closeness
from text2json.metrics.forms import Form, as_text, digits, normal_text, read_date, read_datetime, read_number, read_time
from text2json.schemas.canonical import canonical_json

Leaves = dict[str, Form]
"""Path → normal form of one record."""


NO_OBJECT = "(no object)"
"""The one leaf of a record that is no object."""
_REMEMBERED = 1 << 16
_LONGEST = 200
_OPTIONS = ("case", "list", "relative", "similarity", "tolerance")
_FORMATS = {"date": read_date, "time": read_time, "date-time": read_datetime}


class Rule:
    """How the values of one field are brought to a normal form, and when two forms are equal.

    Args:
        schema: the field's JSON Schema, with its references resolved.
        root: the whole schema, for references below.
        path: the field's path in a record.

    Raises:
        DataError: `x-compare` names an option or a value that there is not.
    """

    def __init__(self, schema: dict[str, Any], root: dict[str, Any], path: str) -> None:
        self.path = path
        options = _options(schema, path)
        kind = schema.get("type")
        self.kind = kind if isinstance(kind, str) else None
        self.case = options.get("case", True)
        self.close = Closeness(options.get("similarity"), options.get("tolerance"), options.get("relative"))
        self.list_as = options.get("list", "set" if schema.get("uniqueItems") is True else "sequence")
        self.reader = read_number if self.kind in ("integer", "number") else _FORMATS.get(str(schema.get("format")))
        members = [normal_text(item) for item in schema.get("enum", ()) if isinstance(item, str)]
        self.members = {item.casefold(): item for item in members}
        if len(self.members) < len(members):  # case tells them apart
            self.members = {}
        self.numbers = self.kind != "string"
        self.shape = Shape(schema, root, f"{path}.")
        self.inner = schema.get("items")
        self.texts = _Texts(self)

    @cached_property
    def items(self) -> Rule:
        """The rule of a list's items."""
        return Rule(resolve(self.inner, self.shape.root), self.shape.root, self.path) if self.inner else ANY

    def keeps(self, kind: type) -> bool:
        """Tell whether values of a type, texts being plain, are their own normal form."""
        if kind is str:
            return self.reader is None and not self.members and self.case is True
        return kind is not bool and self.numbers

    def text(self, value: str) -> Form:
        """Return the form of a text."""
        plain = normal_text(value)
        form = value if plain == value else plain
        if self.reader is not None:
            read = self.reader(plain)
            return form if read is None or read == form else read
        if self.members:
            return self.members.get(plain.casefold(), form)
        return form if self.case else plain.casefold()

    def form(self, value: Any) -> Form:
        """Return the normal form of a value that is neither null nor, in a field, an object.

        A number in a text field stands for its own digits; a truth value is never a number.
        """
        if isinstance(value, str):
            return self.texts[value]
        if isinstance(value, bool):
            return ("bool", str(value))
        if isinstance(value, int | float):
            return value if self.numbers else self.text(digits(value))
        if isinstance(value, list):
            forms = [as_text(self.items.form(item)) for item in value]
            if self.list_as != "sequence":
                forms = sorted(set(forms) if self.list_as == "set" else forms)
            return ("list", canonical_json(forms))
        if isinstance(value, dict):
            found: Leaves = {}
            self.shape.flatten(value, found)
            return ("object", canonical_json({path: as_text(form) for path, form in found.items()}))
        return ("null", "")

    def equal(self, gold: Form, predicted: Form) -> bool:
        """Tell whether two forms of this field are equal."""
        return gold == predicted or self.close.pair(gold, predicted)


class _Texts(dict[str, "Form"]):
    """Text → form of one field, made when first asked for."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule

    def __missing__(self, value: str) -> Form:
        form = self.rule.text(value)
        if len(value) <= _LONGEST:
            if len(self) >= _REMEMBERED:
                self.clear()
            self[value] = form
        return form


class _Looks(dict[tuple[tuple[str, ...], tuple[type, ...]], "tuple[str, ...] | None"]):
    """(Fields, types of their values) of a record in plain text → the fields whose form is not the value itself.

    None where a value is null, a list or an object, so that fields and leaves are not the same.
    """

    def __init__(self, shape: Shape) -> None:
        self.shape = shape

    def __missing__(self, look: tuple[tuple[str, ...], tuple[type, ...]]) -> tuple[str, ...] | None:
        found: tuple[str, ...] | None = None
        if not {type(None), list, dict} & set(look[1]):
            rules = [(self.shape.rule(key), kind) for key, kind in zip(*look, strict=True)]
            found = tuple([key for key, (rule, kind) in zip(look[0], rules, strict=True) if not rule.keeps(kind)])
        if len(self) < _REMEMBERED:
            self[look] = found
        return found


class Shape:
    """The rules of an object's fields, each made when it is first asked for."""

    def __init__(self, schema: dict[str, Any], root: dict[str, Any], prefix: str = "") -> None:
        properties = schema.get("properties")
        self.properties = properties if isinstance(properties, dict) else {}
        self.schema, self.root, self.prefix = schema, root, prefix
        self.rules: dict[str, Rule] = {}
        self.looks = _Looks(self)

    @cached_property
    def alone(self) -> Rule:
        """The rule of what stands in the place of an object and is none."""
        return Rule(self.schema, self.root, self.prefix + NO_OBJECT)

    def rule(self, key: str) -> Rule:
        """Return the rule of the field `key`; a field that the schema does not know is compared by its own type."""
        rule = self.rules.get(key)
        if rule is None:
            schema = resolve(self.properties.get(key), self.root)
            rule = Rule(schema, self.root, self.prefix + key)
            if len(self.rules) < _REMEMBERED:
                self.rules[key] = rule
        return rule

    def flatten(self, record: dict[str, Any], forms: Leaves) -> None:
        """Add the leaves of `record` to `forms`, in normal form."""
        rules = self.rules
        for key, value in record.items():
            rule = rules.get(key) or self.rule(key)
            if value.__class__ is str:
                forms[rule.path] = rule.texts[value]
            elif value.__class__ is dict:
                rule.shape.flatten(value, forms)
            elif value is not None:
                forms[rule.path] = rule.form(value)

    def at(self, path: str) -> Rule | None:
        """Return the rule of a leaf, of nested objects too; None where the schema has none."""
        if path == NO_OBJECT:
            return self.alone
        if path in self.properties:
            return self.rule(path)
        dots = (place for place, letter in enumerate(path) if letter == ".")
        inner = (self.rule(path[:dot]).shape.at(path[dot + 1 :]) for dot in dots if path[:dot] in self.properties)
        return next((rule for rule in inner if rule is not None), None)


def resolve(schema: Any, root: dict[str, Any]) -> dict[str, Any]:
    """Follow local references, and of alternatives with null take the one that is not null.

    Raises:
        DataError: a local reference leads nowhere.
    """
    for _ in range(32):
        if not isinstance(schema, dict):
            return {}
        reference = schema.get("$ref")
        if isinstance(reference, str) and (reference == "#" or reference.startswith("#/")):
            schema = {**_target(reference, root), **{k: schema[k] for k in schema if k != "$ref"}}
            continue
        kinds = schema.get("type")
        if isinstance(kinds, list):
            named = [kind for kind in kinds if kind != "null"]
            schema = {**schema, "type": named[0] if len(named) == 1 else None}
        for word in ("anyOf", "oneOf", "allOf"):
            branches = schema.get(word)
            if isinstance(branches, list):
                named = [item for item in branches if not (isinstance(item, dict) and item.get("type") == "null")]
                if len(named) == 1 and isinstance(named[0], dict):
                    schema = {**named[0], **{key: schema[key] for key in schema if key != word}}
                    break
        else:
            return dict(schema)
    return {}


def _target(reference: str, root: dict[str, Any]) -> dict[str, Any]:
    """Return the schema that a local reference, a JSON Pointer (RFC 6901) in a fragment, leads to."""
    target: Any = root
    for part in unquote(reference).split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        if isinstance(target, dict) and name in target:
            target = target[name]
        elif isinstance(target, list) and name.isdecimal() and int(name) < len(target):
            target = target[int(name)]
        else:
            raise DataError(f"the schema's reference {reference!r} leads nowhere",
                            remedy="define what it names, or mend the reference")  # fmt: skip
    return target if isinstance(target, dict) else {}


def _options(schema: dict[str, Any], path: str) -> dict[str, Any]:
    options = schema.get("x-compare", {})
    place = f"x-compare of {path.strip('.') or 'the schema'}"
    if not isinstance(options, dict):
        raise DataError(f"{place} is no object", remedy='write for example {"similarity": 0.9}')
    for name, value in options.items():
        if name not in _OPTIONS:
            raise DataError(f"{place} has an unknown option {name!r}", remedy=did_you_mean(name, _OPTIONS))
        good = {
            "case": isinstance(value, bool),
            "list": value in ("set", "multiset", "sequence"),
            "similarity": _is_number(value) and 0 < value <= 1,
        }.get(name, _is_number(value) and value >= 0)
        if not good:
            raise DataError(f"{place}: {name} cannot be {value!r}", remedy="see the table in docs/scoring.md")
    return options


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


ANY = Rule({}, {}, "")
"""The rule of a value that no schema describes."""
