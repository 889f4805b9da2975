from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from text2json.shared_library import load


def test_nothing_is_loaded_where_nothing_stands_or_what_stands_is_broken(tmp_path: Path) -> None:
    assert load(tmp_path, "version", 1) is None
    (tmp_path / "compiled.so").write_bytes(b"no library")
    assert load(tmp_path, "version", 1) is None


@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler here")
def test_a_library_of_other_sources_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "seven.c").write_text("int version(void) { return 7; }\n")
    built = ["cc", "-shared", "-fPIC", "-o", str(tmp_path / "compiled.so"), str(tmp_path / "seven.c")]
    subprocess.run(built, check=True)
    found = load(tmp_path, "version", 7)
    assert found is not None
    assert found.version() == 7
    assert load(tmp_path, "version", 8) is None
    assert load(tmp_path, "another", 7) is None
