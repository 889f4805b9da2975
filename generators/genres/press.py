"""A press notice: place and day, the facts, a quotation, a closing line."""

from __future__ import annotations

from collections.abc import Sequence

from text2json.generators.genres.prose import sentences
from text2json.generators.telling import Record, Teller
from text2json.generators.text import Block, Section, Sentence, join, plain
from text2json.generators.values import Date


def tell(teller: Teller, records: Sequence[Record]) -> Section:
    """Give each record a notice of its own, the facts in one or two paragraphs."""
    blocks = []
    for record in records:
        day = Date(2015, 2025).text(Date(2015, 2025).draw(teller.bits, teller.split))
        body = sentences(teller, record)
        body[0] = join([Sentence(f"{teller.word('cities').upper()}, {day} – "), body[0]])
        cut = teller.bits.between(1, len(body))
        quote = teller.frame("quotation", p=plain(teller.person()), q=plain(teller.frame("aside").text.rstrip(".")))
        blocks += [Block(body[:cut], flowing=True), Block([quote], tied=True)]
        if body[cut:]:
            blocks.append(Block(body[cut:], flowing=True, tied=True))
        blocks.append(Block([teller.frame("press_end")]))
    return Section(blocks)
