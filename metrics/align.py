"""Step 3: which predicted record stands for which gold record.

By the schema's key where it names one (`"x-key": "name"` beside `"type": "array"`), otherwise by the assignment that
matches the most leaves. One gold record takes at most one prediction.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from text2json.metrics.compare import Form
from text2json.metrics.limits import LIMITS
from text2json.metrics.table import Row, Table

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Pairs = list[tuple[int, int]]
"""Places of a gold and of a predicted record."""

GATE = 0.25
"""Records that share less than this part of their leaves are strangers, 2 |equal| / (|gold| + |predicted|)."""
_SMALL = 1 << 14
_BLOCK = 1 << 22
_ROWS = 1 << 24
_RARE = 16


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
        cells: gold times predicted records above which the choice is greedy, see `_by_rare_leaves`.
    """
    if key is None:
        return by_assignment(table, gold, predicted, gate=gate, cells=cells)
    if key not in table.columns:
        return Alignment([])
    column = table.columns.index(key)
    places: dict[Form, tuple[list[int], list[int]]] = {}
    for side, (rows, chosen) in enumerate(((table.gold, gold), (table.predicted, predicted))):
        for place in chosen:
            name = rows[place][column]
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
    for place in predicted:
        waiting[table.predicted[place]].append(place)
    pairs: Pairs = []
    ours: list[int] = []
    for place in gold:
        same = waiting.get(table.gold[place])
        if same:
            pairs.append((place, same.pop()))
        else:
            ours.append(place)
    theirs = [place for places in waiting.values() for place in places]
    if not ours or not theirs:
        return Alignment(pairs)
    _sort(ours, table.gold)
    _sort(theirs, table.predicted)
    rest = _Rest(table, ours, theirs, gate)
    inner, exact = _optimal(rest) if len(ours) * len(theirs) <= cells else (_by_rare_leaves(rest), False)
    return Alignment(pairs + [(ours[one], theirs[other]) for one, other in inner], exact)


def _sort(places: list[int], rows: list[Row]) -> None:
    """Sort `places` by the content of their rows; where types differ, absent before numbers before text."""
    try:
        places.sort(key=rows.__getitem__)
    except TypeError:
        places.sort(key=lambda place: [_rank(form) for form in rows[place]])


def _rank(form: Form | None) -> tuple[int, Any]:
    if form is None:
        return 0, 0
    return (1 if isinstance(form, int | float) else 2 if isinstance(form, str) else 3), form


class _Rest:
    """The records that are left after equal ones were paired, in the order of their content."""

    def __init__(self, table: Table, ours: list[int], theirs: list[int], gate: float) -> None:
        import numpy as np

        self.table, self.gate = table, gate
        self.our_places, self.their_places = np.array(ours), np.array(theirs)
        self.ours, self.theirs = table.ours[self.our_places], table.theirs[self.their_places]
        self.our_sizes, self.their_sizes = table.our_sizes[self.our_places], table.their_sizes[self.their_places]

    def matches(self, start: int, end: int) -> NDArray[np.int32]:
        """Return the number of equal leaves of the gold rows from `start` to `end` with every predicted one.

        0 where a pair does not pass the gate.
        """
        import numpy as np

        ours = self.ours[start:end]
        found: NDArray[np.int32]
        if not self.table.special and len(ours) * self.theirs.size <= _SMALL:
            found = (ours[:, None] == self.theirs).sum(2, dtype=np.int32)
        else:
            found = np.zeros((len(ours), len(self.theirs)), dtype=np.int32)
            self._add(found, ours, start, end)
        if self.gate:
            found[2 * found < self.gate * (self.our_sizes[start:end, None] + self.their_sizes)] = 0
        return found

    def _add(self, found: NDArray[np.int32], ours: NDArray[np.int32], start: int, end: int) -> None:
        """Add the matches column by column, which needs no table of all columns at once."""
        for column in range(ours.shape[1]):
            if column in self.table.special:
                found += self.table.equal(column, self.our_places[start:end, None], self.their_places[None])
            else:
                found += ours[:, column, None] == self.theirs[None, :, column]


