"""Make documents with several processes; the bytes do not depend on how many.

This process makes the first batches alone, and then forks the others where that is safe: so what documents are made
from is read and made ready once. From then on it deals out the jobs, and makes batches itself whenever the one that is
to be written next is not there yet. What the others make comes back through files that are mapped, not read.
"""

from __future__ import annotations

import gc
import mmap
import os
import pickle
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import accumulate, pairwise
from pathlib import Path

from text2json.batches import Batch, Job, make
from text2json.processes import SELDOM, Other, first_to_answer, one_thread, others

AHEAD = 16
"""Batches a process that may be made ahead of their turn."""
FEW, MANY, SHARE = 2, 12, 4
"""Jobs dealt out ahead to each other process: one in `SHARE` of its part of those left, from `MANY` at first, while
this process imports what it needs to write, to `FEW` at the end, so that all end together."""
ALONE = 0.07
"""Seconds for which this process works before it forks the others, if there is so much to do."""


@contextmanager
def making(jobs: Sequence[Job], workers: int, folder: Path) -> Iterator[Iterator[Batch]]:
    """Give the batches of `jobs` in order; with several `workers`, they begin at once.

    Args:
        jobs: what to make.
        workers: processes that make documents, this one among them.
        folder: for the files that pass between the processes; they are gone when their batch was taken.

    Raises:
        SpecError: a sample's knobs are impossible.
        Text2JSONError: one of the processes was killed.
    """
    usual = gc.get_threshold()
    gc.set_threshold(SELDOM)
    try:
        shared = Sharing(jobs, folder)
        if workers > 1 and one_thread():
            shared.make_alone(ALONE)
        with others(min(workers - 1, shared.left)) as started:
            yield shared.batches(started)
    finally:
        gc.set_threshold(*usual)


class Sharing:
    """Shares jobs between processes; whoever has the fewest gets the next one, and their batches come in order."""

    def __init__(self, jobs: Sequence[Job], folder: Path) -> None:
        self._jobs, self._folder = jobs, folder
        self._made: dict[int, Batch | Kept] = {}
        self._turn = self._next = 0

    @property
    def left(self) -> int:
        """How many jobs nobody has begun."""
        return len(self._jobs) - self._next

    def make_alone(self, seconds: float) -> None:
        """Make batches for so long."""
        end = time.monotonic() + seconds
        while self.left and time.monotonic() < end:
            self._make()

    def batches(self, others: Sequence[Other]) -> Iterator[Batch]:
        """Yield the batches in order."""
        self._deal(others)
        return self._in_order(others)

    def _in_order(self, others: Sequence[Other]) -> Iterator[Batch]:
        for turn in range(len(self._jobs)):
            self._turn = turn
            self._hear(others, patient=False)
            while turn not in self._made:
                begins = self._may_begin(len(others))
                if begins:
                    self._make()
                self._hear(others, patient=not begins)
            if turn == len(self._jobs) - 1:  # so that they end while the last batches are written
                for other in others:
                    other.dismiss()
            made = self._made.pop(turn)
            yield made.take() if isinstance(made, Kept) else made

    def _may_begin(self, others: int) -> bool:
        return self.left > 0 and self._next < self._turn + AHEAD * (1 + others)

    def _make(self) -> None:
        self._made[self._next] = make(self._jobs[self._next])
        self._next += 1

    def _hear(self, others: Sequence[Other], patient: bool) -> None:
        """Take notice of jobs that are done, and deal out others."""
        for other in first_to_answer(others, patient):
            number, kept = other.answer()
            self._made[number] = kept
        self._deal(others)

    def _deal(self, others: Sequence[Other]) -> None:
        """Keep the others busy."""
        while others and self._may_begin(len(others)):
            other = min(others, key=lambda other: other.waiting)
            if other.waiting >= max(FEW, min(MANY, self.left // (SHARE * len(others)))):
                return
            other.ask(_keep, self._jobs[self._next], self._next, self._folder / f"{self._next}.batch")
            self._next += 1


class Kept:
    """A batch whose values lie in a file."""

    def __init__(self, batch: Batch, file: Path) -> None:
        buffers: list[pickle.PickleBuffer] = []
        self._head = pickle.dumps(batch, protocol=5, buffer_callback=buffers.append)
        values = [buffer.raw() for buffer in buffers]
        self._ends = list(accumulate(map(len, values), initial=0))
        self._file = file
        with file.open("wb") as out:
            out.writelines(values)

    def take(self) -> Batch:
        """Return the batch; its file is no more, but what was mapped of it remains for as long as it is used."""
        with self._file.open("rb") as kept:
            if os.name == "posix":
                values = memoryview(mmap.mmap(kept.fileno(), 0, access=mmap.ACCESS_READ))
            else:  # a mapped file cannot be removed
                values = memoryview(kept.read())
        self._file.unlink()
        batch: Batch = pickle.loads(self._head, buffers=[values[start:end] for start, end in pairwise(self._ends)])
        return batch


def _keep(job: Job, number: int, file: Path) -> tuple[int, Kept]:
    """Do a job of the caller's, elsewhere."""
    return number, Kept(make(job), file)
