"""Several processes give what one gives, in order, and fail as one would."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from text2json.batches import Part, jobs, make
from text2json.errors import SpecError, Text2JSONError
from text2json.workers import making, one_thread

PART = Part("short", "test", 600, 0, {})
"""Twelve jobs."""


@pytest.mark.parametrize("workers", [2, 3])
def test_batches_come_in_order_and_leave_no_file(workers: int, tmp_path: Path) -> None:
    wanted = jobs(PART)
    with making(wanted, workers, tmp_path) as batches:
        found = list(batches)
    assert found == [make(job) for job in wanted]
    assert list(tmp_path.iterdir()) == []


def test_no_more_processes_than_jobs(tmp_path: Path) -> None:
    with making(jobs(PART)[:2], 9, tmp_path) as batches:
        assert len(multiprocessing.active_children()) == 1
        assert len(list(batches)) == 2
    assert multiprocessing.active_children() == []


def test_a_failure_in_a_worker_is_the_callers(tmp_path: Path) -> None:
    impossible = jobs(Part("short", "test", 60, 0, {"records": (60, 60), "length": (500, 600)}))
    with making(impossible, 2, tmp_path) as batches, pytest.raises(SpecError, match="do not fit into 600 characters"):
        list(batches)
    with making(jobs(PART), 2, tmp_path / "none") as batches, pytest.raises(OSError, match="No such file"):
        list(batches)


@pytest.mark.skipif(os.name != "posix", reason="sends a signal")
def test_a_killed_worker_is_told(tmp_path: Path) -> None:
    with making(jobs(PART), 2, tmp_path) as batches:
        (child,) = multiprocessing.active_children()
        assert child.pid is not None
        os.kill(child.pid, signal.SIGKILL)
        with pytest.raises(Text2JSONError, match="a worker process was killed"):
            list(batches)


CHILDREN = """
import multiprocessing, os, sys, time
from pathlib import Path
from text2json.batches import Part, jobs
from text2json.workers import making, one_thread
if __name__ == "__main__":
    print(one_thread(), flush=True)
    with making(jobs(Part("short", "test", 5000, 0, {})), 3, Path(sys.argv[1])):
        print(*[child.pid for child in multiprocessing.active_children()], flush=True)
        time.sleep(60)
"""


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks processes up in /proc")
def test_workers_end_with_their_parent_however_it_ends(tmp_path: Path) -> None:
    command = [sys.executable, "-c", CHILDREN, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "True\n"
        children = parent.stdout.readline().split()
        assert len(children) == 2
        parent.kill()
    deadline = time.monotonic() + 20
    while any(_alive(child) for child in children) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(_alive(child) for child in children)


def _alive(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_process_with_threads_is_never_forked() -> None:
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait)
    thread.start()
    try:
        assert not one_thread()
    finally:
        stop.set()
        thread.join()
