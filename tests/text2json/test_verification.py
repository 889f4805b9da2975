from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from text2json.cli import main
from text2json.errors import DataError
from text2json.manifest import MANIFEST
from text2json.verification import verify
from text2json.writing import write_dataset


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_dataset("short", tmp_path / "d", samples=6)
    return tmp_path / "d"


def change(folder: Path, row: int, column: str, value: str) -> None:
    file = folder / "short" / "test.parquet"
    table = pq.read_table(file)
    rows = table.to_pylist()
    rows[row][column] = value
    pq.write_table(type(table).from_pylist(rows, schema=table.schema), file)


def test_a_good_folder_passes(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", str(folder)]) == 0
    assert "short/test: ok, 6 samples" in capsys.readouterr().out


def test_the_first_difference_is_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    change(folder, 4, "answer", "[]")
    assert main(["verify", str(folder)]) == 1
    out = capsys.readouterr().out
    assert "first difference: sample 4 (products-000004), column answer, place 1" in out


def test_a_lost_row_is_named(folder: Path) -> None:
    file = folder / "short" / "test.parquet"
    pq.write_table(pq.read_table(file).slice(0, 5), file)
    (verdict,) = verify(folder)
    assert "5 samples, the manifest says 6" in verdict.problem


def test_a_changed_manifest_is_named(folder: Path) -> None:
    manifest = json.loads((folder / MANIFEST).read_text())
    manifest["configs"]["short"]["test"]["sha256"] = "0" * 64
    (folder / MANIFEST).write_text(json.dumps(manifest))
    (verdict,) = verify(folder)
    assert "so the manifest differs (no input differs)" in verdict.problem


def test_a_lost_or_broken_file_is_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "short" / "test.parquet").write_bytes(b"nothing")
    assert "no Parquet" in verify(folder)[0].problem
    (folder / "short" / "test.parquet").unlink()
    assert main(["verify", str(folder), "--format", "json"]) == 1
    assert json.loads(capsys.readouterr().out)["ok"] is False


def test_a_folder_that_says_it_is_a_version_is_held_to_it(folder: Path) -> None:
    manifest = json.loads((folder / MANIFEST).read_text())
    manifest["version"] = "77.0.0"
    (folder / MANIFEST).write_text(json.dumps(manifest))
    assert "version 77.0.0 is unknown" in verify(folder)[0].problem


def test_no_manifest_and_a_broken_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", str(tmp_path)]) == 2
    assert "no such file" in capsys.readouterr().err
    (tmp_path / MANIFEST).write_text('{"format": "x"}')
    with pytest.raises(DataError, match=r"manifest\.json"):
        verify(tmp_path)
