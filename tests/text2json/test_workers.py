"""Several processes give what one gives, in order, and fail as one would."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from text2json import processes, workers
from text2json.batches import Part, jobs, make
from text2json.errors import SpecError, Text2JSONError
from text2json.workers import making

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


@needs_proc
def test_one_worker_is_this_process(tmp_path: Path) -> None:
    with making(jobs(PART)[:2], 1, tmp_path / "none") as batches:
        assert crew() == []
        assert len(list(batches)) == 2


def crew() -> list[int]:
    """Return the processes that work for this one, forked or spawned."""
    found = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()
    return [int(pid) for pid in found if b"resource_tracker" not in Path(f"/proc/{pid}/cmdline").read_bytes()]


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.fixture
def no_head_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let others begin at once."""
    monkeypatch.setattr(workers, "ALONE", 0)


@needs_proc
def test_no_more_processes_than_jobs(tmp_path: Path, no_head_start: None) -> None:
    with making(jobs(PART)[:3], 9, tmp_path) as batches:
        assert len(crew()) == 3
        others = crew()
        assert len(list(batches)) == 3
    assert not any(map(alive, others))


@needs_proc
def test_what_is_made_before_others_could_begin_needs_no_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "one_thread", lambda: True)
    monkeypatch.setattr(workers, "ALONE", 60)
    with making(jobs(PART)[:2], 2, tmp_path) as batches:
        assert crew() == []
        assert list(batches) == [make(job) for job in jobs(PART)[:2]]


@needs_proc
def test_nobody_is_left_when_the_caller_gives_up(tmp_path: Path) -> None:
    with making(jobs(Part("short", "test", 5000, 0, {})), 3, tmp_path):
        others = crew()
        assert len(others) == 2
    assert not any(map(alive, others))


@needs_proc
def test_a_process_with_threads_has_spawned_workers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (workers, processes):
        monkeypatch.setattr(module, "one_thread", lambda: False)
    wanted = jobs(PART)
    with making(wanted, 2, tmp_path) as batches:
        assert len(crew()) == 1
        found = list(batches)
    assert found == [make(job) for job in wanted]
    assert crew() == []


def test_a_failure_in_a_worker_is_the_callers(tmp_path: Path, no_head_start: None) -> None:
    impossible = jobs(Part("short", "test", 60, 0, {"records": (60, 60), "length": (500, 600)}))
    with making(impossible, 2, tmp_path) as batches, pytest.raises(SpecError, match="do not fit into 600 characters"):
        list(batches)
    with making(jobs(PART), 2, tmp_path / "none") as batches, pytest.raises(OSError, match="No such file"):
        list(batches)


@needs_proc
@pytest.mark.parametrize("place", [0, 1])
def test_a_killed_worker_is_told(place: int, tmp_path: Path) -> None:
    with making(jobs(Part("short", "test", 5000, 0, {})), 3, tmp_path) as batches:
        others = crew()
        os.kill(others[place], signal.SIGKILL)
        with pytest.raises(Text2JSONError, match="a worker process was killed"):
            list(batches)
    assert not any(map(alive, others))
