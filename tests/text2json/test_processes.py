"""Other processes answer in order, fail as this one would, and end with it, however it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from text2json import processes
from text2json.errors import SpecError, Text2JSONError
from text2json.processes import elsewhere, first_to_answer, one_thread, others

needs_fork = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="forks where threads can be counted")


def fail(error: Exception) -> None:
    raise error


@pytest.mark.parametrize("forked", [pytest.param(True, marks=needs_fork), False])
def test_answers_come_in_the_order_of_the_questions(forked: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "one_thread", lambda: forked)
    with others(2) as [one, two]:
        for number in (1, 2, 3):
            one.ask(divmod, 10 * number, 7)
        two.ask(os.getpid)
        assert [one.answer(), one.answer(), one.answer()] == [(1, 3), (2, 6), (4, 2)]
        assert two.answer() not in (os.getpid(), one)
        assert (one.waiting, two.waiting) == (0, 0)


def test_those_that_have_an_answer_are_found() -> None:
    with others(2) as [one, two]:
        assert first_to_answer([one, two], patient=False) == first_to_answer([one, two], patient=True) == []
        one.ask(time.sleep, 60)
        two.ask(abs, -1)
        assert first_to_answer([one, two], patient=True) == [two]


def test_a_failure_is_whoever_askeds_and_the_process_goes_on() -> None:
    with others(1) as [other]:
        for error in (SpecError("no such thing"), FileNotFoundError(2, "No such file")):
            other.ask(fail, error)
            with pytest.raises(type(error), match=r"[Nn]o such"):
                other.answer()
        other.ask(abs, -3)
        assert other.answer() == 3


def test_a_process_that_is_killed_is_told() -> None:
    with others(1) as [other]:
        other.ask(os._exit, 1)
        with pytest.raises(Text2JSONError, match="a worker process was killed"):
            other.answer()


def counting(last: int, failure: bool = False) -> Iterator[tuple[int, int]]:
    for number in range(last):
        yield number, os.getpid()
    if failure:
        raise SpecError("no more")


def test_a_generator_runs_elsewhere() -> None:
    with elsewhere(counting, 3) as found:
        numbers, pids = zip(*found, strict=True)
    assert numbers == (0, 1, 2)
    assert len({*pids, os.getpid()}) == 2
    with elsewhere(counting, 1, True) as found:
        assert next(found)[0] == 0
        with pytest.raises(SpecError, match="no more"):
            next(found)


def with_helper(last: int) -> Iterator[int]:
    """Yield the process that works for this one, again and again."""
    with others(1) as [other]:
        other.ask(os.getpid)
        helper = other.answer()
        for _ in range(last):
            yield helper


@needs_fork
def test_what_a_process_forked_is_gone_with_it() -> None:
    with elsewhere(with_helper, 10**6) as found:
        helper = next(found)
        assert Path(f"/proc/{helper}").exists()
    wait_until_gone(helper)


RUN = """
import sys, time
sys.path.insert(0, sys.argv[1])
from test_processes import with_helper
from text2json.processes import elsewhere
if __name__ == "__main__":
    with elsewhere(with_helper, 10**9) as found:
        print(next(found), flush=True)
        time.sleep(60)
"""


@needs_fork
def test_processes_end_with_whoever_started_them_however_it_ends() -> None:
    command = [sys.executable, "-c", RUN, str(Path(__file__).parent)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as asking:
        assert asking.stdout is not None
        helper = int(asking.stdout.readline())
        children = Path(f"/proc/{asking.pid}/task/{asking.pid}/children").read_text().split()
        assert len(children) == 1
        asking.send_signal(signal.SIGKILL)
    wait_until_gone(helper)
    wait_until_gone(int(children[0]))


def wait_until_gone(pid: int) -> None:
    """Wait until a process runs no more; whose it was may be slow to take notice."""
    deadline = time.monotonic() + 20
    stat = Path(f"/proc/{pid}/stat")
    while stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z":
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_process_with_threads_is_never_forked() -> None:
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait)
    thread.start()
    try:
        assert not one_thread()
    finally:
        stop.set()
        thread.join()
