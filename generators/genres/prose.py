"""Running text: an entity is introduced by name, then its facts follow in sentences."""

from __future__ import annotations

from collections.abc import Sequence

from text2json.generators.telling import Record, Teller
from text2json.generators.text import Block, Section, Sentence


def tell(teller: Teller, records: Sequence[Record]) -> Section:
    """Give each record a paragraph of its own."""
    return Section([Block(sentences(teller, record), flowing=True) for record in records])


def sentences(teller: Teller, record: Record) -> list[Sentence]:
    """Return the introduction and one sentence a fact."""
    return [teller.intro(record), *(teller.fact(record, fact) for fact in record.facts)]
