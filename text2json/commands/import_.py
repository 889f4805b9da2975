"""`text2json import`: turn JSONL of the paper's form into a data folder."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("data", metavar="DATA", help="JSONL of {problem, answer}, or any other data")
    parser.add_argument("--out", required=True, type=Path, help="folder to write; must not hold anything yet")
    parser.add_argument("--config", default="imported", help="what to call the configuration (default: imported)")


def run(args: argparse.Namespace) -> int:
    """Write the folder and say how many samples it holds."""
    from text2json.console import line
    from text2json.data import iter_samples
    from text2json.writing import import_samples

    entry = import_samples(iter_samples(args.data), args.out, args.config)
    line(f"{args.out}: {entry.samples} samples, sha256 {entry.sha256}")
    return 0
