"""Why a value is wrong: where it may have come from."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Sequence
from functools import cached_property
from itertools import pairwise

from text2json.metrics.counts import Span, Wrong
from text2json.metrics.forms import Form, digits, normal_text, read_number
from text2json.metrics.near import near_cells
from text2json.metrics.table import Table
from text2json.schemas.sample import Sample

OTHER_RECORD, NEAR_MISS, ELSEWHERE, INVENTED, UNPLACED = (
    "other_record", "near_miss", "elsewhere", "invented", "unplaced",
)  # fmt: skip
CAUSES = (OTHER_RECORD, NEAR_MISS, ELSEWHERE, INVENTED, UNPLACED)
"""The value of another gold record, in that field or by the data's evidence; nearly the right one; found elsewhere in
the document; nowhere in it; the data has no document, or the time limit was met."""

_PLACE = re.compile(r"\[(\d+)\]")
_DIGITS = re.compile(r"(?<![\w.,])[-+\u2212]?\d[\d,]*(?:\.\d+)?(?!\w)")


def sort_causes(
    wrong: Wrong, table: Table, spans: Sequence[Span], documents: Sequence[Document], seconds: float
) -> list[list[str]]:
    """Return the causes of the wrong values of several samples, in their order.

    Args:
        wrong: the samples' wrong values; what is beyond the documents is left out.
        table: the leaves that they are of.
        spans: where each sample's records stand in both sides.
        documents: each sample's text.
        seconds: for each search in a document; what is left then is `UNPLACED`.
    """
    ends = wrong.ends[: len(documents) + 1]
    part = slice(ends[-1])
    rows, columns, swapped = wrong.places[part], wrong.columns[part], wrong.swapped[part]
    found = [
        OTHER_RECORD if is_swapped else NEAR_MISS if is_near else UNPLACED
        for is_swapped, is_near in zip(swapped.tolist(), near_cells(table, rows, columns), strict=True)
    ]
    if all(document.is_empty for document in documents):
        return [found[start:end] for start, end in pairwise(ends)]
    given = table.predicted.cells(rows[:, 1], columns)
    for document, span, (start, end) in zip(documents, spans, pairwise(ends), strict=False):
        if document.is_empty or start == end:
            continue
        deadline = time.monotonic() + seconds
        text, stated = document.text, document.stated
        for place in range(start, end):
            if found[place] == OTHER_RECORD:
                continue
            if stated and document.is_of_another(given[place], int(rows[place, 0]) - span.gold.start):
                found[place] = OTHER_RECORD
            elif text and found[place] == UNPLACED and given[place] != "" and time.monotonic() <= deadline:
                found[place] = ELSEWHERE if document.states(given[place]) else INVENTED
    return [found[start:end] for start, end in pairwise(ends)]


class Document:
    """A sample's text, to be searched for values.

    Args:
        sample: with its document, which may be empty, and its evidence, which may be none.
    """

    def __init__(self, sample: Sample) -> None:
        self.sample = sample

    @property
    def is_empty(self) -> bool:
        """Whether there is neither text nor evidence."""
        return not self.sample.problem and self.sample.evidence == "[]"

    @cached_property
    def text(self) -> str:
        """Return the document in the normal form of texts, without case."""
        return normal_text(self.sample.problem[slice(*self.sample.text_span)]).casefold()

    @cached_property
    def stated(self) -> dict[str, set[int]]:
        """Return what the evidence's places say → the gold records that they are evidence of."""
        found: dict[str, set[int]] = {}
        if self.sample.evidence != "[]":
            for item in json.loads(self.sample.evidence):
                place = _PLACE.match(item["path"])
                for start, end in item["spans"] if place else ():
                    text = normal_text(self.sample.problem[start:end]).casefold()
                    found.setdefault(text, set()).add(int(place[1]) if place else 0)
        return found

    def is_of_another(self, form: Form | None, record: int) -> bool:
        """Tell whether the evidence has the value for other gold records, and not for this one."""
        records = self.stated.get(_searched(form), set())
        return bool(records) and record not in records

    @cached_property
    def numbers(self) -> set[float]:
        """Return the numbers that the document writes in digits."""
        return {number for text in _DIGITS.findall(self.text) if (number := read_number(text.strip(","))) is not None}

    def states(self, form: Form | None) -> bool:
        """Tell whether the document has the value as a word or words of its own; a list if it has all items."""
        if isinstance(form, int | float):
            return form in self.numbers
        if isinstance(form, tuple) and form[0] == "list":
            items = json.loads(form[1])
            return bool(items) and all(self._says(_of_list(item)) for item in items)
        return self._says(_searched(form))

    def _says(self, text: str) -> bool:
        start = self.text.find(text)
        if start < 0:
            return False
        return re.search(rf"(?<!\w){re.escape(text)}(?!\w)", self.text[start - 1 if start else 0 :]) is not None


def _of_list(item: str) -> str:
    """Return a list's item as it is looked for: without the letter of its kind."""
    return item[1:].casefold()


def _searched(form: Form | None) -> str:
    """Return a form as it is looked for in a text."""
    text = form if isinstance(form, str) else digits(form) if isinstance(form, int | float) else form[1] if form else ""
    return text.casefold()
