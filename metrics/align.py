"""Step 3: which predicted record stands for which gold record.

By the schema's key where it names one (`"x-key": "name"` beside `"type": "array"`), otherwise by the assignment that
matches the most leaves. One gold record takes at most one prediction.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from text2json.metrics.assignment import Pairs, Rest, assignment, only_best
from text2json.metrics.forms import Form
from text2json.metrics.limits import LIMITS
from text2json.metrics.table import Forms, Row, Table

GATE = 0.25
"""Records that share less than this part of their leaves are strangers, 2 |equal| / (|gold| + |predicted|)."""


@dataclass(frozen=True)
class Alignment:
    """The pairs; records in none have no partner. `exact` is false where size forced a greedy choice."""

    pairs: Pairs
    exact: bool = True


def align(
    table: Table,
    gold: Sequence[int],
    predicted: Sequence[int],
    key: str | None = None,
    *,
    gate: float = GATE,
    cells: int = LIMITS.cells,
) -> Alignment:
    """Pair records of one sample.

    Args:
        table: the records of both sides, of one sample or of several.
        gold: the rows of the sample's gold records.
        predicted: the rows of its predicted records.
        key: the field that names a record; None to assign by all leaves.
        gate: see `GATE`; without a key, pairs below it are not made.
        cells: gold times predicted records above which the choice is greedy, see `assignment.by_rare_leaves`.
    """
    if key is None:
        return by_assignment(table, gold, predicted, gate=gate, cells=cells)
    if key not in table.columns:
        return Alignment([])
    column = table.columns.index(key)
    places: dict[Form, tuple[list[int], list[int]]] = {}
    for side, (forms, chosen) in enumerate(((table.gold, gold), (table.predicted, predicted))):
        for place, name in zip(chosen, forms.column(column, chosen), strict=True):
            if name is not None:
                places.setdefault(name, ([], []))[side].append(place)
    pairs: Pairs = []
    exact = True
    for ours, theirs in places.values():
        if len(ours) == len(theirs) == 1:
            pairs.append((ours[0], theirs[0]))
        elif ours and theirs:  # several of one key: those that match best, all of them alike in the key
            inner = by_assignment(table, ours, theirs, gate=0.0, cells=cells)
            pairs += inner.pairs
            exact = exact and inner.exact
    return Alignment(pairs, exact)


def by_assignment(
    table: Table, gold: Sequence[int], predicted: Sequence[int], *, gate: float = GATE, cells: int = LIMITS.cells
) -> Alignment:
    """Pair the records of these places so that the number of equal leaves is greatest, among pairs that pass the gate.

    Equal records are paired first, which costs no match: the leaves that a third record shares with either are shared
    by both. Ties fall to the order of the records' content, so that shuffling either side changes no count.
    """
    waiting: dict[Row, list[int]] = defaultdict(list)
    for place, row in zip(predicted, table.predicted.rows(predicted), strict=True):
        waiting[row].append(place)
    pairs: Pairs = []
    ours: list[int] = []
    for place, row in zip(gold, table.gold.rows(gold), strict=True):
        same = waiting.get(row)
        if same:
            pairs.append((place, same.pop()))
        else:
            ours.append(place)
    theirs = [place for places in waiting.values() for place in places]
    if not ours or not theirs:
        return Alignment(pairs)
    inner, exact = only_best(Rest(table, ours, theirs, gate, cells)), True
    if inner is None:
        sort_by_content(ours, table.gold)
        sort_by_content(theirs, table.predicted)
        inner, exact = assignment(Rest(table, ours, theirs, gate, cells))
    return Alignment(pairs + [(ours[one], theirs[other]) for one, other in inner], exact)


def sort_by_content(places: list[int], forms: Forms, heads: Sequence[Form | None] | None = None) -> None:
    """Sort `places` by the content of their rows; where types differ, absent before numbers before text.

    `heads` are the forms of their first column, if they are at hand: where these differ, they alone decide.
    """
    enough = heads is not None and len(set(heads)) == len(places)
    rows: list[Row] = [(head,) for head in heads or ()] if enough else forms.rows(places)
    keys = dict(zip(places, rows, strict=True))
    try:
        places.sort(key=keys.__getitem__)
    except TypeError:
        places.sort(key=lambda place: [_rank(form) for form in keys[place]])


def _rank(form: Form | None) -> tuple[int, Any]:
    if form is None:
        return 0, 0
    return (1 if isinstance(form, int | float) else 2 if isinstance(form, str) else 3), form
