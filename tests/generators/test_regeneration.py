"""The same bytes from other Pythons and other releases of Faker: each in an environment of its own."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from itertools import islice
from pathlib import Path

import pytest

from text2json.generators import generate
from text2json.schemas.canonical import canonical_json
from text2json.tasks import parse_task

ROOT = Path(__file__).parents[2]
PLAN = {"short": 40, "paper": 4, "nested": 24, "curated": 8, "demo": 20}
TASKS = [f"{name}:samples=4" for name in ("needles", "html-to-tsv", "multi-query", "variable-tracking", "common-words",
                                          "frequent-words")]  # fmt: skip
SCRIPT = f"""
import hashlib
from text2json.generators import generate
from text2json.schemas.canonical import canonical_json
from text2json.tasks import parse_task
digest = hashlib.sha256()
for config, samples in {PLAN!r}.items():
    for sample in generate(config, samples=samples):
        digest.update(canonical_json(sample.to_dict()).encode() + b"\\n")
for spec in {TASKS!r}:
    for sample in parse_task(spec).load():
        digest.update(canonical_json(sample.to_dict()).encode() + b"\\n")
print(digest.hexdigest())
"""
OTHERS = [("3.10", "20.0.0"), ("3.12", "30.0.0"), ("3.13", "40.1.0")]


def interpreter(version: str) -> str | None:
    """Return the path of a Python of that version, from the search path or from pyenv."""
    found = shutil.which(f"python{version}")
    works = found and subprocess.run([found, "-c", "import venv"], capture_output=True).returncode == 0
    if works:
        return found
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    return next((str(path) for path in sorted(root.glob(f"{version}.*/bin/python"))), None)


def here() -> str:
    digest = hashlib.sha256()
    for config, samples in PLAN.items():
        for sample in islice(generate(config), samples):
            digest.update(canonical_json(sample.to_dict()).encode() + b"\n")
    for spec in TASKS:
        for sample in parse_task(spec).load():
            digest.update(canonical_json(sample.to_dict()).encode() + b"\n")
    return digest.hexdigest()


@pytest.mark.slow
@pytest.mark.parametrize(("python", "faker"), OTHERS)
def test_other_pythons_and_fakers_give_the_same_bytes(python: str, faker: str, tmp_path: Path) -> None:
    program = interpreter(python)
    if program is None:
        pytest.skip(f"no Python {python} here")
    subprocess.run([program, "-m", "venv", str(tmp_path / "venv")], check=True)
    inside = str(tmp_path / "venv" / "bin" / "python")
    wanted = [f"faker=={faker}", "pydantic>=2.7,<3", "tomli>=2"]
    installed = subprocess.run([inside, "-m", "pip", "install", "-q", *wanted], capture_output=True, text=True)
    if installed.returncode:
        pytest.skip(f"cannot be installed: {installed.stderr.strip().splitlines()[-1]}")
    made = subprocess.run(
        [inside, "-c", SCRIPT], cwd=ROOT, capture_output=True, text=True, env={**os.environ, "PYTHONHASHSEED": "7"}
    )
    assert made.stdout.strip() == here(), made.stderr
