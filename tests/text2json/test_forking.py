"""Lines carry anything of any size in order, and a forked process ends for itself, with what it forked."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from text2json.forking import Forked, Line, pair, ready

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")


def echo(line: Line, end: Line) -> None:
    """Send all back until the other end hangs up."""
    end.close()
    try:
        while True:
            line.send(line.recv())
    except EOFError:
        pass


def test_what_is_sent_comes_whole_and_in_order() -> None:
    ours, theirs = pair()
    process = Forked(echo, theirs, ours)
    theirs.close()
    for what in ({"a": [1, None]}, b"", b"x" * 3_000_000, "last"):  # more than a pipe holds
        ours.send(what)
        assert ours.recv() == what
    ours.close()
    process.join()


def test_a_line_that_something_came_over_is_found() -> None:
    (near, far), (other, end) = pair(), pair()
    assert ready([near, other], patient=False) == []
    end.send(1)
    end.send(2)
    assert ready([near, other], patient=True) == [other]
    assert other.recv() == 1
    assert ready([near, other], patient=True) == [other], "the second one waits still"
    assert other.recv() == 2
    assert ready([near, other], patient=False) == []
    far.close()
    assert ready([near, other], patient=True) == [near]
    with pytest.raises(EOFError):
        near.recv()
    with pytest.raises(BrokenPipeError):
        near.send(1)
    for line in (near, other, end):
        line.close()


def test_a_process_is_gone_with_what_it_forked(tmp_path: Path) -> None:
    def late() -> None:
        time.sleep(0.3)
        (tmp_path / "late").touch()

    def early() -> None:
        Forked(late)

    process = Forked(early)
    process.join()
    assert (tmp_path / "late").exists()
    with pytest.raises(ChildProcessError):
        os.waitpid(process.pid, 0)


RUN = """
import atexit, sys
from text2json.forking import Forked
def fail():
    print("said before the end", file=sys.stderr)
    raise KeyError("no such thing")
atexit.register(print, "end")
print("begin")
try:
    for function in (fail, sys.exit):
        process = Forked(function)
        process.join()
finally:
    print("finally")
"""


def test_a_forked_process_does_nothing_of_what_its_parent_would() -> None:
    done = subprocess.run([sys.executable, "-c", RUN], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["begin", "finally", "end"]
    assert done.stderr.startswith("said before the end\n")
    assert done.stderr.endswith("KeyError: 'no such thing'\n")
