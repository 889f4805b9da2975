"""Step 3 for many samples at once: the same pairs as `align` makes of one sample after the other.

A sample's tables are small, and whole-array work on one of them is mostly waiting. Here the pairs of records of all
samples stand in one array; only what needs a choice of its own (several equal records, a tie, fuzzy equality, a large
sample) is handed on sample by sample.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, chain, islice
from typing import TYPE_CHECKING

from text2json.metrics import library
from text2json.metrics.align import GATE, align, sort_by_content
from text2json.metrics.assignment import SMALL, Rest, assign
from text2json.metrics.counts import Span
from text2json.metrics.forms import Form
from text2json.metrics.library import Job, job_fields
from text2json.metrics.limits import LIMITS
from text2json.metrics.table import Table

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Places = NDArray[np.intp]

_ODD = 0x9E3779B97F4A7C15


class PairJob(Job):
    """The library's `struct pair_job`."""

    _fields_ = job_fields(
        "ours theirs our_ends their_ends samples width most gate places ends equal states",
        pointers="ours theirs our_ends their_ends places ends equal states",
        fractions="gate",
    )


DONE, CHOSEN, TIED, LEFT = range(4)
"""What becomes of a sample in the library: all is done; its unequal pairs are still to be put in the order of their
content; only its equal records are paired; nothing is."""


@dataclass(frozen=True)
class Paired:
    """The pairs of several samples.

    Args:
        places: (pairs, 2) rows of a gold and of a predicted record, sample after sample.
        ends: (samples + 1) sample i has the pairs from `ends[i]` to `ends[i + 1]`.
        exact: of each sample, see `Alignment`.
    """

    places: Places
    ends: list[int]
    exact: list[bool]

    def of(self, sample: int) -> list[tuple[int, int]]:
        """Return the pairs of one sample."""
        return [(one, other) for one, other in self.places[self.ends[sample] : self.ends[sample + 1]].tolist()]


def in_order(spans: Sequence[Span]) -> Paired:
    """Pair the first gold record of each sample with the first predicted one, then the second ones, and so on."""
    import numpy as np

    pairs = [list(zip(span.gold, span.predicted, strict=False)) for span in spans]
    places = np.array(list(chain.from_iterable(pairs)), dtype=np.intp).reshape(-1, 2)
    return Paired(places, list(accumulate(map(len, pairs), initial=0)), [True] * len(spans))


def align_all(
    table: Table,
    spans: Sequence[Span],
    key: str | None = None,
    *,
    gate: float = GATE,
    cells: int = LIMITS.cells,
) -> Paired:
    """Pair the records of several samples, each within its span; see `align` for the rest."""
    import numpy as np

    work = _Work(table, spans, gate, cells)
    if key is None and not table.special:
        if not work.by_library(spans):
            work.by_assignment()
    elif key in table.columns and key is not None:
        work.by_key(table.columns.index(key))
    exact = [True] * len(spans)
    for sample in work.waiting.nonzero()[0].tolist():
        alignment = align(table, spans[sample].gold, spans[sample].predicted, key, gate=gate, cells=cells)
        exact[sample] = alignment.exact
        work.add(sample, np.array(alignment.pairs, dtype=np.intp).reshape(-1, 2).T)
    samples = np.concatenate(work.samples)
    order = np.argsort(samples, kind="stable")
    ends = list(accumulate(np.bincount(samples, minlength=len(spans)).tolist(), initial=0))
    return Paired(np.concatenate(work.places, axis=1).T[order], ends, exact)


@dataclass(frozen=True)
class Tied:
    """A sample in which two records like the same best.

    Args:
        sample: its place.
        ours, theirs: the rows of its records that have no partner.
        matches: (ours, theirs) how many leaves are equal; 0 where a pair does not pass the gate.
    """

    sample: int
    ours: Places
    theirs: Places
    matches: NDArray[np.int32]


