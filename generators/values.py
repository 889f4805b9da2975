"""The kinds of values: how one is drawn, what its normal form in the gold is, and how a text may state it.

A domain's file names a kind and its settings, as in `kind = "number", low = 2, high = 90, forms = ["{v} kg"]`.
A stated value is a list of pieces, each a text and the leaf of the gold that it states: "" for the value itself,
".city" or "[0]" for a part of it, `None` for the words between.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from typing import Any

from text2json.errors import SpecError, did_you_mean
from text2json.generators.bits import Bits
from text2json.generators.templates import template

Pieces = list[tuple[str, str | None]]
MONTHS = ("January", "February", "March", "April", "May", "June", "July",
          "August", "September", "October", "November", "December")  # fmt: skip
SMALL = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
SIGNS = {"USD": "$", "EUR": "€", "GBP": "£"}
CURRENCY_WORDS = {"USD": "US dollars", "EUR": "euros", "GBP": "pounds sterling"}


class Kind(ABC):
    """One kind of value, with its settings."""

    stringy = True
    """Whether its text may be the gold where everything is a string."""
    titled = False
    """Whether a text may put words around it that the gold leaves out."""

    @abstractmethod
    def draw(self, bits: Bits, split: str) -> Any:
        """Return a gold value that belongs to `split`."""

    @abstractmethod
    def text(self, gold: Any) -> str:
        """Return the one text that states `gold` where everything is a string."""

    @abstractmethod
    def say(self, gold: Any, bits: Bits) -> Pieces:
        """Return one of the ways in which a text may state `gold`."""

    @abstractmethod
    def schema(self) -> dict[str, Any]:
        """Return the JSON Schema of the gold values."""


class Phrase(Kind):
    """A text made from one of several templates; `forms` may put words around it, as in `Dr {v}`."""

    def __init__(self, templates: list[str], forms: list[str] | None = None, shared: bool = False) -> None:
        self.templates = [template(text, shared) for text in templates]
        self.forms = [form.split("{v}") for form in forms or ["{v}"]]
        self.titled = len(self.forms) > 1

    def draw(self, bits: Bits, split: str) -> str:
        """Fill one of the templates."""
        return bits.choice(self.templates)(bits, split)

    def text(self, gold: Any) -> str:
        """Return it as it is."""
        return str(gold)

    def say(self, gold: Any, bits: Bits) -> Pieces:
        """Put it into one of the forms."""
        before, after = bits.choice(self.forms)
        return [(before, None), (gold, ""), (after, None)]

    def schema(self) -> dict[str, Any]:
        """Return a string's."""
        return {"type": "string"}


