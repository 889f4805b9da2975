"""Step 5 in the compiled library: what `counts` counts with whole arrays, in one pass over tables of numbers."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import TYPE_CHECKING

from text2json.metrics import library
from text2json.metrics.counts import Counted, Span, Wrong
from text2json.metrics.library import Job, job_fields
from text2json.metrics.table import Table

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from text2json.metrics.together import Paired

    Numbers = NDArray[np.int32]

SUMS = 6
"""How many sums there are in `Counted.sums`."""


class CountJob(Job):
    """The library's `struct count_job`."""

    _fields_ = job_fields(
        "ours theirs our_words their_words our_ends their_ends places ends samples width fields sums wrong_places "
        "wrong_columns wrong_ends swapped seen",
        pointers="ours theirs our_words their_words our_ends their_ends places ends fields sums wrong_places "
        "wrong_columns wrong_ends swapped seen",
    )


def count(
    table: Table, spellings: tuple[Numbers, Numbers] | None, spans: Sequence[Span], paired: Paired
) -> tuple[Counted, Wrong] | None:
    """Count the leaves and records of several samples; None without a library.

    Args:
        table: the records, in which forms are equal or not, and no leaf is fuzzily equal.
        spellings: (records, columns) of either side, equal where two leaves are written alike; None where all leaves of
            equal form are.
        spans: where the records of each sample stand.
        paired: which of them belong together.
    """
    compiled = library.library()
    if compiled is None:
        return None
    import numpy as np

    ours, theirs = np.ascontiguousarray(table.ours), np.ascontiguousarray(table.theirs)
    words = [None, None] if spellings is None else [np.ascontiguousarray(side) for side in spellings]
    samples, width = len(spans), len(table.columns)
    our_ends, their_ends = (
        np.array([0, *(side.stop for side in sides)], dtype=np.int64) for sides in zip(*spans, strict=True)
    )
    ends, places = np.array(paired.ends, dtype=np.int64), np.ascontiguousarray(paired.places)
    room = len(places) * width
    wrong_places, wrong_columns = np.empty((room, 2), dtype=np.int64), np.empty(room, dtype=np.int64)
    swapped, wrong_ends = np.empty(room, dtype=np.bool_), np.empty(samples + 1, dtype=np.int64)
    fields = np.zeros((samples, width, 3), dtype=np.int64)
    sums = np.zeros((samples, SUMS), dtype=np.int64)
    seen = np.zeros(1 + max(int(ours.max(initial=0)), int(theirs.max(initial=0))), dtype=np.int32)
    job = CountJob.of(
        ours=ours, theirs=theirs, our_words=words[0], their_words=words[1], our_ends=our_ends, their_ends=their_ends,
        places=places, ends=ends, samples=samples, width=width, fields=fields, sums=sums, wrong_places=wrong_places,
        wrong_columns=wrong_columns, wrong_ends=wrong_ends, swapped=swapped, seen=seen,
    )  # fmt: skip
    found = compiled.t2j_count(ctypes.byref(job))
    return Counted(fields, sums), Wrong(
        wrong_places[:found], wrong_columns[:found], swapped[:found], wrong_ends.tolist()
    )