class _Work:
    """Samples on their way to pairs.

    Attributes:
        waiting: (samples,) whether a sample is still to be aligned by itself.
        samples: parts of the pairs: the sample of each.
        places: (2, pairs) and its rows.
    """

    def __init__(self, table: Table, spans: Sequence[Span], gate: float, cells: int) -> None:
        import numpy as np

        self.table, self.gate = table, gate
        counts = np.array([(len(span.gold), len(span.predicted)) for span in spans], dtype=np.intp).reshape(-1, 2)
        self.counts = counts.T
        self.most = min(SMALL, cells)
        self.waiting = np.ones(len(spans), dtype=np.bool_)
        self.samples = [np.zeros(0, dtype=np.intp)]
        self.places = [np.zeros((2, 0), dtype=np.intp)]

    @cached_property
    def ours(self) -> Places:
        """The sample of every gold record."""
        import numpy as np

        return np.repeat(np.arange(len(self.waiting)), self.counts[0])

    @cached_property
    def theirs(self) -> Places:
        """The sample of every predicted record."""
        import numpy as np

        return np.repeat(np.arange(len(self.waiting)), self.counts[1])

    def add(self, samples: Places | int, places: Places) -> None:
        """Add pairs."""
        import numpy as np

        self.samples.append(np.broadcast_to(samples, places.shape[1]))
        self.places.append(places)

    def by_key(self, column: int) -> None:
        """Pair records of one key, in samples in which no key that both sides have stands twice on either."""
        import numpy as np

        ours, theirs = self.table.ours[:, column], self.table.theirs[:, column]
        step = 1 + max(ours.max(initial=0), theirs.max(initial=0))
        has, have = (ours >= 0).nonzero()[0], (theirs >= 0).nonzero()[0]
        codes = ours[has] + step * self.ours[has], theirs[have] + step * self.theirs[have]
        one, other, several = _partners(*codes)
        self.waiting[:] = False
        self.waiting[self.ours[has[several]]] = True
        one, other = has[one], have[other]
        simple = ~self.waiting[self.ours[one]]
        self.add(self.ours[one[simple]], np.stack([one[simple], other[simple]]))

    def by_library(self, spans: Sequence[Span]) -> bool:
        """Do what `by_assignment` does in the compiled library, and tell whether there is one."""
        import numpy as np

        compiled, table = library.library(), self.table
        if compiled is None:
            return False
        room = sum(min(len(span.gold), len(span.predicted)) for span in spans)
        places, ends = np.empty((room, 2), dtype=np.int64), np.empty(len(spans) + 1, dtype=np.int64)
        states, equal = np.empty(len(spans), dtype=np.uint8), np.empty(len(spans), dtype=np.int64)
        ours, theirs = np.ascontiguousarray(table.ours), np.ascontiguousarray(table.theirs)
        our_ends, their_ends = (np.append(0, np.cumsum(side)) for side in self.counts)
        job = PairJob.of(
            ours=ours, theirs=theirs, our_ends=our_ends, their_ends=their_ends, samples=len(spans), width=ours.shape[1],
            most=self.most, gate=float(self.gate), places=places, ends=ends, equal=equal, states=states,
        )  # fmt: skip
        found = compiled.t2j_pair(ctypes.byref(job))
        if found < 0:
            return False
        chosen = (states == CHOSEN).nonzero()[0]
        self._sort(
            [places[start:end] for start, end in zip(ends[chosen] + equal[chosen], ends[chosen + 1], strict=True)]
        )
        self.add(np.repeat(np.arange(len(spans)), np.diff(ends)), places[:found].T)
        self.waiting = states == LEFT
        tied = [(sample, spans[sample], places[ends[sample] : ends[sample + 1]].T)
                for sample in (states == TIED).nonzero()[0].tolist()]  # fmt: skip
        self._choose([self._rest(*one) for one in tied])
        return True

    def by_assignment(self) -> None:
        """Pair equal records, then those that like each other best."""
        import numpy as np

        ours, theirs = self.table.ours, self.table.theirs
        if not self.table.full:
            theirs = np.maximum(theirs, -1)  # absent on both sides is alike here
        weights = np.cumprod(np.full(ours.shape[1] + 1, _ODD, dtype=np.uint64))
        codes = [
            side.astype(np.uint64) @ weights[1:] + samples.astype(np.uint64) * weights[0]
            for side, samples in ((ours, self.ours), (theirs, self.theirs))
        ]
        one, other, several = _partners(codes[0], codes[1])
        self.waiting[:] = self.counts.prod(0) > self.most
        self.waiting[self.ours[several]] = True
        same = (ours[one] == theirs[other]).all(1) & (self.ours[one] == self.theirs[other])
        self.waiting[self.ours[one[~same]]] = True  # two rows of one code by chance
        simple = ~self.waiting[self.ours[one]]
        one, other = one[simple], other[simple]
        self.add(self.ours[one], np.stack([one, other]))
        self._by_best(self._left(self.ours, one), self._left(self.theirs, other))

    def _left(self, samples: Places, paired: Places) -> Places:
        """Return the rows of one side that have no partner yet and whose sample is not waiting."""
        left: NDArray[np.bool_] = ~self.waiting[samples]
        left[paired] = False
        return left.nonzero()[0]

    def _by_best(self, ours: Places, theirs: Places) -> None:
        """Pair the records of these rows; samples in which two like the same best are assigned by themselves."""
        import numpy as np

        count = len(self.waiting)
        others = np.bincount(self.theirs[theirs], minlength=count)
        ours = ours[others[self.ours[ours]] > 0]
        if not len(ours):
            return
        # Row after row of every sample's table: where in it each gold record's begins, and whom each cell is about.
        sample = self.ours[ours]
        lengths = others[sample]
        ends = np.cumsum(lengths)
        starts = ends - lengths
        first = np.cumsum(others) - others
        other = np.arange(ends[-1]) - np.repeat(starts - first[sample], lengths)
        matches = self._matches(ours, theirs, lengths, other)
        most = np.maximum.reduceat(matches, starts)
        best = ((matches == np.repeat(most, lengths)) & (matches > 0)).nonzero()[0]
        row, column = np.repeat(np.arange(len(ours)), lengths)[best], other[best]
        tied = np.zeros(count, dtype=np.bool_)
        tied[sample[row[1:][row[1:] == row[:-1]]]] = True
        tied[sample[row[np.bincount(column)[column] > 1]]] = True
        free = ~tied[sample[row]]
        self.add(sample[row[free]], np.stack([ours[row[free]], theirs[column[free]]]))
        if not tied.any():
            return
        groups = []
        for choice in tied.nonzero()[0].tolist():
            rows = (sample == choice).nonzero()[0]
            begin, size = starts[rows[0]], others[choice]
            block = matches[begin : begin + len(rows) * size].reshape(len(rows), size)
            groups.append(Tied(choice, ours[rows], theirs[first[choice] : first[choice] + size], block))
        self._choose(groups)

    def _sort(self, parts: Sequence[Places]) -> None:
        """Sort (pairs, 2) each of these by the content of the gold records."""
        import numpy as np

        if not parts:
            return
        heads = iter(self.table.gold.column(0, np.concatenate(parts)[:, 0].tolist()))
        for pairs in parts:
            partners = dict(pairs.tolist())
            ours = list(partners)
            sort_by_content(ours, self.table.gold, list(islice(heads, len(ours))))
            pairs[:] = [(one, partners[one]) for one in ours]

    def _rest(self, sample: int, span: Span, paired: Places) -> Tied:
        """Return what is left of a sample whose equal records are paired."""
        import numpy as np

        ours, theirs = (sorted({*side} - {*rows}) for side, rows in zip(span, paired.tolist(), strict=True))
        rest = Rest(self.table, ours, theirs, self.gate, self.most)
        return Tied(sample, np.array(ours), np.array(theirs), rest.matches(0, len(ours)))

    def _choose(self, groups: Sequence[Tied]) -> None:
        """Assign the records of each of these samples."""
        import numpy as np

        if not groups:
            return
        heads = [
            iter(forms.column(0, np.concatenate(rows).tolist()))
            for forms, rows in ((self.table.gold, [one.ours for one in groups]),
                                (self.table.predicted, [one.theirs for one in groups]))
        ]  # fmt: skip
        for one in groups:
            parts = (list(islice(head, len(rows))) for head, rows in zip(heads, (one.ours, one.theirs), strict=True))
            self.add(one.sample, self._chosen(one.matches, one.ours, one.theirs, *parts))

    def _chosen(
        self, matches: NDArray[np.int32], ours: Places, theirs: Places, *heads: Sequence[Form | None]
    ) -> Places:
        """Return (2, pairs) the best assignment of one sample, ties in the order of the records' content."""
        import numpy as np

        ones, others = ours.tolist(), theirs.tolist()
        sort_by_content(ones, self.table.gold, heads[0])
        sort_by_content(others, self.table.predicted, heads[1])
        sorted_ones, sorted_others = np.array(ones), np.array(others)
        rows, columns = np.searchsorted(ours, sorted_ones), np.searchsorted(theirs, sorted_others)
        pairs = np.array(assign(matches[rows[:, None], columns]), dtype=np.intp).reshape(-1, 2)
        return np.stack([sorted_ones[pairs[:, 0]], sorted_others[pairs[:, 1]]])

    def _matches(self, ours: Places, theirs: Places, lengths: Places, other: Places) -> NDArray[np.int32]:
        """Return (cells,) how many leaves are equal; 0 where a pair does not pass the gate."""
        import numpy as np

        table = self.table
        found = np.zeros(len(other), dtype=np.int32)
        for one, two in zip(table.ours[ours].T.copy(), table.theirs[theirs].T.copy(), strict=True):
            found += np.repeat(one, lengths) == two[other]
        if table.full:
            sizes: NDArray[np.int32] | int = 2 * len(table.columns)
        else:
            sizes = np.repeat(table.our_sizes[ours], lengths) + table.their_sizes[theirs][other]
        found *= 2 * found >= self.gate * sizes
        return found


def _partners(ours: NDArray[np.generic], theirs: NDArray[np.generic]) -> tuple[Places, Places, Places]:
    """Find what is equal on both sides.

    Returns:
        places in `ours` and in `theirs` of what stands once on each; and places in `ours` of what stands on both sides
        and several times on one of them.
    """
    import numpy as np

    if not len(ours) or not len(theirs):
        none = np.zeros(0, dtype=np.intp)
        return none, none, none
    order = np.argsort(theirs)
    ordered = np.append(theirs[order], theirs[:1])  # one more, so that there is a next one of each
    at = np.searchsorted(ordered[:-1], ours)
    found = (ordered[at] == ours).nonzero()[0]
    found = found[at[found] < len(theirs)]
    at = at[found]
    partners = order[at]
    single = (ordered[at + 1] != ordered[at]) | (at + 1 == len(theirs))
    single &= np.bincount(partners)[partners] == 1
    return found[single], partners[single], found[~single]
