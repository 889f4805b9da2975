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
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from text2json.errors import DataError, did_you_mean
from text2json.schemas.canonical import canonical_json

Form = str | int | float | tuple[str, str]
"""The normal form of one leaf: text as text, numbers as numbers (Python compares integers of any size and floats
exactly), truth values, lists and objects as a tagged tuple, so that none of them equals a number or a text."""
Leaves = dict[str, Form]
"""Path → normal form of one record."""

_QUOTES = str.maketrans({
    "‘": "'", "’": "'", "‚": "'", "‛": "'", "′": "'", "“": '"', "”": '"', "„": '"', "‟": '"', "″": '"',
    **dict.fromkeys("\u00ad\u200b\u200c\u200d\u2060\ufeff\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"),
})  # fmt: skip
_NUMBER = re.compile(r"([+-]?)(0|[1-9]\d*|[1-9]\d{0,2}(?:,\d{3})+)(\.\d+)?(?:[eE]([+-]?\d+))?", re.ASCII)
_DATE = re.compile(r"(\d{4})(-?)(\d{2})\2(\d{2})", re.ASCII)
_TIME = re.compile(r"(\d{2}):(\d{2})(?::(\d{2})(?:\.(\d+))?)?(Z|z|[+-]\d{2}:?\d{2})?", re.ASCII)
_REMEMBERED = 1 << 16
_LONGEST = 200
_OPTIONS = ("case", "list", "relative", "similarity", "tolerance")
NO_OBJECT = "(no object)"
"""The one leaf of a record that is no object."""


