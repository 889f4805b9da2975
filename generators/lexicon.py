"""Frozen word lists: one entry a line below a header that says where they come from."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from text2json.generators.splits import only

FOLDER = Path(__file__).parent / "lexicons"


@cache
def load(name: str) -> tuple[str, ...]:
    """Return the entries of `lexicons/<name>.txt`, in the file's order; lines that begin with `#` are its header."""
    lines = (FOLDER / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    return tuple(line for line in lines if line and not line.startswith("#"))


@cache
def part(name: str, split: str) -> tuple[str, ...]:
    """Return the entries of the lexicon `name` that belong to `split`."""
    return only(load(name), split)


@cache
def names() -> tuple[str, ...]:
    """Return the names of all lexicons."""
    return tuple(sorted(file.stem for file in FOLDER.glob("*.txt")))
