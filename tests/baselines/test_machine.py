from __future__ import annotations

from pathlib import Path

import pytest
import torch

from text2json.baselines import machine
from text2json.baselines.kernels import library


def test_memory_and_versions_are_known_here() -> None:
    assert machine.versions()["torch"] == torch.__version__
    found = machine.hardware()
    assert found["cores"] >= 1
    assert found["memory_gib"] >= 1
    assert found["kernels"] in ("torch", *library.LEVELS)


@pytest.mark.skipif(not machine.CLEAR.exists(), reason="the system cannot measure a peak anew")
def test_the_peak_is_that_since_it_was_reset() -> None:
    block = torch.ones(2**26)  # 256 MiB
    high = machine.peak_rss_bytes()
    del block
    machine.reset_peak()
    low = machine.peak_rss_bytes()
    assert low < high - 2**27
    block = torch.ones(2**25)
    assert machine.peak_rss_bytes() >= low + 2**26
    assert block.nbytes == 2**27


def test_where_the_system_gives_no_status_the_whole_process_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "STATUS", tmp_path / "none")
    monkeypatch.setattr(machine, "CLEAR", tmp_path / "no folder" / "none")
    machine.reset_peak()
    assert machine.peak_rss_bytes() > 2**24


def test_free_memory_is_unknown_on_other_devices() -> None:
    assert machine.free_bytes(torch.device("meta")) is None
