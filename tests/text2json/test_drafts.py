"""What stands under its name is whole; what a killed run left goes away, what a living one holds does not."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from text2json.drafts import remove_leftovers, whole_file, whole_folder
from text2json.errors import DataError


def test_a_folder_appears_whole(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "d"
    with whole_folder(target) as draft:
        (draft / "a").write_text("a")
        assert not target.exists()
        assert draft.parent == target.parent
    assert [file.name for file in target.parent.rglob("*")] == ["d", "a"]
    assert target.stat().st_mode & 0o777 == 0o755


def test_nothing_is_left_after_a_failure(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="Is a directory"), whole_folder(tmp_path / "deep" / "er" / "d") as draft:
        draft.write_text("half")
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_left_of_a_file_after_a_failure(tmp_path: Path) -> None:
    def write() -> None:
        with whole_file(tmp_path / "f") as place:
            place.write_text("half")
            raise KeyError("the other half")

    with pytest.raises(KeyError, match="the other half"):
        write()
    assert list(tmp_path.iterdir()) == []


def test_a_file_appears_whole(tmp_path: Path) -> None:
    with whole_file(tmp_path / "f.jsonl") as place:
        place.write_text("all")
        assert not (tmp_path / "f.jsonl").exists()
    assert [file.name for file in tmp_path.iterdir()] == ["f.jsonl"]
    assert (tmp_path / "f.jsonl").read_text() == "all"


def test_a_link_is_followed_and_a_device_is_written_to(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "f")
    os.mkfifo(tmp_path / "pipe")
    with whole_file(tmp_path / "link") as place:
        place.write_text("all")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "f").read_text() == "all"
    with whole_file(tmp_path / "pipe") as place:
        assert place == tmp_path / "pipe"
    assert not (tmp_path / "pipe").is_file()
    with pytest.raises(DataError, match="is a folder"), whole_file(tmp_path):
        pytest.fail("there is no place to write to")


def test_what_cannot_be_read_meanwhile_is_no_fault_of_the_place(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere"), whole_file(tmp_path / "f"):
        (tmp_path / "nowhere").read_text()
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    wanted = pytest.raises(DataError, match=r"file/d: cannot be written: .*choose another place")
    with wanted, whole_folder(tmp_path / "file" / "d"):
        pytest.fail("there is no place to write to")


HOLD = """
import sys
from pathlib import Path
from text2json.drafts import whole_folder
with whole_folder(Path(sys.argv[1])) as draft:
    (draft / "half").write_text("half")
    print("ready", flush=True)
    sys.stdin.read()
"""


def test_leftovers_go_when_their_run_is_no_more(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "d"
    command = [sys.executable, "-c", HOLD, str(target)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        assert run.stdout.readline() == "ready\n"
        remove_leftovers(target)
        assert len(list(tmp_path.glob(".d-*/half"))) == 1, "the run lives"
        remove_leftovers(tmp_path / "other")
        run.kill()
    assert len(list(tmp_path.glob(".d-*/half"))) == 1, "a killed run cannot tidy up"
    (tmp_path / ".d-mine").mkdir()
    remove_leftovers(target)
    assert [left.name for left in tmp_path.iterdir()] == [".d-mine"], "only drafts are removed"
    assert "left by a run that was killed" in capsys.readouterr().err
