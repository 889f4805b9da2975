"""Kinds of arguments that several subcommands share."""

from __future__ import annotations

import argparse
from pathlib import Path

from text2json.errors import DataError

READ = ("run.json", "predictions.jsonl", "measurements.jsonl", "manifest.json", "*/*.parquet")
"""What is read of a folder."""


def positive(text: str) -> int:
    """Parse a whole number of at least 1."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is below 1")
    return number


def check_target(target: Path | None, *inputs: str | Path | None) -> None:
    """Refuse to write to a file that is read: one of `inputs`, or of a folder among them.

    Raises:
        DataError: `target` is such a file.
    """
    if target is None or not target.exists():
        return
    for given in (str(one) for one in inputs if one is not None):
        for place in (Path(given), Path(given.rpartition(":")[0] or given)):  # FOLDER, or FOLDER:CONFIG
            files = [place, *(file for name in READ for file in place.glob(name))]
            if any(file.is_file() and file.samefile(target) for file in files):
                raise DataError("is read, and would be overwritten", file=target, remedy="name another file")
