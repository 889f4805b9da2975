"""Entries of a directory: a name, then one labelled fact after another."""

from __future__ import annotations

from collections.abc import Sequence

from text2json.generators.telling import Record, Teller
from text2json.generators.text import Block, Section, plain, sentence

LAYOUTS = (
    ("{N} ({n})", "\n", "  {l}: {v}"),
    ("{N}, {n}", "; ", "{l} {v}"),
    ("- {N}: {n}", " | ", "{l}: {v}"),
    ("{i}. {N} – {n}", ". ", "{l}: {v}"),
    ("* {N} *\n{n}", "\n", "{l} .... {v}"),
)


def tell(teller: Teller, records: Sequence[Record]) -> Section:
    """List the records in one layout."""
    head, glue, line = teller.bits.choice(LAYOUTS)
    blocks = []
    for place, record in enumerate(records, start=1):
        slots = {"N": teller.name(record), "n": plain(record.noun), "i": plain(str(place))}
        made = [sentence(head, slots, capital=False)]
        for fact in record.facts:
            made.append(sentence(line, {"l": plain(teller.label(fact[0])), "v": teller.value(record, fact)}))
        blocks.append(Block(made, glue))
    return Section(blocks)
