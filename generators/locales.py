"""Other names and places: draw them from a live Faker in any of its locales, instead of from the frozen lexicons.

What comes out is not frozen, since it follows Faker's release; every sample's knobs say so.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

from text2json.errors import SpecError
from text2json.generators import lexicon
from text2json.generators.splits import only

METHODS = {
    "first_names": "first_name",
    "last_names": "last_name",
    "cities": "city",
    "streets": "street_name",
    "countries": "country",
    "jobs": "job",
}
"""Lexicon → the method of Faker that stands in for it."""
DRAWS = 4000
_current: list[str] = [""]


def in_use() -> bool:
    """Tell whether names and places come from a live locale."""
    return _current[-1] != ""


def part(name: str, split: str) -> tuple[str, ...]:
    """Return the entries of the lexicon `name` that belong to `split`, in the locale in use."""
    if _current[-1] and name in METHODS:
        return live(name, _current[-1], split)
    return lexicon.part(name, split)


@contextmanager
def use(locale: str) -> Iterator[None]:
    """Draw names and places from `locale`, one of Faker's, or from the frozen lexicons when it is empty."""
    _current.append(locale)
    try:
        yield
    finally:
        _current.pop()


@lru_cache(maxsize=64)
def live(name: str, locale: str, split: str) -> tuple[str, ...]:
    """Return entries that Faker makes in `locale`.

    Raises:
        SpecError: Faker is not installed, or knows no such locale.
    """
    try:
        from faker import Faker
    except ImportError:
        raise SpecError("a live locale needs Faker", remedy="pip install 'text2json[generate]'") from None
    try:
        fake = Faker(locale)
    except (AttributeError, ModuleNotFoundError, ValueError):
        raise SpecError(f"Faker knows no locale {locale!r}", remedy="for example de_DE, fr_FR or ja_JP") from None
    fake.seed_instance(20260408)
    draw = getattr(fake, METHODS[name])
    entries = dict.fromkeys(" ".join(draw().split()) for _ in range(DRAWS))
    found = only(sorted(entries), split)
    return found or lexicon.part(name, split)


def stamp(locale: str) -> str:
    """Return what a sample's knobs say of its names: the locale and the release of Faker that made them."""
    from importlib.metadata import version

    return f"{locale}, Faker {version('faker')}"