class Number(Kind):
    """A number between `low` and `high` with `decimals` digits after the point, in steps of the last one.

    Forms: `{v}` is the number, `{v,}` has separators for thousands, `{v*1000}` is multiplied, `{w}` is the word for a
    small number, `{h}` and `{m}` are the whole hours and the minutes left of a number of minutes.
    """

    SLOT = re.compile(r"\{(v,|v\*\d+|v|w|h|m)\}")

    def __init__(self, low: int, high: int, forms: list[str], decimals: int = 0, step: int = 1) -> None:
        self.low, self.high, self.decimals, self.step, self.forms = low, high, decimals, step, forms
        self.plain = [form for form in forms if "{w}" not in form]

    def draw(self, bits: Bits, split: str) -> int | float:
        """Draw a multiple of `step` in units of the last digit."""
        units = self.step * bits.between(self.low * 10**self.decimals // self.step,
                                         self.high * 10**self.decimals // self.step)  # fmt: skip
        return units if not self.decimals else units / 10**self.decimals

    def text(self, gold: Any) -> str:
        """Return the first form."""
        return self._fill(self.forms[0], gold)

    def say(self, gold: Any, bits: Bits) -> Pieces:
        """Return one of the forms; number words only where there is one."""
        forms = self.forms if gold in range(13) else self.plain
        return [(self._fill(bits.choice(forms), gold), "")]

    def schema(self) -> dict[str, Any]:
        """Return an integer's or a number's."""
        return {"type": "number" if self.decimals else "integer"}

    def _fill(self, form: str, gold: int | float) -> str:
        units = round(gold * 10**self.decimals)

        def slot(found: re.Match[str]) -> str:
            what = found[1]
            if what == "w":
                return SMALL[int(gold)]
            if what in "hm":
                return str(units // 60 if what == "h" else units % 60)
            scale = int(what[2:]) if what.startswith("v*") else 1
            whole, rest = divmod(units * scale, 10**self.decimals)
            digits = f"{rest:0{self.decimals}d}".rstrip("0") if self.decimals and rest else ""
            return (f"{whole:,}" if what == "v," else str(whole)) + (f".{digits}" if digits else "")

        return self.SLOT.sub(slot, form)


class Money(Kind):
    """An amount of money: `{"amount": 1299.5, "currency": "USD"}`."""

    def __init__(self, low: int, high: int, cents: bool = True) -> None:
        self.low, self.high, self.cents = low, high, cents

    def draw(self, bits: Bits, split: str) -> dict[str, Any]:
        """Draw whole units, cents in most cases, and a currency."""
        cents = bits.choice((0, 0, 49, 50, 90, 95, 99)) if self.cents else 0
        amount = bits.between(self.low, self.high)
        return {
            "amount": amount if cents == 0 else (100 * amount + cents) / 100,
            "currency": bits.choice(("USD", "EUR", "GBP")),
        }

    def text(self, gold: Any) -> str:
        """Return it as in `$1,299.50`."""
        return SIGNS[gold["currency"]] + self._amount(gold)

    def say(self, gold: Any, bits: Bits) -> Pieces:
        """Return sign, code or words with the amount."""
        amount, form = self._amount(gold), bits.below(4)
        currency = gold["currency"]
        if form == 0:
            return [(SIGNS[currency], ".currency"), (amount, ".amount")]
        if form == 1:
            return [(currency, ".currency"), (" ", None), (amount, ".amount")]
        word = currency if form == 2 else CURRENCY_WORDS[currency]
        return [(amount, ".amount"), (" ", None), (word, ".currency")]

    def schema(self) -> dict[str, Any]:
        """Return an object's."""
        parts = {"amount": {"type": "number"}, "currency": {"enum": list(SIGNS)}}
        return {"type": "object", "properties": parts, "required": list(parts), "additionalProperties": False}

    def _amount(self, gold: Any) -> str:
        amount = gold["amount"]
        return f"{amount:,}" if isinstance(amount, int) else f"{amount:,.2f}"


class Date(Kind):
    """A day, in the gold as `2019-03-08`."""

    FORMS = ("{d} {M} {y}", "{M} {d}, {y}", "{iso}", "{d} {b} {y}", "the {o} of {M} {y}", "{b}. {d}, {y}")

    def __init__(self, low: int, high: int) -> None:
        self.low, self.high = low, high

    def draw(self, bits: Bits, split: str) -> str:
        """Draw a year, a month and one of its first 28 days."""
        return f"{bits.between(self.low, self.high)}-{bits.between(1, 12):02d}-{bits.between(1, 28):02d}"

    def text(self, gold: Any) -> str:
        """Return it as in `8 March 2019`."""
        return self._fill(self.FORMS[0], gold)

    def say(self, gold: Any, bits: Bits) -> Pieces:
        """Return one of the forms."""
        return [(self._fill(bits.choice(self.FORMS), gold), "")]

    def schema(self) -> dict[str, Any]:
        """Return a date's."""
        return {"type": "string", "format": "date"}

    def _fill(self, form: str, gold: str) -> str:
        year, month, day = gold.split("-")
        name, number = MONTHS[int(month) - 1], int(day)
        ending = "th" if 10 < number < 14 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
        short = name[:3] if name != "September" else "Sept"
        if name == "May":
            form = form.replace("{b}.", "{b}")
        return form.format(d=number, M=name, y=year, iso=gold, b=short, o=f"{number}{ending}")


class Choice(Kind):
    """One of a few options, each with the forms in which a text may state it; the gold is the option itself."""

    def __init__(self, options: dict[str, list[str]], boolean: bool = False) -> None:
        self.options = {(key == "true") if boolean else key: forms for key, forms in options.items()}
        self.golds = list(self.options)
        self.stringy = not boolean

    def draw(self, bits: Bits, split: str) -> str | bool:
        """Draw an option, each as likely."""
        return bits.choice(self.golds)

    def text(self, gold: Any) -> str:
        """Return the option itself, or for a boolean its first form."""
        return gold if isinstance(gold, str) else self.options[gold][0]

    def say(self, gold: Any, bits: Bits) -> Pieces:
        """Return one of its forms."""
        return [(bits.choice(self.options[gold]), "")]

    def schema(self) -> dict[str, Any]:
        """Return a boolean's or the options."""
        return {"enum": self.golds} if self.stringy else {"type": "boolean"}


class Listing(Kind):
    """Several different values of another kind, in the order in which the text names them."""

    stringy = False

    def __init__(self, of: dict[str, Any], low: int, high: int) -> None:
        self.of, self.low, self.high = make_kind(of), low, high

    def draw(self, bits: Bits, split: str) -> list[Any]:
        """Draw `low` to `high` values, all different."""
        count = bits.between(self.low, self.high)
        found: list[Any] = []
        while len(found) < count:
            value = self.of.draw(bits, split)
            if value not in found:
                found.append(value)
        return found

    def text(self, gold: Any) -> str:
        """Return them with commas between."""
        return ", ".join(self.of.text(value) for value in gold)

    def say(self, gold: Any, bits: Bits) -> Pieces:
        """Return them with commas and a last "and"."""
        pieces: Pieces = []
        last = bits.choice((" and ", ", and ", " as well as "))
        for place, value in enumerate(gold):
            if place:
                pieces.append((last if place == len(gold) - 1 else ", ", None))
            pieces += [(text, None if leaf is None else f"[{place}]{leaf}") for text, leaf in self.of.say(value, bits)]
        return pieces

    def schema(self) -> dict[str, Any]:
        """Return an array's."""
        return {"type": "array", "items": self.of.schema(), "minItems": self.low}


class Parts(Kind):
    """An object of several values; a form says how a text puts them together, as in `{street} in {city}`."""

    def __init__(self, parts: dict[str, dict[str, Any]], forms: list[str]) -> None:
        self.parts = {key: make_kind(settings) for key, settings in parts.items()}
        self.forms = [re.split(r"[{}]", form) for form in forms]

    def draw(self, bits: Bits, split: str) -> dict[str, Any]:
        """Draw each part."""
        return {key: kind.draw(bits, split) for key, kind in self.parts.items()}

    def text(self, gold: Any) -> str:
        """Return the first form with each part's own text."""
        pieces = self.forms[0]
        return "".join(
            self.parts[piece].text(gold[piece]) if place % 2 else piece for place, piece in enumerate(pieces)
        )

    def say(self, gold: Any, bits: Bits) -> Pieces:
        """Return one of the forms, each part stated in its own way."""
        said: Pieces = []
        for place, piece in enumerate(bits.choice(self.forms)):
            if not place % 2:
                said.append((piece, None))
                continue
            inner = self.parts[piece].say(gold[piece], bits)
            said += [(text, None if leaf is None else f".{piece}{leaf}") for text, leaf in inner]
        return said

    def schema(self) -> dict[str, Any]:
        """Return an object's."""
        parts = {key: kind.schema() for key, kind in self.parts.items()}
        return {"type": "object", "properties": parts, "required": list(parts), "additionalProperties": False}


KINDS: dict[str, type[Kind]] = {
    "phrase": Phrase, "number": Number, "money": Money, "date": Date, "choice": Choice, "list": Listing, "parts": Parts,
}  # fmt: skip


def make_kind(settings: dict[str, Any]) -> Kind:
    """Return the kind that a domain's file describes.

    Raises:
        SpecError: there is no such kind.
    """
    name = settings["kind"]
    if name not in KINDS:
        raise SpecError(f"no kind of value {name!r}", remedy=did_you_mean(name, KINDS))
    return KINDS[name](**{key: value for key, value in settings.items() if key != "kind"})
