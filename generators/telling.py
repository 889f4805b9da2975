"""Telling of records: names, values, facts and frames, worded for one document."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from text2json.generators import locales
from text2json.generators.bits import Bits
from text2json.generators.domain import Domain, Patterns, wordings
from text2json.generators.text import Said, Sentence, plain, sentence
from text2json.generators.values import Pieces

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

EXCLUDED = " excluded"
"""What stands for a leaf where a sentence excludes an entity: at its name, and at the sentence's last character."""
COLUMN = -1
"""Stands for a record's number where the head of a table names a field."""

Fact = tuple[str, Any]
"""A field and its gold value."""


@dataclass(frozen=True)
class Record:
    """One entity with the facts that the text states of it, in order."""

    number: int
    """Counted over the records and, after them, the distractors of a document."""
    name: str
    noun: str
    facts: tuple[Fact, ...]
    asked: frozenset[str]
    """The keys of the gold, empty for an entity that the question excludes."""
    placed: frozenset[str]
    """The keys whose places in the text are noted: those asked for, of excluded entities too in a marked domain."""


@cache
def _table() -> dict[str, str]:
    table: dict[str, str] = tomllib.loads((Path(__file__).parent / "frames.toml").read_text(encoding="utf-8"))
    return table


@cache
def frames(block: str, wide: bool = False) -> Patterns:
    """Return a block of `frames.toml`: sentences that belong to genres, not to domains; `wide` adds further ones."""
    return Patterns(_table()[block], wordings("frames").get(block, "") if wide else "")


@dataclass(frozen=True)
class Teller:
    """Words the facts of one document; every method takes its choices from `bits`."""

    domain: Domain
    split: str
    bits: Bits
    typed: bool
    """Whether values may be stated in other forms than the gold's."""

    def name(self, record: Record) -> Said:
        """Return the entity's name."""
        if not self.typed:
            return ((record.name, (record.number, ".name") if "name" in record.placed else None),)
        return self._at(record, "name", self.domain.entity.say(record.name, self.bits))

    def value(self, record: Record, fact: Fact) -> Said:
        """Return the value of a fact."""
        field, gold = fact
        kind = self.domain.fields[field].kind
        return self._at(record, field, kind.say(gold, self.bits) if self.typed else [(kind.text(gold), "")])

    def _at(self, record: Record, field: str, said: Pieces) -> Said:
        if field not in record.placed:
            return tuple((text, None) for text, _ in said)
        return tuple(
            (text, None if leaf is None else (record.number, f".{field}{leaf}")) for text, leaf in said if text
        )

    def intro(self, record: Record) -> Sentence:
        """Introduce the entity by its name."""
        pattern = self.bits.choice(self.domain.intro[self.split])
        return sentence(pattern, {"N": self.name(record), "n": plain(record.noun)})

    def fact(self, record: Record, fact: Fact, *, by_name: bool = False) -> Sentence:
        """State a fact in a sentence, calling the entity by its name, always or in one case of five."""
        field = self.domain.fields[fact[0]]
        bits = self.bits
        pattern = bits.choice((field.carrying if by_name else field.prose)[self.split])
        if by_name or bits.chance(20):
            subject = inside = self.name(record)
        else:
            subject = plain(bits.choice(self.domain.subjects).replace("{n}", record.noun))
            inside = plain(bits.choice(self.domain.objects).replace("{n}", record.noun))
        slots = {"S": subject, "s": inside, "n": plain(record.noun), "v": self.value(record, fact)}
        return sentence(pattern, slots)

    def correction(self, record: Record, fact: Fact) -> Sentence:
        """Mention a value that once stood for the fact's and is superseded, said so in the same breath."""
        field = self.domain.fields[fact[0]]
        old = field.kind.draw(self.bits, self.split)
        while old == fact[1]:
            old = field.kind.draw(self.bits, self.split)
        slots = {"N": self.name(record), "l": plain(field.noun), "w": plain(field.kind.text(old))}
        return self.frame("correction", **slots)

    def exclusion(self, record: Record) -> Sentence:
        """Say what puts an entity outside of the question; a marked domain notes where the sentence says so."""
        pattern = self.bits.choice(self.domain.excluding[self.split])
        path = (record.number, EXCLUDED) if self.domain.marked else None
        said = sentence(pattern, {"N": ((record.name, path),), "n": plain(record.noun)})
        end = len(said.text)
        return Sentence(said.text, (*said.places, (end - 1, end, path))) if self.domain.marked else said

    def frame(self, block: str, **slots: Said) -> Sentence:
        """Return one of a genre's own sentences."""
        pattern = self.bits.choice(frames(block, self.domain.wide)[self.split])
        return sentence(pattern, slots, capital=block not in ("correction",))

    def label(self, field: str) -> str:
        """Return what a form calls the field."""
        return self.bits.choice(self.domain.fields[field].labels)

    def column(self, field: str) -> Sentence:
        """Return a table's head of the field; a marked domain notes where it stands."""
        label = self.label(field)
        return Sentence(label, ((0, len(label), (COLUMN, field)),) if self.domain.marked else ())

    def short(self, field: str) -> str:
        """Return the field's abbreviation."""
        return self.bits.choice(self.domain.fields[field].short)

    def word(self, lexicon: str) -> str:
        """Return a name or place that has nothing to do with the records."""
        return self.bits.choice(locales.part(lexicon, self.split))

    def person(self) -> str:
        """Return the name of somebody who has nothing to do with the records."""
        return f"{self.word('first_names')} {self.word('last_names')}"
