"""The normal forms of single values: text as plain text, digits as numbers, ISO 8601 dates and times in one way."""

from __future__ import annotations

import math
import re
import unicodedata

Form = str | int | float | tuple[str, str]
"""The normal form of one leaf: text as text, numbers as numbers (Python compares integers of any size and floats
exactly), truth values, lists and objects as a tagged tuple, so that none of them equals a number or a text."""

_QUOTES = str.maketrans({
    "‘": "'", "’": "'", "‚": "'", "‛": "'", "′": "'", "“": '"', "”": '"', "„": '"', "‟": '"',
    **dict.fromkeys("\u00ad\u200b\u200c\u200d\u2060\ufeff\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"),
})  # fmt: skip
_NUMBER = re.compile(r"([+-]?)(0|[1-9]\d*|[1-9]\d{0,2}(?:,\d{3})+)(\.\d+)?(?:[eE]([+-]?\d+))?", re.ASCII)
_DATE = re.compile(r"(\d{4})(-?)(\d{2})\2(\d{2})", re.ASCII)
_TIME = re.compile(r"(\d{2}):(\d{2})(?::(\d{2})(?:\.(\d+))?)?(Z|z|[+-]\d{2}:?\d{2})?", re.ASCII)


def normal_text(text: str) -> str:
    """Return `text` in Unicode form NFKC, with straight quotes, single spaces and no invisible characters."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text.replace("″", '"'))  # of which it would make two single ones
        text = unicodedata.normalize("NFKC", text.translate(_QUOTES))
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