def normal_text(text: str) -> str:
    """Return `text` in Unicode form NFKC, with straight quotes, single spaces and no invisible characters."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).translate(_QUOTES))
    return " ".join(text.split())


def read_number(text: str) -> float | None:
    """Return the number that `text` writes in digits, with commas only between groups of three, else None.

    No unit, currency, bracket or leading zero is read away, and `1.000,00` is no number: its meaning is a guess.
    """
    match = _NUMBER.fullmatch(text.replace("\u2212", "-")) if len(text) <= 400 else None
    if match is None:
        return None
    sign, whole, fraction, exponent = match.groups()
    digits = sign + whole.replace(",", "")
    if fraction is None and exponent is None:
        return int(digits)
    return float(digits + (fraction or "") + (f"e{exponent}" if exponent else ""))


def read_date(text: str) -> str | None:
    """Return an ISO 8601 calendar date, `2011-01-07` or `20110107`, in one form; other ways to write one are text."""
    match = _DATE.fullmatch(text)
    return None if match is None else f"{match[1]}-{match[3]}-{match[4]}"


def read_time(text: str) -> str | None:
    """Return an ISO 8601 time of day, without a zero fraction and with seconds; the zone as minutes from UTC."""
    match = _TIME.fullmatch(text)
    if match is None:
        return None
    hour, minute, second, fraction, zone = match.groups()
    offset = "" if zone is None else f"{_minutes(zone):+d}"
    return f"{hour}:{minute}:{second or '00'}{('.' + fraction).rstrip('.0') if fraction else ''}{offset}"


def read_datetime(text: str) -> str | None:
    """Return an ISO 8601 date and time; with a zone, at UTC."""
    import datetime

    day, time = read_date(text[:10]), read_time(text[11:])
    if day is None or time is None or text[10:11] not in ("T", "t", " "):
        return None
    zone = _TIME.fullmatch(text[11:])[5]  # type: ignore[index] # read_time matched it
    clock = time[:8]
    rest = time[8:].partition("+")[0].partition("-")[0]
    if zone is None:
        return f"{day}T{clock}{rest}"
    try:
        moment = datetime.datetime.fromisoformat(f"{day}T{clock}") - datetime.timedelta(minutes=_minutes(zone))
    except (ValueError, OverflowError):
        return None
    return f"{moment.isoformat()}{rest}Z"


def _minutes(zone: str) -> int:
    if zone in "Zz":
        return 0
    minutes = 60 * int(zone[1:3]) + int(zone[-2:])
    return -minutes if zone[0] == "-" else minutes


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
        self.similarity: float | None = options.get("similarity")
        self.tolerance: float | None = options.get("tolerance")
        self.relative: float | None = options.get("relative")
        self.list_as = options.get("list", "set" if schema.get("uniqueItems") is True else "sequence")
        self.reader = read_number if self.kind in ("integer", "number") else _FORMATS.get(str(schema.get("format")))
        members = [normal_text(item) for item in schema.get("enum", ()) if isinstance(item, str)]
        self.members = {item.casefold(): item for item in members}
        if len(self.members) < len(members):  # case tells them apart
            self.members = {}
        self.names = set(self.members.values())
        self.numbers = self.kind != "string" or self.reader is not None
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

    def same(self, column: Sequence[Any]) -> bool:
        """Tell whether the plain texts of `column` are their own form, as members of an enumeration are."""
        return bool(self.members) and self.reader is None and set(column) <= self.names

    @property
    def pairwise(self) -> bool:
        """Whether equality is more than that of the forms."""
        return not (self.similarity is None and self.tolerance is None and self.relative is None)

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
            return value if self.numbers else digits(value)
        if isinstance(value, list):
            forms = [as_text(self.items.form(item)) for item in value]
            if self.list_as != "sequence":
                forms = sorted(set(forms) if self.list_as == "set" else forms)
            return ("list", canonical_json(forms))
        if isinstance(value, dict):
            found: Leaves = {}
            _flatten(value, self.shape, found)
            return ("object", canonical_json({path: as_text(form) for path, form in found.items()}))
        return ("null", "")

    def equal(self, gold: Form, predicted: Form) -> bool:
        """Tell whether two forms of this field are equal."""
        if gold == predicted:
            return True
        if self.similarity is not None and isinstance(gold, str) and isinstance(predicted, str):
            from rapidfuzz import fuzz

            return fuzz.ratio(gold, predicted, score_cutoff=100 * self.similarity) > 0
        if isinstance(gold, int | float) and isinstance(predicted, int | float):
            allowed = max(self.tolerance or 0.0, (self.relative or 0.0) * abs(gold))
            return allowed > 0 and abs(gold - predicted) <= allowed
        return False


def digits(number: float) -> str:
    """Return a number as text: `1` for `1.0`, `0` for `-0.0`, else the shortest that reads back the same."""
    if isinstance(number, float) and not (math.isfinite(number) and number.is_integer()):
        return repr(number)
    return str(int(number))


def as_text(form: Form) -> str:
    """Return a form as text, different for different forms."""
    if isinstance(form, str):
        return f"s{form}"
    return f"n{digits(form)}" if isinstance(form, int | float) else " ".join(form)


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
        self.root, self.prefix = root, prefix
        self.rules: dict[str, Rule] = {}
        self.looks = _Looks(self)

    def rule(self, key: str) -> Rule:
        """Return the rule of the field `key`; a field that the schema does not know is compared by its own type."""
        rule = self.rules.get(key)
        if rule is None:
            schema = resolve(self.properties.get(key), self.root)
            rule = Rule(schema, self.root, self.prefix + key)
            if len(self.rules) < _REMEMBERED:
                self.rules[key] = rule
        return rule

    def pairwise(self) -> dict[str, Rule]:
        """Return the rules with more than equality of forms, by path, nested objects included."""
        found: dict[str, Rule] = {}
        for key in self.properties:
            rule = self.rule(key)
            if rule.pairwise:
                found[rule.path] = rule
            if rule.kind in (None, "object") and rule.shape.properties and rule.path.count(".") < 16:
                found.update(rule.shape.pairwise())
        return found


def resolve(schema: Any, root: dict[str, Any]) -> dict[str, Any]:
    """Follow local references, and of alternatives with null take the one that is not null."""
    for _ in range(32):
        if not isinstance(schema, dict):
            return {}
        reference = schema.get("$ref")
        if isinstance(reference, str) and reference.startswith("#/"):
            target: Any = root
            for part in reference[2:].split("/"):
                target = target.get(part) if isinstance(target, dict) else None
            schema = {**(target if isinstance(target, dict) else {}), **{k: schema[k] for k in schema if k != "$ref"}}
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


def leaves(record: Any, shape: Shape) -> Leaves:
    """Flatten `record` to its leaves in normal form.

    null and a missing key are the same: absent. An empty text and an empty list are values. What is no object is one
    leaf called ``(no object)``.
    """
    if not isinstance(record, dict):
        return {NO_OBJECT: ANY.form(record)}
    forms: Leaves = {}
    _flatten(record, shape, forms)
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
        found.append(leaves(record, shape) if looks is None else _replaced(record, looks, shape))
    return found


def _flatten_alike(records: Sequence[Any], shape: Shape) -> list[Leaves] | None:
    """Return the leaves of records in plain text whose fields have all the same names and types; else None."""
    if set(map(type, records)) != {dict}:
        return None
    kinds = set(map(tuple, records))
    if len(kinds) != 1 or not _all_plain(records):
        return None
    (keys,) = kinds
    columns = list(zip(*map(dict.values, records), strict=True))
    types = [set(map(type, column)) for column in columns]
    if any(len(kind) > 1 for kind in types):
        return None
    looks = shape.looks[keys, tuple([kind for (kind,) in types])]
    if looks is None:
        return None
    odd = [key for key, column in zip(keys, columns, strict=True) if key in looks and not shape.rule(key).same(column)]
    return [_replaced(record, odd, shape) for record in records] if odd else list(records)


def _replaced(record: dict[str, Any], keys: Sequence[str], shape: Shape) -> Leaves:
    """Return `record`, or a copy of it where the form of one of `keys` is not the value itself."""
    forms = record
    for key in keys:
        form = shape.rule(key).form(record[key])
        if form != record[key] or form.__class__ is tuple:
            forms = record.copy() if forms is record else forms
            forms[key] = form
    return forms


def _all_plain(records: Sequence[Any]) -> bool:
    """Tell whether all are objects, and `normal_text` leaves every text in them as it is."""
    if not all(record.__class__ is dict for record in records):
        return False
    texts = [value for record in records for value in record.values() if value.__class__ is str]
    joined = "|".join(texts)
    return (
        joined.isascii()
        and joined.isprintable()
        and "  " not in joined
        and " |" not in joined
        and "| " not in joined
        and joined.strip() == joined
    )


def _flatten(record: dict[str, Any], shape: Shape, forms: Leaves) -> None:
    rules = shape.rules
    for key, value in record.items():
        rule = rules.get(key) or shape.rule(key)
        if value.__class__ is str:
            forms[rule.path] = rule.texts[value]
        elif value.__class__ is dict:
            _flatten(value, rule.shape, forms)
        elif value is not None:
            forms[rule.path] = rule.form(value)


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
    import json

    root = json.loads(schema)
    root = root if isinstance(root, dict) else {}
    top = resolve(root, root)
    single = top.get("type") == "object"
    record = top if single else resolve(top.get("items"), root)
    key = top.get("x-key")
    shape = Shape(record, root)
    return RecordSchema(key if isinstance(key, str) and not single else None, single, shape, shape.pairwise())


ANY = Rule({}, {}, "")
"""The rule of a value that no schema describes."""
