"""A table in text: one row a record, one column a field, in one of several layouts."""

from __future__ import annotations

from collections.abc import Sequence

from text2json.generators.telling import Record, Teller
from text2json.generators.text import Block, Section, Sentence, join, plain, sentence

NOTHING = Sentence("–")


def tell(teller: Teller, records: Sequence[Record]) -> Section:
    """Print the records' facts below their labels; a record that lacks a field has a dash there."""
    columns = list(dict.fromkeys(field for record in records for field, _ in record.facts))
    head = [Sentence("Name"), *(teller.column(field) for field in columns)]
    rows = [_row(teller, record, columns) for record in records]
    layout = teller.bits.choice((_pipes, _aligned, _semicolons, _markdown))
    caption = teller.frame("caption", d=plain(teller.domain.noun))
    return Section([Block([caption, *layout([head, *rows])], "\n")])


def _row(teller: Teller, record: Record, columns: Sequence[str]) -> list[Sentence]:
    facts = dict(record.facts)
    cells = [sentence("{N}", {"N": teller.name(record)}, capital=False)]
    for field in columns:
        said = teller.value(record, (field, facts[field])) if field in facts else plain("–")
        cells.append(sentence("{v}", {"v": said}, capital=False))
    return cells


def _pipes(rows: list[list[Sentence]]) -> list[Sentence]:
    return [join(row, " | ") for row in rows]


def _semicolons(rows: list[list[Sentence]]) -> list[Sentence]:
    return [join(row, "; ") for row in rows]


def _aligned(rows: list[list[Sentence]]) -> list[Sentence]:
    widths = [max(len(cell.text) for cell in column) + 2 for column in zip(*rows, strict=True)]
    padded = [
        [Sentence(cell.text.ljust(width), cell.places) for cell, width in zip(row, widths, strict=True)] for row in rows
    ]
    return [_stripped(join(row)) for row in padded]


def _stripped(line: Sentence) -> Sentence:
    return Sentence(line.text.rstrip(), line.places)


def _markdown(rows: list[list[Sentence]]) -> list[Sentence]:
    lines = [join([Sentence("| "), join(row, " | "), Sentence(" |")]) for row in rows]
    return [lines[0], Sentence("|" + "---|" * len(rows[0])), *lines[1:]]
