"""A thread of e-mails: each tells of one record, below headers, between a greeting and a farewell."""

from __future__ import annotations

from collections.abc import Sequence

from text2json.generators.genres.prose import sentences
from text2json.generators.telling import Record, Teller
from text2json.generators.text import Block, Section, Sentence, plain
from text2json.generators.values import Date


def tell(teller: Teller, records: Sequence[Record]) -> Section:
    """Let two people write to each other in turn; a quarter of the answers quote a line of the mail before."""
    people = [teller.person(), teller.person()]
    subject = teller.frame("subject", d=plain(teller.domain.noun)).text
    blocks: list[Block] = []
    quoted = ""
    for place, record in enumerate(records):
        writer, reader = people[place % 2], people[1 - place % 2]
        date = Date(2015, 2025).text(Date(2015, 2025).draw(teller.bits, teller.split))
        re = "Re: " if place else ""
        head = [f"From: {writer}", f"To: {reader}", f"Date: {date}", f"Subject: {re}{subject}"]
        blocks.append(Block([Sentence(line) for line in head], "\n"))
        opening = teller.frame("greeting", p=plain(reader.split()[0]))
        if quoted and teller.bits.chance(25):
            blocks.append(Block([Sentence(f"> {quoted}")], tied=True))
        body = sentences(teller, record)
        quoted = teller.frame("aside").text
        blocks.append(Block([opening], tied=True))
        blocks.append(Block([*body, Sentence(quoted)], flowing=True, tied=True))
        blocks.append(Block([teller.frame("farewell", p=plain(writer.split()[0]))]))
    return Section(blocks)
