"""The genres: what kinds of text tell of the records. One file each, found by name; see `prose.py` for the simplest.

A genre takes a teller and some records and returns a section of the document.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from functools import cache

from text2json.errors import SpecError, did_you_mean
from text2json.generators.telling import Record, Teller
from text2json.generators.text import Section

Genre = Callable[[Teller, Sequence[Record]], Section]
GENRES = ("prose", "directory", "table", "mail", "transcript", "press", "markup", "notes")
UNIFORM = ("table",)
"""Genres that state the same fields of all of their records."""


@cache
def genre(name: str) -> Genre:
    """Return the genre called `name`.

    Raises:
        SpecError: there is none.
    """
    if name not in GENRES:
        raise SpecError(f"no genre {name!r}", remedy=did_you_mean(name, GENRES))
    found: Genre = importlib.import_module(f"text2json.generators.genres.{name}").tell
    return found
