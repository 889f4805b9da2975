"""Several processes give what one gives, in order, and fail as one would."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from text2json import workers
from text2json.batches import Part, jobs, make
from text2json.errors import SpecError, Text2JSONError
from text2json.workers import making, one_thread

needs_proc = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks processes up in /proc")
PART = Part("short", "test", 600, 0, {})
"""Twelve jobs."""


@pytest.mark.parametrize("count", [2, 3])
def test_batches_come_in_order_and_leave_no_file(count: int, tmp_path: Path) -> None:
    wanted = jobs(PART)
    with making(wanted, count, tmp_path) as batches:
        found = list(batches)
    assert found == [make(job) for job in wanted]
    assert list(tmp_path.iterdir()) == []


def test_one_worker_is_this_process(tmp_path: Path) -> None:
    with making(jobs(PART)[:2], 1, tmp_path / "none") as batches:
        assert multiprocessing.active_children() == []
        assert len(list(batches)) == 2


def crew() -> list[int]:
    """Return the processes that work for this one, forked or spawned."""
    children = [child.pid for child in multiprocessing.active_children() if child.pid is not None]
    return list(dict.fromkeys([*children, *(pid for child in children for pid in group(child))]))


def group(leader: int) -> list[int]:
    """Return the living processes of a group."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        with suppress(FileNotFoundError, ProcessLookupError):  # others come and go meanwhile
            if os.getpgid(int(place.name)) == leader and alive(int(place.name)):
                found.append(int(place.name))
    return found


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@needs_proc
def test_no_more_processes_than_jobs(tmp_path: Path) -> None:
    with making(jobs(PART)[:2], 9, tmp_path) as batches:
        wait_until(lambda: len(crew()) == 2)
        time.sleep(0.1)
        others = crew()
        assert len(others) == 2
        assert len(list(batches)) == 2
    assert multiprocessing.active_children() == []
    wait_until(lambda: not any(map(alive, others)))


@needs_proc
def test_nobody_is_left_when_the_caller_gives_up(tmp_path: Path) -> None:
    with making(jobs(Part("short", "test", 5000, 0, {})), 3, tmp_path):
        wait_until(lambda: len(crew()) == 3)
        others = crew()
    wait_until(lambda: not any(map(alive, others)))


def test_a_process_with_threads_has_spawned_workers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "one_thread", lambda: False)
    wanted = jobs(PART)[:4]
    with making(wanted, 2, tmp_path) as batches:
        assert len(multiprocessing.active_children()) == 2
        found = list(batches)
    assert found == [make(job) for job in wanted]
    assert multiprocessing.active_children() == []


def test_a_failure_in_a_worker_is_the_callers(tmp_path: Path) -> None:
    impossible = jobs(Part("short", "test", 60, 0, {"records": (60, 60), "length": (500, 600)}))
    with making(impossible, 2, tmp_path) as batches, pytest.raises(SpecError, match="do not fit into 600 characters"):
        list(batches)
    with making(jobs(PART), 2, tmp_path / "none") as batches, pytest.raises(OSError, match="No such file"):
        list(batches)


@needs_proc
@pytest.mark.parametrize("place", [0, 1])
def test_a_killed_worker_is_told(place: int, tmp_path: Path) -> None:
    with making(jobs(Part("short", "test", 5000, 0, {})), 2, tmp_path) as batches:
        wait_until(lambda: len(crew()) == 2)
        others = crew()
        os.kill(others[place], signal.SIGKILL)
        with pytest.raises(Text2JSONError, match="a worker process was killed"):
            list(batches)
    wait_until(lambda: not any(map(alive, others)))


CHILDREN = """
import multiprocessing, sys, time
from pathlib import Path
from text2json.batches import Part, jobs
from text2json.workers import making, one_thread
if __name__ == "__main__":
    print(one_thread(), flush=True)
    with making(jobs(Part("short", "test", 5000, 0, {})), 3, Path(sys.argv[1])):
        print(multiprocessing.active_children()[0].pid, flush=True)
        time.sleep(60)
"""


@needs_proc
def test_workers_end_with_their_parent_however_it_ends(tmp_path: Path) -> None:
    command = [sys.executable, "-c", CHILDREN, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "True\n"
        leader = int(parent.stdout.readline())
        wait_until(lambda: len(group(leader)) == 3)
        parent.kill()
    wait_until(lambda: group(leader) == [])


def test_a_process_with_threads_is_never_forked() -> None:
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait)
    thread.start()
    try:
        assert not one_thread()
    finally:
        stop.set()
        thread.join()
