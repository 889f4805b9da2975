"""Make documents with several processes; the bytes do not depend on how many.

This process is one of them. It deals out the jobs itself, from no thread of its own, since a thread would have to wait
for the interpreter while documents are made; the executors of the standard library feed their workers from threads.
What the others make comes back through files: a pipe of so many bytes would hold up a busy reader.
"""

from __future__ import annotations

import gc
import os
import pickle
import signal
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from text2json.batches import Batch, Job, make
from text2json.errors import Text2JSONError

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

AHEAD = 16
"""Batches that this process makes ahead of their turn."""
FEW, MANY, SHARE = 2, 12, 6
"""Jobs dealt out ahead to each of the others: one in `SHARE` of those left, from `MANY` at first, while this process
still imports what it needs to write, to `FEW` at the end, so that all end together."""
SELDOM = 20_000
"""New objects between two searches for cycles; documents have none, and the usual 700 cost a twentieth of the time."""


@contextmanager
def making(jobs: Sequence[Job], workers: int, folder: Path) -> Iterator[Iterator[Batch]]:
    """Give the batches of `jobs` in order; with several `workers` the others begin at once.

    Args:
        jobs: what to make.
        workers: processes, this one included.
        folder: for the files that pass between the processes; they are gone when their batch was taken.

    Raises:
        Text2JSONError: one of the processes was killed.
    """
    usual = gc.get_threshold()
    gc.set_threshold(SELDOM)
    others = [Other(jobs, folder) for _ in range(min(workers, len(jobs)) - 1)]
    try:
        yield iter(Sharing(jobs, others, folder)) if others else map(make, jobs)
    finally:
        for other in others:
            other.stop()
        gc.set_threshold(*usual)


class Sharing:
    """Shares jobs between this process and others; whoever is free takes the next one, and few wait for their turn."""

    def __init__(self, jobs: Sequence[Job], others: Sequence[Other], folder: Path) -> None:
        self._jobs, self._others, self._folder = jobs, others, folder
        self._with: dict[int, Other] = {}
        self._ours: dict[int, Batch] = {}
        self._next = 0
        self._deal()

    def __iter__(self) -> Iterator[Batch]:
        """Yield the batches in order."""
        for turn in range(len(self._jobs)):
            self._deal()
            while not self._due(turn):
                self._ours[self._next] = make(self._jobs[self._next])
                self._next += 1
                self._deal()
            if turn not in self._ours:
                self._with.pop(turn).wait_for(turn)
                self._ours[turn] = take(_file(self._folder, turn))
            if turn == len(self._jobs) - 1:
                self._dismiss()
            yield self._ours.pop(turn)

    def _deal(self) -> None:
        """Keep the others busy."""
        for other in self._others:
            other.listen()
        while left := len(self._jobs) - self._next:
            other = min(self._others, key=lambda other: len(other.busy))
            if len(other.busy) >= max(FEW, min(MANY, left // (SHARE * len(self._others)))):
                return
            other.give(self._next)
            self._with[self._next] = other
            self._next += 1

    def _dismiss(self) -> None:
        """Let the others end while the last batches are written."""
        for other in self._others:
            other.dismiss()

    def _due(self, turn: int) -> bool:
        """Tell whether to pass on batch `turn`, waiting for it if need be, rather than make another one meanwhile."""
        if turn in self._ours or (turn in self._with and turn not in self._with[turn].busy):
            return True
        return self._next == len(self._jobs) or len(self._ours) >= AHEAD


class Other:
    """Another process that makes the jobs whose numbers it is given, in that order."""

    def __init__(self, jobs: Sequence[Job], folder: Path) -> None:
        from multiprocessing import get_context

        context = get_context("fork") if one_thread() else get_context("spawn")
        self._line, theirs = context.Pipe()
        self._process = context.Process(target=work, args=(jobs, folder, theirs), daemon=True)
        self._process.start()
        theirs.close()  # so that this end hears of the other's end
        self.busy: deque[int] = deque()
        """Numbers of jobs that are not done yet."""

    def give(self, number: int) -> None:
        """Give it one more job."""
        try:
            self._line.send(number)
        except OSError:
            raise _killed() from None
        self.busy.append(number)

    def listen(self) -> None:
        """Take notice of the jobs that are done."""
        while self.busy and self._line.poll():
            self._hear()

    def wait_for(self, number: int) -> None:
        """Wait until a job is done."""
        while number in self.busy:
            self._hear()

    def _hear(self) -> None:
        try:
            failure = self._line.recv()
        except (EOFError, OSError):
            raise _killed() from None
        if failure is not None:
            raise failure
        self.busy.popleft()

    def dismiss(self) -> None:
        """Tell the process to end, whatever it is at."""
        self._process.terminate()

    def stop(self) -> None:
        """End the process, and wait for its end."""
        self.dismiss()
        self._process.join()
        self._line.close()


def _killed() -> Text2JSONError:
    return Text2JSONError("a worker process was killed, and nothing was written (run it again, with fewer --workers if "
                          "memory ran out)")  # fmt: skip


def one_thread() -> bool:
    """Tell whether this process is known to have one thread only; they can be counted on Linux.

    Then workers may be forked: they begin at once, with all that is imported already. From among several threads a
    fork is not safe, since it copies the others' locks as they stand.
    """
    threads = Path("/proc/self/task")
    return threads.is_dir() and len(list(threads.iterdir())) == 1


def work(jobs: Sequence[Job], folder: Path, line: Connection) -> None:
    """Make the jobs whose numbers come in; answer each with nothing, or with what went wrong."""
    _follow_parent()
    gc.freeze()  # what was there at the start stays; to look through it again and again would copy a fork's memory
    gc.set_threshold(SELDOM)
    while True:
        number = line.recv()
        try:
            with _file(folder, number).open("wb") as out:
                pickle.dump(make(jobs[number]), out, protocol=5)
        except (OSError, Text2JSONError) as error:
            line.send(error)
        else:
            line.send(None)


def take(file: Path) -> Batch:
    """Read a batch and remove its file."""
    with file.open("rb") as made:
        batch: Batch = pickle.load(made)
    file.unlink()
    return batch


def _file(folder: Path, number: int) -> Path:
    return folder / f"{number}.batch"


def _follow_parent() -> None:
    """Leave the interrupt key to the parent, and end with it however it ends."""
    from multiprocessing import parent_process

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = parent_process()
    assert parent is not None

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
