"""Why a value is wrong: where it may have come from."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from functools import cached_property

from text2json.metrics.counts import Leaf, Side, Tally
from text2json.metrics.forms import Form, digits, normal_text

OTHER_RECORD, NEAR_MISS, ELSEWHERE, INVENTED, UNPLACED = (
    "other_record", "near_miss", "elsewhere", "invented", "unplaced",
)  # fmt: skip
CAUSES = (OTHER_RECORD, NEAR_MISS, ELSEWHERE, INVENTED, UNPLACED)
"""The value of another gold record in that field; nearly the right one; found elsewhere in the document; nowhere in it;
the data has no document, or the time limit was met."""

NEAR = 80.0
"""Two texts are near from this `rapidfuzz.fuzz.ratio` on, case ignored; two numbers within 1 %."""
_LONGEST = 2_000


def sort_causes(
    tallies: Sequence[Tally], gold: Side, predicted: Side, documents: Sequence[str], seconds: float
) -> list[dict[Leaf, str]]:
    """Return the causes of the wrong values of several samples.

    Args:
        tallies: the samples' counts, with their wrong values.
        gold: the records of both sides, of all the samples.
        predicted: the other side.
        documents: each sample's text; empty where the data has none.
        seconds: for each search in a document; what is left then is `UNPLACED`.
    """
    apart = [leaf for one in tallies for leaf, swapped in one.wrong.items() if not swapped]
    pairs = [(gold.forms[one][path], predicted.forms[other][path]) for one, other, path in apart]
    close = iter(near(pairs))
    found = []
    for one, document in zip(tallies, documents, strict=True):
        text = Document(document)
        deadline = time.monotonic() + seconds
        causes: dict[Leaf, str] = {}
        for leaf, swapped in one.wrong.items():
            if swapped:
                causes[leaf] = OTHER_RECORD
            elif next(close):
                causes[leaf] = NEAR_MISS
            else:
                given = predicted.forms[leaf[1]][leaf[2]]
                if not document or given == "" or time.monotonic() > deadline:
                    causes[leaf] = UNPLACED
                else:
                    causes[leaf] = ELSEWHERE if text.states(given) else INVENTED
        found.append(causes)
    return found


class Document:
    """A sample's text, to be searched for values."""

    def __init__(self, document: str) -> None:
        self.document = document

    @cached_property
    def text(self) -> str:
        """Return the document in the normal form of texts, without case."""
        return normal_text(self.document).casefold()

    def states(self, form: Form) -> bool:
        """Tell whether the document has the value as a word or words of its own."""
        text = (
            form if isinstance(form, str) else digits(form) if isinstance(form, int | float) else form[1]
        ).casefold()
        start = self.text.find(text)
        if start < 0:
            return False
        return re.search(rf"(?<!\w){re.escape(text)}(?!\w)", self.text[start - 1 if start else 0 :]) is not None


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
