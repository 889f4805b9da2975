"""Which of one sample's records belong together: the pairing that matches the most leaves.

Over a size there is no time or memory for the best one; then records are paired greedily, and that is told.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING

from text2json.metrics.table import Table

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from scipy.sparse import csr_matrix

Pairs = list[tuple[int, int]]
"""Places of a gold and of a predicted record."""

SMALL = 1 << 14
"""Pairs of records up to which all of them are looked at in one array."""
_BLOCK = 1 << 22
_ROWS = 1 << 24
_ENTRIES = 1 << 24
_RARE = 16
_FUZZY = 1_000
"""Pairs of characters of fuzzy texts that cost about as much as one pair of records."""


class Rest:
    """The records that are left after equal ones were paired.

    Args:
        table: the records of both sides.
        ours: rows of the gold records.
        theirs: rows of the predicted ones.
        gate: see `align.GATE`.
        cells: pairs of records above which the choice is greedy.
    """

    def __init__(self, table: Table, ours: list[int], theirs: list[int], gate: float, cells: int) -> None:
        import numpy as np

        self.table, self.gate = table, gate
        self.our_places, self.their_places = np.array(ours), np.array(theirs)
        self.ours, self.theirs = table.ours[self.our_places], table.theirs[self.their_places]
        self.our_sizes, self.their_sizes = table.our_sizes[self.our_places], table.their_sizes[self.their_places]
        self.few = len(ours) * len(theirs) <= cells
        self.special = table.special
        if self.special and not (self.few and table.work(ours, theirs) <= _FUZZY * cells):
            self.special = {}

    @property
    def exact(self) -> bool:
        """Whether every kind of equality counts in `matches`."""
        return len(self.special) == len(self.table.special)

    def matches(self, start: int, end: int) -> NDArray[np.int32]:
        """Return the number of equal leaves of the gold rows from `start` to `end` with every predicted one.

        0 where a pair does not pass the gate.
        """
        import numpy as np

        ours = self.ours[start:end]
        found: NDArray[np.int32]
        if not self.special and len(ours) * self.theirs.size <= SMALL:
            # The sum over the first axis is several times faster than that over the last.
            one, other = np.ascontiguousarray(ours.T), np.ascontiguousarray(self.theirs.T)
            found = np.add.reduce(one[:, :, None] == other[:, None], axis=0, dtype=np.int32)
        else:
            found = np.zeros((len(ours), len(self.theirs)), dtype=np.int32)
            self._add(found, ours, start, end)
        if self.gate:
            found *= 2 * found >= self.gate * (self.our_sizes[start:end, None] + self.their_sizes)
        return found

    def _add(self, found: NDArray[np.int32], ours: NDArray[np.int32], start: int, end: int) -> None:
        """Add the matches column by column, which needs no table of all columns at once."""
        for column in range(ours.shape[1]):
            if column in self.special:
                found += self.table.equal_all(column, self.our_places[start:end], self.their_places)
            else:
                found += ours[:, column, None] == self.theirs[None, :, column]


def only_best(rest: Rest) -> Pairs | None:
    """Return the pairs of a small table in which every record likes another partner best, and that one alone.

    No other pairing is as good, so the order of the records does not matter. None where that is not so.
    """
    if not rest.few or len(rest.ours) * len(rest.theirs) > SMALL or not rest.exact:
        return None
    import numpy as np

    matches = rest.matches(0, len(rest.ours))
    best = matches.argmax(1)
    most = matches.max(1)
    rows = most.nonzero()[0]
    columns = best[rows].tolist()
    alone = int(np.count_nonzero(matches[rows] == most[rows, None])) == len(rows)
    return list(zip(rows.tolist(), columns, strict=True)) if alone and len(set(columns)) == len(columns) else None


def assignment(rest: Rest) -> tuple[Pairs, bool]:
    """Return the pairs as places in `rest`, and whether no other pairing matches more leaves.

    Ties fall to the records that come first in `rest`, which is why they are to be in the order of their content.
    """
    size, others = len(rest.ours), len(rest.theirs)
    if not rest.few:
        return by_rare_leaves(rest), False
    if size * others <= SMALL:
        return assign(rest.matches(0, size)), rest.exact
    sparse = _sparse(rest)
    if sparse is None:
        return by_rare_leaves(rest), False
    pairs, exact = _by_blocks(sparse)
    return pairs, exact and rest.exact


def _sparse(rest: Rest) -> csr_matrix | None:
    """Return the table of matches without its zeros, or None where even that is too large."""
    from scipy.sparse import csr_matrix, vstack

    step = max(1, _ROWS // len(rest.theirs))
    strips, entries = [], 0
    for start in range(0, len(rest.ours), step):
        strip = csr_matrix(rest.matches(start, start + step))
        entries += strip.nnz
        if entries > _ENTRIES:
            return None
        strips.append(strip)
    return vstack(strips).tocsr()


def _by_blocks(sparse: csr_matrix) -> tuple[Pairs, bool]:
    """Return the best pairs, block by block; a block is what is connected by matches.

    The second value is false where a block was too large and its pairs were chosen greedily.
    """
    import numpy as np
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import connected_components

    size, others = sparse.shape
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
            inner = assign(part.toarray())
        else:
            exact = False
            inner = _by_matches(part)
        pairs += [(int(rows[one]), int(columns[other])) for one, other in inner]
    return pairs, exact


def assign(matches: NDArray[np.int32]) -> Pairs:
    """Return the assignment with the most matches, of pairs with at least one."""
    best = matches.argmax(1)
    rows = matches.max(1).nonzero()[0]
    columns = best[rows]
    # Where every record likes another partner best, no assignment is better.
    if len(set(columns.tolist())) < len(columns):
        from scipy.optimize import linear_sum_assignment

        rows, columns = linear_sum_assignment(matches, maximize=True)
        kept = matches[rows, columns] > 0
        rows, columns = rows[kept], columns[kept]
    return list(zip(rows.tolist(), columns.tolist(), strict=True))


def _by_matches(part: csr_matrix) -> Pairs:
    """Take pairs by falling number of matches, equal ones in the order of the records' content."""
    import numpy as np

    cells = part.tocoo()
    order = np.lexsort((cells.col, cells.row, -cells.data))
    return _greedy(zip(cells.row[order].tolist(), cells.col[order].tolist(), strict=True), set(), set())


