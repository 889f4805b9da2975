from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from text2json import __version__
from text2json.metrics.library import INTERFACE

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[2]
PARTS = ("generators", "schemas", "metrics", "baselines")


def settings() -> dict[str, object]:
    found: dict[str, object] = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    return found


def packages_on_disk() -> set[str]:
    names = set()
    for part in ("text2json", *PARTS):
        for file in (ROOT / part).rglob("*.py"):
            folder = file.parent.relative_to(ROOT)
            linked = folder.parts[0] == "text2json" and len(folder.parts) > 1 and folder.parts[1] in PARTS
            if not linked:
                names.add(".".join(folder.parts if part == "text2json" else ("text2json", *folder.parts)))
    return names


def data_files() -> set[str]:
    tracked = subprocess.run(
        ["git", "ls-files", *PARTS, "text2json"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    files = (Path(line) for line in tracked.stdout.splitlines())
    names = {file for file in files if file.suffix != ".py" and not (ROOT / file).is_symlink()}
    return {str(file if file.parts[0] == "text2json" else "text2json" / file) for file in names}


def test_the_package_list_names_every_package_on_disk() -> None:
    assert set(settings()["packages"]) == packages_on_disk()  # type: ignore[call-overload]


def test_each_import_name_is_also_a_path() -> None:
    for part in PARTS:
        assert (ROOT / "text2json" / part).resolve() == ROOT / part


def source(folder: Path) -> str:
    """Copy what git tracks to a folder of its own: a build beside the sources would find what an earlier one left."""
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    for name in tracked.stdout.rstrip("\0").split("\0"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, folder / name, follow_symlinks=False)
    return str(folder)


@pytest.mark.slow
def test_wheel_and_sdist_hold_every_file_and_nothing_outside_the_package(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "build", "--outdir", str(tmp_path), source(tmp_path / "source")]
    subprocess.run(build, check=True, capture_output=True)
    (file,) = tmp_path.glob(f"text2json-{__version__}-cp310-abi3-*.whl")
    wheel = zipfile.ZipFile(file)
    inside = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert {name.split("/")[0] for name in inside} == {"text2json"}
    assert data_files() <= inside
    with tarfile.open(tmp_path / f"text2json-{__version__}.tar.gz") as sdist:
        packed = {"text2json/" + name.split("/", 1)[1] for name in sdist.getnames() if "/" in name}
    assert {name for name in data_files() if name.split("/")[1] in PARTS} <= packed


@pytest.mark.slow
def test_the_wheel_scores_in_an_environment_without_torch(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "build", "--wheel", "--outdir", str(tmp_path), source(tmp_path / "source")]
    subprocess.run(build, check=True, capture_output=True)
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "venv")], check=True)
    python = tmp_path / "venv" / "bin" / "python"
    (wheel,) = tmp_path.glob("*.whl")
    subprocess.run([str(python), "-m", "pip", "install", "-q", str(wheel)], check=True)
    code = (
        "import text2json, json; from text2json.writing import write_dataset; from pathlib import Path; "
        "write_dataset('demo', Path('documents'), samples=2); data = text2json.load('documents'); "
        "print(text2json.score({row['id']: row['answer'] for row in data}, data).records.f1)"
    )
    done = subprocess.run([str(python), "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "1.0"
    without = subprocess.run(
        [str(python), "-c", "from text2json.baselines import tiered_cache"], capture_output=True, text=True, check=False
    )
    assert "pip install 'text2json[baselines]'" in without.stderr


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler here")
@pytest.mark.parametrize("compiler", ["cc", "/no/such/compiler"])
def test_a_wheel_is_built_with_and_without_a_compiler(compiler: str, tmp_path: Path) -> None:
    """The libraries, where there are any, answer from the wheel itself; without them the wheel holds all else."""
    build = [sys.executable, "-m", "build", "--wheel", "--outdir", str(tmp_path), source(tmp_path / "source")]
    subprocess.run(build, check=True, capture_output=True, env=os.environ | {"CC": compiler})
    (file,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(file) as wheel:
        found = {name for name in wheel.namelist() if name.endswith("/compiled.abi3.so")}
        kernels, reader = (f"text2json/{part}/compiled.abi3.so" for part in ("baselines/kernels", "metrics"))
        assert found == ({kernels, reader} if compiler == "cc" else set())
        assert {"text2json/baselines/kernels/library.py", "text2json/metrics/flat_json.py"} <= set(wheel.namelist())
        if found:
            assert ctypes.CDLL(wheel.extract(kernels, tmp_path)).t2j_level() in (0, 1, 2, 3)
            assert ctypes.CDLL(wheel.extract(reader, tmp_path)).t2j_scorer_interface() == INTERFACE
