"""`text2json export`: write samples as JSONL in the paper's form."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("data", metavar="DATA", help="folder, folder:config, folder:config/split, file or Hub id")
    parser.add_argument("--out", required=True, type=Path, help="the JSONL file to write; must not exist yet")


def run(args: argparse.Namespace) -> int:
    """Write the file and say how many samples it holds."""
    from text2json.console import line
    from text2json.data import iter_samples
    from text2json.exporting import export_jsonl

    count = export_jsonl(iter_samples(args.data), args.out)
    line(f"{args.out}: {count} samples in the paper's form")
    return 0
