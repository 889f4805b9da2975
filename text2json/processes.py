"""Other processes, each at the end of a line over which it is asked to call functions; they end with this one.

This process asks from no thread of its own, since a thread would have to wait for the interpreter while a batch is
written; the executors of the standard library feed their workers from threads.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from text2json.errors import Text2JSONError

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.process import BaseProcess

    from text2json.forking import Forked, Line

T = TypeVar("T")
END = "end"
"""The answer after all that a generator yields."""
SELDOM = 20_000
"""New objects between two searches for cycles; documents have none, and the usual 700 cost a twentieth of the time."""


class Other:
    """Another process that does what it is asked, in that order."""

    def __init__(self, line: Line | Connection, process: Forked | BaseProcess) -> None:
        self.line = line
        self._process = process
        self.waiting = 0
        """What it was asked and has not answered yet."""

    def ask(self, function: Callable[..., Any], *values: object) -> None:
        """Ask it to call a function."""
        try:
            self.line.send((function, values))
        except OSError:
            raise _killed() from None
        self.waiting += 1

    def answer(self) -> Any:
        """Wait for what the function returned that it was asked first, and return it.

        Raises:
            OSError: the function did.
            Text2JSONError: the function did, or the process was killed.
        """
        try:
            result, failure = self.line.recv()
        except (EOFError, OSError):
            raise _killed() from None
        if failure is not None:
            raise failure
        self.waiting -= 1
        return result

    def dismiss(self) -> None:
        """Tell the process to end, whatever it is at."""
        self._process.terminate()

    def wait_for_end(self) -> None:
        """Wait until the process is no more, and none that it forked."""
        self._process.join()
        self.line.close()


def _killed() -> Text2JSONError:
    return Text2JSONError("a worker process was killed, and nothing was written (run it again, with fewer --workers if "
                          "memory ran out)")  # fmt: skip


@contextmanager
def others(count: int) -> Iterator[list[Other]]:
    """Give `count` other processes, forked where that is safe; they are gone at the end."""
    started: list[Other] = []
    try:
        for _ in range(count):
            started.append(_start())
        yield started
    finally:
        for other in started:
            other.dismiss()
        for other in started:
            other.wait_for_end()


@contextmanager
def elsewhere(function: Callable[..., Iterator[T]], *values: object) -> Iterator[Iterator[T]]:
    """Run a generator in a process of its own, and give what it yields."""
    with others(1) as [other]:
        other.ask(function, *values)
        yield iter(other.answer, END)


def _start() -> Other:
    return _fork() if one_thread() else _spawn()


def _fork() -> Other:
    from text2json.forking import Forked, pair

    ours, theirs = pair()
    process = Forked(_serve, theirs, ours)
    theirs.close()  # so that this end hears of the other's end
    return Other(ours, process)


def _spawn() -> Other:
    from multiprocessing import get_context

    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, ours))
    process.start()
    theirs.close()
    return Other(ours, process)


def one_thread() -> bool:
    """Tell whether this process is known to have one thread only; they can be counted on Linux.

    Then others may be forked: they begin at once, with all that is imported already. From among several threads a
    fork is not safe, since it copies the others' locks as they stand.
    """
    threads = Path("/proc/self/task")
    return threads.is_dir() and len(list(threads.iterdir())) == 1


def _serve(line: Line | Connection, end: Line | Connection) -> None:
    """Call what is asked for, as long as there is somebody to ask, and answer with the results or the failure.

    Args:
        line: where questions come in.
        end: its other end, which must be open with whoever asks alone: else this process would outlive that one.
    """
    end.close()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the interrupt key is for whoever asks
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())  # so that those end too that this process started
    gc.freeze()  # what was there at the start stays; to look through it again and again would copy a fork's memory
    gc.set_threshold(SELDOM)
    with suppress(EOFError, ConnectionError):
        while True:
            function, values = line.recv()
            try:
                result = function(*values)
                if isinstance(result, Generator):
                    with closing(result):  # at once, whatever happens: it may have started other processes
                        for one in result:
                            line.send((one, None))
                    result = END
                line.send((result, None))
            except (OSError, Text2JSONError) as error:
                line.send((None, error))


def first_to_answer(those: Iterable[Other], patient: bool) -> list[Other]:
    """Return those that have an answer; if `patient`, wait until one has."""
    lines = {other.line: other for other in those if other.waiting}
    return [lines[line] for line in _ready(list(lines), patient)] if lines else []


def _ready(lines: list[Any], patient: bool) -> list[Any]:
    if os.name == "posix":
        from text2json.forking import ready

        return ready(lines, patient)
    from multiprocessing.connection import wait

    return wait(lines, None if patient else 0)
