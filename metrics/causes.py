"""Why a value is wrong: where it may have come from."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Sequence
from functools import cached_property

from text2json.metrics.counts import Leaf, Side, Span, Tally
from text2json.metrics.forms import Form, digits, normal_text
from text2json.schemas.sample import Sample

OTHER_RECORD, NEAR_MISS, ELSEWHERE, INVENTED, UNPLACED = (
    "other_record", "near_miss", "elsewhere", "invented", "unplaced",
)  # fmt: skip
CAUSES = (OTHER_RECORD, NEAR_MISS, ELSEWHERE, INVENTED, UNPLACED)
"""The value of another gold record, in that field or by the data's evidence; nearly the right one; found elsewhere in
the document; nowhere in it; the data has no document, or the time limit was met."""

NEAR = 80.0
"""Two texts are near from this `rapidfuzz.fuzz.ratio` on, case ignored; two numbers within 1 %."""
_LONGEST = 2_000
_PLACE = re.compile(r"\[(\d+)\]")


def sort_causes(
    tallies: Sequence[Tally],
    gold: Side,
    predicted: Side,
    spans: Sequence[Span],
    documents: Sequence[Document],
    seconds: float,
) -> list[dict[Leaf, str]]:
    """Return the causes of the wrong values of several samples.

    Args:
        tallies: the samples' counts, with their wrong values.
        gold: the records of both sides, of all the samples.
        predicted: the other side.
        spans: where each sample's records stand in both sides.
        documents: each sample's text.
        seconds: for each search in a document; what is left then is `UNPLACED`.
    """
    apart = [leaf for one in tallies for leaf, swapped in one.wrong.items() if not swapped]
    pairs = [(gold.forms[one][path], predicted.forms[other][path]) for one, other, path in apart]
    close = iter(near(pairs))
    found = []
    for one, span, document in zip(tallies, spans, documents, strict=True):
        deadline = time.monotonic() + seconds
        text, stated = document.text, document.stated
        causes: dict[Leaf, str] = {}
        for leaf, swapped in one.wrong.items():
            given = predicted.forms[leaf[1]][leaf[2]]
            is_near = not swapped and next(close)
            if swapped or (stated and document.is_of_another(given, leaf[0] - span.gold.start)):
                causes[leaf] = OTHER_RECORD
            elif is_near:
                causes[leaf] = NEAR_MISS
            elif not text or given == "" or time.monotonic() > deadline:
                causes[leaf] = UNPLACED
            else:
                causes[leaf] = ELSEWHERE if document.states(given) else INVENTED
        found.append(causes)
    return found


class Document:
    """A sample's text, to be searched for values.

    Args:
        sample: with its document, which may be empty, and its evidence, which may be none.
    """

    def __init__(self, sample: Sample) -> None:
        self.sample = sample

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

    def is_of_another(self, form: Form, record: int) -> bool:
        """Tell whether the evidence has the value for other gold records, and not for this one."""
        records = self.stated.get(_searched(form), set())
        return bool(records) and record not in records

    def states(self, form: Form) -> bool:
        """Tell whether the document has the value as a word or words of its own."""
        text = _searched(form)
        start = self.text.find(text)
        if start < 0:
            return False
        return re.search(rf"(?<!\w){re.escape(text)}(?!\w)", self.text[start - 1 if start else 0 :]) is not None


def _searched(form: Form) -> str:
    """Return a form as it is looked for in a text."""
    text = form if isinstance(form, str) else digits(form) if isinstance(form, int | float) else form[1]
    return text.casefold()


def near(pairs: Sequence[tuple[Form, Form]]) -> list[bool]:
    """Tell of each pair of unequal forms whether they are nearly equal: `NEAR`."""
    if not pairs:
        return []
    from rapidfuzz.fuzz import ratio
    from rapidfuzz.process import cpdist

    # The time for two texts grows with the product of their lengths.
    ones = [one[:_LONGEST].casefold() if isinstance(one, str) else "" for one, _ in pairs]
    others = [other[:_LONGEST].casefold() if isinstance(other, str) else "x" for _, other in pairs]
    found = cpdist(ones, others, scorer=ratio, score_cutoff=NEAR).astype(bool).tolist()
    for place, (one, other) in enumerate(pairs):
        if isinstance(one, int | float) and isinstance(other, int | float):
            found[place] = abs(one - other) <= 0.01 * abs(one)
    return found  # type: ignore[no-any-return] # numpy's list of bool
