from __future__ import annotations

import json
from pathlib import Path

import pytest

from text2json.cli import main
from text2json.generators.knobs import configurations
from text2json.manifest import frozen, versions


def test_every_configuration_and_version_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["datasets"]) == 0
    out = capsys.readouterr().out
    assert all(name in out for name in configurations())
    assert all(f"version {version}" in out for version in versions())
    assert main(["datasets", "--format", "json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert set(listed["configurations"]) == set(configurations())


def test_generate_speaks_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = str(tmp_path / "d")
    assert main(["generate", "short", "--samples", "2", "--out", out, "--set", "records=2-3", "--set", "noise=9"]) == 0
    assert "2 samples of short/test, sha256 " in capsys.readouterr().out
    assert main(["generate", "short", "--samples", "2", "--out", out]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert main(["generate", "shrt", "--out", str(tmp_path / "e")]) == 2
    assert "did you mean 'short'" in capsys.readouterr().err


def test_the_first_frozen_version_is_shipped() -> None:
    assert "1.0.0" in versions()
    assert set(frozen("1.0.0").configs) == {"short", "paper", "nested", "long", "intensity", "curated"}