def _greedy(cells: Iterator[tuple[int, int]], ours: set[int], theirs: set[int]) -> Pairs:
    """Take the pairs whose records are still free, in the order given; `ours` and `theirs` are those that are not."""
    pairs: Pairs = []
    for one, other in cells:
        if one not in ours and other not in theirs:
            ours.add(one)
            theirs.add(other)
            pairs.append((one, other))
    return pairs


def by_rare_leaves(rest: Rest) -> Pairs:
    """Pair greedily, for sizes at which not even the table of all pairs fits.

    First those records that share a leaf which at most 16 predicted records have: a leaf that more records have tells
    little. Then each gold record that is left takes the best of the first 16 free holders of each of its leaves.
    """
    holders: dict[tuple[int, int], list[int]] = defaultdict(list)
    theirs = rest.theirs.tolist()
    for other, row in enumerate(theirs):
        for cell in enumerate(row):
            holders[cell].append(other)
    golds, sizes, other_sizes = rest.ours.tolist(), rest.our_sizes.tolist(), rest.their_sizes.tolist()

    def matched(one: int, other: int) -> int:
        found = sum(a == b for a, b in zip(golds[one], theirs[other], strict=True))
        return found if 2 * found >= rest.gate * (sizes[one] + other_sizes[other]) else 0

    rare = (
        (-found, one, other)
        for one, row in enumerate(golds)
        for other in {place for places in _held(holders, row) if len(places) <= _RARE for place in places}
        if (found := matched(one, other))
    )
    taken: set[int] = set()
    used: set[int] = set()
    pairs = _greedy(((one, other) for _, one, other in sorted(rare)), taken, used)
    for places in holders.values():
        places.reverse()  # so that what is no longer free is dropped from the end
    for one, row in enumerate(golds):
        if one not in taken:
            near = {place for places in _held(holders, row) for place in _first_free(places, used)}
            found, other = max(((matched(one, other), -other) for other in near), default=(0, 0))
            if found:
                used.add(-other)
                pairs.append((one, -other))
    return pairs


def _held(holders: dict[tuple[int, int], list[int]], row: list[int]) -> Iterator[list[int]]:
    return (holders[cell] for cell in enumerate(row) if cell in holders)


def _first_free(places: list[int], taken: set[int]) -> list[int]:
    """Return the last 16 of `places` that are not taken, dropping those that are from its end."""
    found: list[int] = []
    while places and len(found) < _RARE:
        place = places.pop()
        if place not in taken:
            found.append(place)
    places += reversed(found)
    return found
