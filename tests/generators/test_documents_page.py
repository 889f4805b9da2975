"""The page on documents names every knob, and its commands and its Python work."""

from __future__ import annotations

import re
import shlex
from dataclasses import fields
from pathlib import Path

import pytest

from text2json.cli import main
from text2json.generators.knobs import Knobs

PAGE = (Path(__file__).parents[2] / "docs" / "documents.md").read_text(encoding="utf-8")


def test_every_knob_has_its_line() -> None:
    told = {name for row in re.findall(r"^\| (`.*?) \|", PAGE, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)}
    own = {"about", "maker", "samples", "locale"}  # not settings of documents, or options of the command
    assert told == {field.name for field in fields(Knobs)} - own


@pytest.mark.slow
def test_its_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    (block,) = re.findall(r"^```\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    for line in block.splitlines():
        words = shlex.split(line, comments=True)[1:]
        if "--samples" in words:
            words[words.index("--samples") + 1] = "2"
        assert main(words) == 0, line
    said = capsys.readouterr().out
    assert "c552db1809fee9b52d563e2603303c599bd3928eda87e6e8e3b26a3343156b7e" in said
    assert (tmp_path / "movie.html").is_file()


def test_its_python(capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = re.findall(r"^```python\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    exec(code, {})
    assert len(capsys.readouterr().out.splitlines()) >= 3
