"""Folders are whole or not there: whatever goes wrong, nothing half-written stands under its final name."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from text2json import writing
from text2json.data import iter_samples
from text2json.errors import CheckFailed, DataError, SpecError
from text2json.manifest import MANIFEST, Entry, Manifest, inputs
from text2json.writing import import_samples, write_dataset


def test_the_bytes_do_not_depend_on_the_number_of_workers(tmp_path: Path) -> None:
    one = write_dataset("short", tmp_path / "one", samples=130)
    two = write_dataset("short", tmp_path / "two", samples=130, workers=2)
    assert one == two
    assert list(iter_samples(tmp_path / "one")) == list(iter_samples(tmp_path / "two"))
    files = [(tmp_path / name / "short" / "test.parquet").read_bytes() for name in ("one", "two")]
    assert files[0] == files[1], "Parquet too, under one release of its library"


def test_the_manifest_says_what_was_made(tmp_path: Path) -> None:
    made = write_dataset("nested", tmp_path / "d", samples=5, seed=3, knobs={"records": (2, 2)})
    assert made == json.loads((tmp_path / "d" / MANIFEST).read_text())
    entry = made["configs"]["nested"]["test"]
    assert (entry["samples"], entry["seed"], entry["knobs"]) == (5, 3, {"records": [2, 2]})
    assert made["inputs"] == inputs()


def test_a_live_locale_is_stamped(tmp_path: Path) -> None:
    pytest.importorskip("faker")
    made = write_dataset("short", tmp_path / "d", samples=4, knobs={"locale": "fr_FR"})
    assert "faker" in made["made_with"]
    assert made["configs"]["short"]["test"]["knobs"] == {"locale": "fr_FR"}


def test_a_folder_that_is_not_empty_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    with pytest.raises(DataError, match="not empty"):
        write_dataset("short", tmp_path, samples=1)
    with pytest.raises(DataError, match="not empty"):
        write_dataset("short", tmp_path / "mine", samples=1)
    assert (tmp_path / "mine").read_text() == "mine"


def test_an_empty_folder_may_be_used(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    write_dataset("short", tmp_path / "empty", samples=1)
    assert len(list(iter_samples(tmp_path / "empty"))) == 1


def test_a_full_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: Any, **kwargs: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(writing, "_write_parquet", full)
    with pytest.raises(DataError, match="No space left on device"):
        write_dataset("short", tmp_path / "d", samples=3)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_really_full_device_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = writing._write_parquet
    monkeypatch.setattr(writing, "_write_parquet", lambda file, *rest: real(_full(file), *rest))
    with pytest.raises(DataError, match="cannot be written"):
        write_dataset("short", tmp_path / "d", samples=3)
    assert list(tmp_path.iterdir()) == []


def _full(file: Path) -> Path:
    file.parent.mkdir(parents=True)
    file.symlink_to("/dev/full")
    return file


def test_impossible_wishes_show_before_any_file(tmp_path: Path) -> None:
    for wish in ({"samples": 0}, {"knobs": {"records": (50, 60), "length": (500, 600)}}, {"split": "tset"},
                 {"version": "0.0.0"}):  # fmt: skip
        with pytest.raises(SpecError):
            write_dataset("short", tmp_path / "d", **wish)
    with pytest.raises(SpecError, match="no configuration"):
        write_dataset("shrt", tmp_path / "d")
    assert list(tmp_path.iterdir()) == []


def test_documents_that_are_not_the_versions_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from text2json import manifest

    changed = {**inputs(), "generators/bits.py": "0" * 64}
    frozen = Manifest(version="9.9.9", inputs=changed,
                      configs={"short": {"test": Entry(samples=3, seed=0, sha256="f" * 64)}})  # fmt: skip
    (tmp_path / "versions").mkdir()
    (tmp_path / "versions" / "9.9.9.json").write_text(frozen.text())
    monkeypatch.setattr(manifest, "VERSIONS", tmp_path / "versions")
    with pytest.raises(CheckFailed, match=r"not that of version 9\.9\.9.*generators/bits\.py differs"):
        write_dataset("short", tmp_path / "d", version="9.9.9")
    with pytest.raises(SpecError, match="is frozen: 3 samples, seed 0"):
        write_dataset("short", tmp_path / "d", version="9.9.9", samples=4)
    with pytest.raises(SpecError, match="has no configuration 'paper'"):
        write_dataset("paper", tmp_path / "d", version="9.9.9")
    assert not (tmp_path / "d").exists()


@pytest.mark.skipif(os.name != "posix", reason="sends a signal")
@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_killed_run_leaves_no_folder_under_its_name(workers: str, tmp_path: Path) -> None:
    out = str(tmp_path / "d")
    command = [sys.executable, "-m", "text2json", "generate", "short", "--samples", "100000", "--workers", workers]
    process = subprocess.Popen([*command, "--out", out], start_new_session=True)
    deadline = time.monotonic() + 30
    while not list(tmp_path.glob(".d-*/short/test.parquet")) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert list(tmp_path.glob(".d-*"))
    assert not (tmp_path / "d").exists()
    with contextlib.suppress(ProcessLookupError):  # until its workers have noticed and ended
        while time.monotonic() < deadline + 10:
            os.killpg(process.pid, 0)
            time.sleep(0.05)
    write_dataset("short", tmp_path / "d", samples=2)
    assert len(list(iter_samples(tmp_path / "d"))) == 2
    assert [left.name for left in tmp_path.iterdir()] == ["d"], "the next run removed what the killed one left"


@pytest.mark.skipif(os.name != "posix", reason="sends a signal to a group of processes")
@pytest.mark.parametrize("workers", ["1", "2"])
def test_the_interrupt_key_leaves_nothing(workers: str, tmp_path: Path) -> None:
    words = ["generate", "short", "--samples", "100000", "--workers", workers, "--out", str(tmp_path / "d")]
    code = "import signal, sys; from text2json.cli import main; "
    code += "signal.signal(signal.SIGINT, signal.default_int_handler); "  # jobs in the background inherit a deaf ear
    command = [sys.executable, "-c", code + "sys.exit(main(sys.argv[1:]))", *words]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True) as run:
        deadline = time.monotonic() + 30
        while not list(tmp_path.glob(".d-*/short/test.parquet")) and time.monotonic() < deadline:
            time.sleep(0.05)
        os.killpg(run.pid, signal.SIGINT)
        _, said = run.communicate(timeout=30)
    assert (run.returncode, said) == (130, "text2json generate: interrupted\n")
    assert list(tmp_path.iterdir()) == []


LIMIT = 300_000


@pytest.mark.skipif(os.name != "posix", reason="sets a limit on file sizes")
@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_file_system_that_takes_no_more_is_reported_by_the_command(workers: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "text2json", "generate", "paper", "--samples", "60", "--workers", workers]
    code = f"import os,resource,signal,sys; resource.setrlimit(resource.RLIMIT_FSIZE, ({LIMIT}, {LIMIT})); "
    code += "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); os.execvp(sys.argv[1], sys.argv[1:])"
    command = [sys.executable, "-c", code, *command, "--out", str(tmp_path / "d")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2, done.stderr
    assert done.stderr.count("\n") == 1
    assert f"{tmp_path / 'd'}: cannot be written: " in done.stderr
    assert "File too large (free some space, or choose another place)" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_samples_from_elsewhere_become_a_folder(tmp_path: Path) -> None:
    write_dataset("short", tmp_path / "d", samples=3)
    entry = import_samples(iter_samples(tmp_path / "d"), tmp_path / "e", "mine")
    assert entry.samples == 3
    assert list(iter_samples(f"{tmp_path / 'e'}:mine")) == list(iter_samples(tmp_path / "d"))
