"""Make documents with several processes; the bytes do not depend on how many.

This process deals out the jobs and passes the batches on to be written; the others make them. It does so from no thread
of its own, since a thread would have to wait for the interpreter while a batch is written; the executors of the
standard library feed their workers from threads. What the others make comes back through files: a pipe of so many bytes
would hold up whoever writes into it.

Where forking is safe, this process forks one other, and that one forks the rest when it has made a few batches. So what
documents are made from is read and made ready once, while this process imports what it needs to write.
"""

from __future__ import annotations

import gc
import os
import pickle
import signal
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from text2json.batches import Batch, Job, make
from text2json.errors import Text2JSONError

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.process import BaseProcess

AHEAD = 16
"""Batches a process that may be made ahead of their turn."""
FEW, MANY, SHARE = 2, 12, 4
"""Jobs dealt out ahead to each process: one in `SHARE` of its part of those left, from `MANY` at first, while this
process still imports what it needs to write, to `FEW` at the end, so that all end together."""
ALONE = 0.1
"""Seconds for which the first process works before it forks the others, if there is so much to do."""
SELDOM = 20_000
"""New objects between two searches for cycles; documents have none, and the usual 700 cost a twentieth of the time."""


@contextmanager
def making(jobs: Sequence[Job], workers: int, folder: Path) -> Iterator[Iterator[Batch]]:
    """Give the batches of `jobs` in order; with several `workers`, they begin at once.

    Args:
        jobs: what to make.
        workers: processes that make documents; if it is one, this one.
        folder: for the files that pass between the processes; they are gone when their batch was taken.

    Raises:
        Text2JSONError: one of the processes was killed.
    """
    usual = gc.get_threshold()
    gc.set_threshold(SELDOM)
    count = min(workers, len(jobs))
    others = start(jobs, folder, count) if count > 1 else []
    try:
        yield iter(Sharing(jobs, others, folder)) if others else map(make, jobs)
    finally:
        for other in others:
            other.dismiss()
        for other in others:
            other.wait_for_end()
        gc.set_threshold(*usual)


class Sharing:
    """Shares jobs between processes; whoever has the fewest gets the next one, and their batches come in order."""

    def __init__(self, jobs: Sequence[Job], others: Sequence[Other], folder: Path) -> None:
        self._jobs, self._others, self._folder = jobs, others, folder
        self._with: dict[int, Other] = {}
        self._turn = self._next = 0
        self._deal()

    def __iter__(self) -> Iterator[Batch]:
        """Yield the batches in order."""
        for turn in range(len(self._jobs)):
            self._turn = turn
            self._deal()
            while turn in self._with[turn].busy:
                self._listen()
                self._deal()
            if turn == len(self._jobs) - 1:  # so that they end while the last batches are written
                for other in self._others:
                    other.dismiss()
            del self._with[turn]
            yield take(_file(self._folder, turn))

    def _deal(self) -> None:
        """Keep the others busy."""
        while left := len(self._jobs) - self._next:
            other = min(self._others, key=lambda other: len(other.busy))
            enough = max(FEW, min(MANY, left // (SHARE * len(self._others))))
            if len(other.busy) >= enough or self._next >= self._turn + AHEAD * len(self._others):
                return
            other.give(self._next)
            self._with[self._next] = other
            self._next += 1

    def _listen(self) -> None:
        """Wait until some job is done."""
        from multiprocessing.connection import wait

        ready = wait([other.line for other in self._others if other.busy])
        for other in self._others:
            if other.line in ready:
                other.hear()


class Other:
    """Another process that makes the jobs whose numbers it is given, in that order."""

    def __init__(self, line: Connection, process: BaseProcess, leading: bool) -> None:
        self.line = line
        self._process, self._leading = process, leading
        self.busy: deque[int] = deque()
        """Numbers of jobs that are not done yet."""

    def give(self, number: int) -> None:
        """Give it one more job."""
        try:
            self.line.send(number)
        except OSError:
            raise _killed() from None
        self.busy.append(number)

    def hear(self) -> None:
        """Take notice of a job that is done."""
        try:
            failure = self.line.recv()
        except (EOFError, OSError):
            raise _killed() from None
        if failure is not None:
            raise failure
        self.busy.popleft()

    def dismiss(self) -> None:
        """Tell the process to end, whatever it is at, and those that it forked."""
        self._process.terminate()
        if self._leading and self._process.pid is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGTERM)

    def wait_for_end(self) -> None:
        """Wait until the process is no more, which closes its end of the line."""
        with suppress(EOFError, OSError):
            while True:
                self.line.recv_bytes()
        self.line.close()
        self._process.join()


def _killed() -> Text2JSONError:
    return Text2JSONError("a worker process was killed, and nothing was written (run it again, with fewer --workers if "
                          "memory ran out)")  # fmt: skip


def start(jobs: Sequence[Job], folder: Path, count: int) -> list[Other]:
    """Start `count` processes."""
    from multiprocessing import get_context

    lines = [get_context().Pipe() for _ in range(count)]
    ours, theirs = [line for line, _ in lines], [line for _, line in lines]
    if one_thread():
        first = get_context("fork").Process(target=lead, args=(jobs, folder, theirs, ours), daemon=True)
        first.start()
        others = [Other(line, first, True) for line in ours]
    else:
        spawn = get_context("spawn")
        workers = [spawn.Process(target=work, args=(jobs, folder, line), daemon=True) for line in theirs]
        for worker in workers:
            worker.start()
        others = [Other(line, worker, False) for line, worker in zip(ours, workers, strict=True)]
    for line in theirs:  # so that this end hears of the other's end
        line.close()
    return others


def one_thread() -> bool:
    """Tell whether this process is known to have one thread only; they can be counted on Linux.

    Then workers may be forked: they begin at once, with all that is imported already. From among several threads a
    fork is not safe, since it copies the others' locks as they stand.
    """
    threads = Path("/proc/self/task")
    return threads.is_dir() and len(list(threads.iterdir())) == 1


def lead(jobs: Sequence[Job], folder: Path, lines: Sequence[Connection], ends: Sequence[Connection]) -> None:
    """Be the first of several processes: begin alone, fork the others, and go on as one of them.

    Args:
        jobs: what may be made.
        folder: where the batches go.
        lines: this process's line, then one for each of the others.
        ends: the caller's ends of them.
    """
    os.setpgid(0, 0)  # a group of their own, so that all can be ended together
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.set_threshold(SELDOM)
    for end in ends:
        end.close()
    mine, *rest = lines
    began = time.monotonic()
    with suppress(EOFError, ConnectionError):
        answer(jobs, folder, mine)
        while time.monotonic() - began < ALONE and mine.poll():
            answer(jobs, folder, mine)
    gc.freeze()  # here already, before the others have it too
    for line in rest:
        if os.fork() == 0:
            mine = line
            break
    for line in lines:
        if line is not mine:
            line.close()
    work(jobs, folder, mine)


def work(jobs: Sequence[Job], folder: Path, line: Connection) -> None:
    """Make the jobs whose numbers come in, as long as there is somebody to send them."""
    _follow_parent()
    gc.freeze()  # what was there at the start stays; to look through it again and again would copy a fork's memory
    gc.set_threshold(SELDOM)
    with suppress(EOFError, ConnectionError):
        while True:
            answer(jobs, folder, line)


def answer(jobs: Sequence[Job], folder: Path, line: Connection) -> None:
    """Make the job whose number comes in; answer with nothing, or with what went wrong."""
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