def _optimal(table: _Rest) -> tuple[Pairs, bool]:
    """Return the best pairs, block by block; a block is what is connected by matches.

    The second value is false where a block was too large and its pairs were chosen greedily.
    """
    size, others = len(table.ours), len(table.theirs)
    if size * others <= _SMALL:
        return _assign(table.matches(0, size)), True
    import numpy as np
    from scipy.sparse import csr_matrix, vstack
    from scipy.sparse.csgraph import connected_components

    step = max(1, _ROWS // others)
    sparse = vstack([csr_matrix(table.matches(start, start + step)) for start in range(0, size, step)]).tocsr()
    graph = csr_matrix((sparse.data, sparse.indices + size, sparse.indptr), shape=(size, size + others))
    graph.resize(size + others, size + others)
    _, labels = connected_components(graph, directed=False)
    order = np.argsort(labels, kind="stable")
    pairs: Pairs = []
    exact = True
    for block in np.split(order, np.flatnonzero(np.diff(labels[order])) + 1):
        rows, columns = block[block < size], block[block >= size] - size
        if not len(rows) or not len(columns):
            continue
        part = sparse[rows][:, columns]
        if len(rows) * len(columns) <= _BLOCK:
            inner = _assign(part.toarray())
        else:
            exact = False
            cells = part.tocoo()
            inner = _greedy(zip(cells.data.tolist(), cells.row.tolist(), cells.col.tolist(), strict=True))
        pairs += [(int(rows[one]), int(columns[other])) for one, other in inner]
    return pairs, exact


def _assign(matches: NDArray[np.int32]) -> Pairs:
    best = matches.argmax(1)
    most = matches[range(len(matches)), best]
    rows = most.nonzero()[0]
    columns = best[rows]
    # Where every record likes another partner best, no assignment is better.
    if len(set(columns.tolist())) < len(columns):
        from scipy.optimize import linear_sum_assignment

        rows, columns = linear_sum_assignment(matches, maximize=True)
        kept = matches[rows, columns] > 0
        rows, columns = rows[kept], columns[kept]
    return list(zip(rows.tolist(), columns.tolist(), strict=True))


def _greedy(cells: Iterator[tuple[int, int, int]]) -> Pairs:
    """Take pairs by falling number of matches, equal ones in the order of the records' content."""
    ours: set[int] = set()
    theirs: set[int] = set()
    pairs: Pairs = []
    for _, one, other in sorted(cells, key=lambda cell: (-cell[0], cell[1], cell[2])):
        if one not in ours and other not in theirs:
            ours.add(one)
            theirs.add(other)
            pairs.append((one, other))
    return pairs


def _by_rare_leaves(table: _Rest) -> Pairs:
    """Pair greedily among records that share a leaf which at most 16 predicted records have.

    For sizes at which not even the table of all pairs fits; a leaf that more records have tells little.
    """
    holders: dict[tuple[int, int], list[int]] = defaultdict(list)
    theirs = table.theirs.tolist()
    for other, row in enumerate(theirs):
        for cell in enumerate(row):
            holders[cell].append(other)

    def cells() -> Iterator[tuple[int, int, int]]:
        sizes, other_sizes = table.our_sizes.tolist(), table.their_sizes.tolist()
        for one, row in enumerate(table.ours.tolist()):
            known: list[Any] = [holders.get(cell, ()) for cell in enumerate(row)]
            for other in {place for places in known if len(places) <= _RARE for place in places}:
                found = sum(a == b for a, b in zip(row, theirs[other], strict=True))
                if 2 * found >= table.gate * (sizes[one] + other_sizes[other]):
                    yield found, one, other

    return _greedy(cells())
