from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("atheris", reason="pip install 'text2json[slow]'")

SECONDS = 60


@pytest.mark.slow
def test_no_input_that_the_fuzzer_finds_breaks_the_scorer(tmp_path: Path) -> None:
    program = Path(__file__).with_name("fuzz.py")
    done = subprocess.run(
        [sys.executable, str(program), str(SECONDS)],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "TMPDIR": str(tmp_path)},
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=10 * SECONDS,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    figures = json.loads(done.stdout.splitlines()[-1])
    sys.stdout.write(f"{figures}\n")
    assert figures["broken"] == {}
    assert figures["inputs"] > 1_000
