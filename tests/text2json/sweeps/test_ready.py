"""Sweeps that come with the package, on the bundled reader, with two samples each."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from text2json.cli import main


@pytest.mark.slow
@pytest.mark.parametrize(("name", "cells"), [("traffic", 19), ("decomposition", 17), ("tasks", 24)])
def test_it_runs_whole(name: str, cells: int, tmp_path: Path) -> None:
    assert main(["sweep", name, "--limit", "2", "--batch-size", "2", "--out", str(tmp_path)]) == 0
    rows = pq.read_table(tmp_path / "results.parquet").to_pylist()
    assert len(rows) == cells
    assert all(row["samples"] == 2 for row in rows)
    full = [row for row in rows if row["baseline"]]
    assert all(row["device_share"] < 1 for row in rows if not row["baseline"])
    assert max(row["field_f1"] or 0 for row in full) > 0.3
    assert (tmp_path / "index.html").read_text().count("<img") == len(list((tmp_path / "pictures").glob("*.svg")))
