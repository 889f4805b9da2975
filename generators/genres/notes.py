"""Notes in haste: abbreviations, dashes, no full sentences."""

from __future__ import annotations

from collections.abc import Sequence

from text2json.generators.telling import Record, Teller
from text2json.generators.text import Block, Section, join, plain, sentence

LAYOUTS = (
    ("{N}, {n} – ", "{l} {v}", "; "),
    ("> {N} ({n}): ", "{l}={v}", ", "),
    ("re {N}: ", "{l}: {v}", " / "),
    ("{N} .. {n} .. ", "{l} {v}", " .. "),
)


def tell(teller: Teller, records: Sequence[Record]) -> Section:
    """Write a line for each record, sometimes with a remark below."""
    head, item, glue = teller.bits.choice(LAYOUTS)
    blocks = [Block([teller.frame("note_head")])]
    for record in records:
        start = sentence(head, {"N": teller.name(record), "n": plain(record.noun)}, capital=False)
        items = [
            sentence(item, {"l": plain(teller.short(fact[0])), "v": teller.value(record, fact)}, capital=False)
            for fact in record.facts
        ]
        made = [join([start, join(items, glue)])]
        if teller.bits.chance(30):
            made.append(teller.frame("remark"))
        blocks.append(Block(made, "\n"))
    return Section(blocks)
