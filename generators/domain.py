"""A domain: one kind of thing that documents tell of, described by one file, `domains/<name>.toml`.

The file says how names and values are drawn and holds the sentence patterns, one a line. Every third pattern of a list
(the 3rd, 6th, ...) belongs to the test split, the others to training, so append whole groups of three.

`wordings/<name>.toml` holds further patterns and labels of some domains, in the same form, all of them for training: a
model that learns from few patterns learns the patterns. They are in use only where the knob `wordings` says `wide`.
A group `[one|two|]` in one of them stands for alternatives.
"""

from __future__ import annotations

import math
import re
import sys
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from text2json.errors import SpecError, did_you_mean
from text2json.generators.bits import Bits
from text2json.generators.templates import template
from text2json.generators.values import Kind, make_kind

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FOLDER = Path(__file__).parent / "domains"
FURTHER = Path(__file__).parent / "wordings"
ALTERNATIVES = re.compile(r"\[([^\[\]]*\|[^\[\]]*)\]")
VARIANTS = 16
"""Most variants of a pattern with alternatives."""
Lines = tuple[str, ...]


def lines(text: str) -> Lines:
    """Return the lines of a block of patterns, one pattern a line."""
    return tuple(line.strip() for line in text.splitlines() if line.strip())


def of_split(patterns: Lines, split: str) -> Lines:
    """Return the patterns of `split`."""
    return tuple(text for place, text in enumerate(patterns, start=1) if (place % 3 == 0) == (split == "test"))


def variants(pattern: str) -> Lines:
    """Return a pattern with each choice of its alternatives, `[a|b|]`; of many, some that are always the same."""
    parts = ALTERNATIVES.split(pattern)
    options = [part.split("|") if place % 2 else [part] for place, part in enumerate(parts)]
    count = math.prod(map(len, options))
    bits = Bits("text2json wordings", pattern)
    chosen = range(count) if count <= VARIANTS else sorted(bits.sample(range(count), VARIANTS))
    made = []
    for number in chosen:
        text = ""
        for option in options:
            number, place = divmod(number, len(option))
            text += option[place]
        made.append(text)
    return tuple(made)


def further_lines(text: str) -> Lines:
    """Return the variants of every line of a block of further patterns."""
    return tuple(made for line in lines(text) for made in variants(line))


def wordings(name: str) -> dict[str, Any]:
    """Return the further patterns of a domain, or of the `frames`; some have none."""
    file = FURTHER / f"{name}.toml"
    return tomllib.loads(file.read_text(encoding="utf-8")) if file.exists() else {}


class Patterns:
    """A block of sentence patterns, parted between the splits, and `further` ones for training."""

    def __init__(self, text: str, further: str = "") -> None:
        own, more = lines(text), further_lines(further)
        self.all = own + more
        self._of = {"train": of_split(own, "train") + more, "test": of_split(own, "test")}

    def __getitem__(self, split: str) -> Lines:
        return self._of[split]


@dataclass(frozen=True)
class Field:
    """One thing that can be stated of an entity."""

    name: str
    kind: Kind
    about: str
    """What the schema says of it."""
    noun: str
    """What the text calls it, as in "the price of ..."."""
    prose: Patterns
    """{S} begins a sentence and stands for the entity, {s} is the same inside of one, {v} is the value."""
    carrying: Patterns
    """Those of `prose` that can carry the entity's name, in the same splits."""
    labels: Lines
    short: Lines
    """Its abbreviations in notes."""


class Domain:
    """One domain, read from its file; a `wide` one, which is for the train split only, has its further wordings too.

    Documents of a `marked` one, as every wide one is, say where they exclude an entity and where columns begin.
    """

    def __init__(self, name: str, *, wide: bool = False, marked: bool = False) -> None:
        file = FOLDER / f"{name}.toml"
        self.name = name
        self.wide = wide
        self.marked = marked or wide
        self.further = wordings(name) if wide else {}
        self.table: dict[str, Any] = tomllib.loads(file.read_text(encoding="utf-8"))
        self.noun: str = self.table["noun"]
        self.nouns = [template(text, True) for text in self.table["nouns"]]
        self.subjects: list[str] = self.table["subjects"]
        self.objects: list[str] = self.table["objects"]
        self.entity = make_kind({key: value for key, value in self.table["name"].items() if key != "about"})
        self.exclusion: str = self.table["exclude"]["ask"]
        self.excluding = Patterns(self.table["exclude"]["says"], self.further.get("exclude", {}).get("says", ""))
        self.title, self.intro, self.filler = (
            Patterns(self.table[key], self.further.get(key, "")) for key in ("title", "intro", "filler")
        )

    @cached_property
    def fields(self) -> dict[str, Field]:
        """Its fields by name."""
        further = self.further.get("fields", {})
        return {name: _field(name, table, further.get(name, {})) for name, table in self.table["fields"].items()}

    @cached_property
    def stringy(self) -> list[str]:
        """The fields that may be asked for as strings."""
        return [name for name, field in self.fields.items() if field.kind.stringy]

    def patterns(self) -> list[str]:
        """Return all of its sentence patterns."""
        blocks = [self.title, self.intro, self.filler, self.excluding, *(field.prose for field in self.fields.values())]
        return [text for block in blocks for text in block.all]


def _field(name: str, table: dict[str, Any], further: dict[str, str]) -> Field:
    own = ("noun", "about", "prose", "labels", "short")
    prose = Patterns(table["prose"], further.get("prose", ""))
    carrying = Patterns("")
    carrying._of = {
        split: tuple(text for text in prose[split] if "{S}" in text or "{s}" in text) for split in ("train", "test")
    }
    return Field(
        name=name,
        kind=make_kind({key: value for key, value in table.items() if key not in own}),
        about=table["about"],
        noun=table["noun"],
        prose=prose,
        carrying=carrying,
        labels=_labels(table["labels"], further.get("labels")),
        short=_labels(table["short"], further.get("short")),
    )


def _labels(*texts: str | None) -> Lines:
    return tuple(label for text in texts if text for label in text.split("; "))


def domains() -> list[str]:
    """Return the names of all domains."""
    return sorted(file.stem for file in FOLDER.glob("*.toml"))


@cache
def domain(name: str) -> Domain:
    """Return the domain called `name`.

    Raises:
        SpecError: there is none.
    """
    if name not in domains():
        raise SpecError(f"no domain {name!r}", remedy=did_you_mean(name, domains()))
    return Domain(name)


@cache
def wide_domain(name: str) -> Domain:
    """Return the domain called `name` with its further wordings, of which some domains have none.

    Raises:
        SpecError: there is no such domain.
    """
    return Domain(domain(name).name, wide=True)


@cache
def marked_domain(name: str) -> Domain:
    """Return the domain called `name` with its frozen wordings, whose documents say what `wide` ones say of themselves.

    Raises:
        SpecError: there is no such domain.
    """
    return Domain(domain(name).name, marked=True)
