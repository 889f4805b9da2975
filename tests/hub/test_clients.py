"""The oldest line of huggingface_hub that is supported: its client is another one, over another HTTP library."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SUITE = ["tests/hub/test_server.py", "tests/text2json/test_publishing.py",
         "tests/text2json/leaderboard/test_submission.py", "tests/text2json/leaderboard/test_source.py",
         "tests/text2json/leaderboard/test_pull_requests.py"]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("wanted", ["huggingface_hub==1.31.0", "huggingface_hub>=1,<2"])
def test_everything_on_the_hub_works_with_huggingface_hub_1(wanted: str, tmp_path: Path) -> None:
    """A folder before the installed packages stands for an environment of its own."""
    folder = tmp_path / "packages"
    install = [sys.executable, "-m", "pip", "install", "-q", "--target", str(folder), wanted]
    subprocess.run(install, check=True, capture_output=True)
    env = {**os.environ, "PYTHONPATH": f"{folder}{os.pathsep}{ROOT}"}
    code = "import huggingface_hub as h; print(h.__version__[0], type(h.get_session()).__module__.split('.')[0])"
    found = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert found.stdout.split() == ["1", "httpx"]
    done = subprocess.run([sys.executable, "-m", "pytest", "-q", *SUITE], cwd=ROOT, env=env, capture_output=True,
                          text=True, check=False)  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:]
    assert "passed" in done.stdout
