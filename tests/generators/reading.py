"""A reader of stated values that shares nothing with the generators: it goes from a text back to the gold's form."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

WORDS = "zero one two three four five six seven eight nine ten eleven twelve".split()  # noqa: SIM905
SIGNS = {"$": "USD", "€": "EUR", "£": "GBP", "US dollars": "USD", "euros": "EUR", "pounds sterling": "GBP"}
YES = ("yes", "accepted", "welcome", "in full", "settled", "possible", "allowed", "done")
NO = ("no", "not", "still open")
DATES = ("%d %B %Y", "%B %d, %Y", "%Y-%m-%d", "%d %b %Y", "%b. %d, %Y", "%b %d, %Y")
THOUSANDTHS = ("g", "ml")


def read_number(text: str) -> float:
    """Read `1,250 W`, `1390 g` (as kilograms), `1 h 20 min` (as minutes) or `seven months`."""
    hours = re.fullmatch(r"(\d+) h (\d+) min", text)
    if hours:
        return int(hours[1]) * 60 + int(hours[2])
    first, _, unit = text.partition(" ")
    if first.lower() in WORDS:
        return WORDS.index(first.lower())
    number = float(first.replace(",", ""))
    return number / 1000 if unit in THOUSANDTHS else number


def read_date(text: str) -> str:
    """Read a date in any of the forms that English texts use."""
    text = re.sub(r"^[Tt]he (\d+)(?:st|nd|rd|th) of ", r"\1 ", text).replace("Sept ", "Sep ").replace("Sept. ", "Sep. ")
    for form in DATES:
        try:
            return datetime.strptime(text, form).strftime("%Y-%m-%d")
        except ValueError:
            continue
    raise ValueError(text)


def read_boolean(text: str) -> bool:
    """Read a yes or a no."""
    low = text.lower()
    assert low.startswith(YES) != low.startswith(NO), text
    return low.startswith(YES)


def supports(gold: Any, text: str, schema: dict[str, Any], options: dict[str, list[str]] | None) -> bool:
    """Tell whether `text` states `gold`, a leaf of the type that `schema` describes."""
    if isinstance(gold, bool):
        return read_boolean(text) is gold
    if isinstance(gold, int | float):
        return abs(read_number(text) - gold) < 1e-9
    if schema.get("format") == "date":
        return bool(read_date(text) == gold)
    if schema.get("enum") == ["USD", "EUR", "GBP"]:
        return bool(SIGNS.get(text, text) == gold)
    if "enum" in schema:
        assert options is not None
        stating = [option for option, forms in options.items() if text in forms]
        return stating == [gold]
    return bool(text == gold)


def leaves(value: Any, schema: dict[str, Any], path: str) -> list[tuple[str, Any, dict[str, Any]]]:
    """Return (path, value, schema) of every leaf."""
    if isinstance(value, dict):
        return [
            leaf for key, part in value.items() for leaf in leaves(part, schema["properties"][key], f"{path}.{key}")
        ]
    if isinstance(value, list):
        return [leaf for place, part in enumerate(value) for leaf in leaves(part, schema["items"], f"{path}[{place}]")]
    return [(path, value, schema)]
