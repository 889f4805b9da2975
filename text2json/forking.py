"""Processes forked from this one, and lines to them, with nothing to import first.

`multiprocessing` has both, but takes as long to import as a dozen documents take to be made.
"""

from __future__ import annotations

import os
import pickle
import select
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, NoReturn

SIZE = 8
"""Bytes that say how long what follows is."""


class Line:
    """One end of a line between two processes, for whatever can be pickled."""

    def __init__(self, reads: int, writes: int) -> None:
        self._reads, self._writes = reads, writes

    def send(self, what: object) -> None:
        """Send something.

        Raises:
            OSError: the other end is no more.
        """
        data = pickle.dumps(what, protocol=5)
        rest = memoryview(len(data).to_bytes(SIZE, "little") + data)
        while rest:
            rest = rest[os.write(self._writes, rest) :]

    def recv(self) -> Any:
        """Wait for what the other end sent, and return it.

        Raises:
            EOFError: the other end is no more.
        """
        return pickle.loads(self._read(int.from_bytes(self._read(SIZE), "little")))

    def _read(self, size: int) -> bytes:
        parts = []
        while size:
            part = os.read(self._reads, size)
            if not part:
                raise EOFError
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def fileno(self) -> int:
        """Return the handle that can be read from once something came."""
        return self._reads

    def close(self) -> None:
        """Hang up."""
        os.close(self._reads)
        os.close(self._writes)


def pair() -> tuple[Line, Line]:
    """Return both ends of a line."""
    (here, there), (back, forth) = os.pipe(), os.pipe()
    return Line(here, forth), Line(back, there)


def ready(lines: Sequence[Line], patient: bool) -> list[Line]:
    """Return the lines over which something came, or that hung up; if `patient`, wait until there is one."""
    waiting = {line.fileno(): line for line in lines}
    poll = select.poll()
    for handle in waiting:
        poll.register(handle, select.POLLIN)
    return [waiting[handle] for handle, _ in poll.poll(None if patient else 0)]


class Forked:
    """A process that calls a function and ends; it begins with all that this one holds."""

    def __init__(self, function: Callable[..., None], *values: object) -> None:
        for stream in (sys.stdout, sys.stderr):  # what waits there would be written twice
            with suppress(AttributeError, ValueError):
                stream.flush()
        self._alive, held = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            _call(function, values)
        os.close(held)

    def terminate(self) -> None:
        """Tell it to end."""
        os.kill(self.pid, signal.SIGTERM)  # until `join` the number stays its own

    def join(self) -> None:
        """Wait until it is no more, and none that it forked: they hold the other end of a pipe too."""
        os.read(self._alive, 1)
        os.close(self._alive)
        os.waitpid(self.pid, 0)


def _call(function: Callable[..., None], values: Sequence[object]) -> NoReturn:
    """Call a function and end, past all that this process was about to do before it was forked."""
    status = 1
    try:
        function(*values)
        status = 0
    except SystemExit:
        status = 0
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        with suppress(AttributeError, OSError, ValueError):
            sys.stderr.flush()
        os._exit(status)
