"""An interview or a call, written down: one asks, the other answers."""

from __future__ import annotations

from collections.abc import Sequence

from text2json.generators.telling import Record, Teller
from text2json.generators.text import Block, Section, Sentence, join, plain

STYLES = (("{0}: ", "{1}: "), ("[{0}] ", "[{1}] "), ("Q: ", "A: "), ("– ", "– "))


def tell(teller: Teller, records: Sequence[Record]) -> Section:
    """Ask for each record's facts in turn."""
    names = (teller.word("last_names"), teller.word("first_names"))
    asks, answers = (text.format(*names) for text in teller.bits.choice(STYLES))
    blocks = []
    for record in records:
        made = [
            join([Sentence(asks), teller.frame("opening_question", d=plain(record.noun))]),
            join([Sentence(answers), teller.intro(record)]),
        ]
        for place, fact in enumerate(record.facts):
            noun = plain(teller.domain.fields[fact[0]].noun)
            if place and teller.bits.chance(30):
                made[-1] = join([made[-1], Sentence(" "), teller.fact(record, fact)])
                continue
            made.append(join([Sentence(asks), teller.frame("question", l=noun, N=teller.name(record))]))
            made.append(join([Sentence(answers + teller.frame("hesitation").text + " "), teller.fact(record, fact)]))
        blocks.append(Block(made, "\n"))
    return Section(blocks)
