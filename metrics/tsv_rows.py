"""Score of a table of tab-separated values: LongProc's rule for html_to_tsv.

Source: LongProc (arXiv 2501.05414), `longproc/html_to_tsv_evaluator.py`, of which this is a description in code:

1. What stands between "```tsv" and the last "```" is the table; without a closing fence all that follows the first, and
   without any fence the whole output. White space around it goes, tabs included.
2. Its lines are read as CSV with tabs. The first is the header. A last row of another width is dropped; any other row
   of another width becomes a row of `N/A`.
3. A cell is compared without case, ASCII punctuation, the words a, an and the, and white space.
4. Precision is the share of rows that are equal to some gold row, recall the share of gold rows that are equal to some
   row; order, repetition and the header's own words do not count. F1 is their harmonic mean.
5. A table without rows, with two columns of one name or of another width than the gold scores 0; so does every output
   where the gold itself is such a table.
"""

from __future__ import annotations

import csv
import re
import string
from collections.abc import Sequence
from dataclasses import dataclass

FENCED = re.compile(r"```tsv([\s\S]*)```")
ARTICLES = re.compile(r"\b(a|an|the)\b")
PUNCTUATION = str.maketrans("", "", string.punctuation)
FILLED = "N/A"

Row = tuple[str, ...]


@dataclass(frozen=True)
class RowScore:
    """Shares of rows, and whether the output held a table at all."""

    precision: float
    recall: float
    extracted: bool

    @property
    def f1(self) -> float:
        """Harmonic mean of the two; 0 when both are."""
        total = self.precision + self.recall
        return 2 * self.precision * self.recall / total if total else 0.0


NOTHING = RowScore(0.0, 0.0, extracted=False)


def score_table(gold: str, output: str) -> RowScore:
    """Score one output against the gold table."""
    expected = read_table(gold)
    found = read_table(table_text(output))
    if expected is None or found is None or len(found[0]) != len(expected[0]):
        return NOTHING
    ours, theirs = set(expected), set(found)
    return RowScore(
        precision=sum(row in ours for row in found) / len(found),
        recall=sum(row in theirs for row in expected) / len(expected),
        extracted=True,
    )


def table_text(output: str) -> str:
    """Return what an output gives as its table."""
    fenced = FENCED.search(output)
    if fenced is not None:
        return fenced[1].strip()
    return (output.split("```tsv")[1] if "```tsv" in output else output).strip()


def read_table(text: str) -> list[Row] | None:
    """Return a table's rows, normalised and without the header; None if there is no row or no table."""
    try:
        header, *rows = list(csv.reader(text.strip().split("\n"), delimiter="\t"))
    except (csv.Error, ValueError):
        return None
    if rows and len(rows[-1]) != len(header):
        rows.pop()
    if not rows or len(set(header)) < len(header):
        return None
    return [_normalised(row if len(row) == len(header) else [FILLED] * len(header)) for row in rows]


def _normalised(row: Sequence[str]) -> Row:
    return tuple("".join(ARTICLES.sub(" ", cell.lower().translate(PUNCTUATION)).split()) for cell in row)
