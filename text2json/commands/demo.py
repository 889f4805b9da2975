"""`text2json demo`: the whole loop on a laptop, in minutes and without any download."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--out", type=Path, default=Path("runs/demo"), help="folder to write (default: runs/demo)")
    parser.add_argument("--samples", type=int, default=32, help="documents to answer (default: 32)")


def run(args: argparse.Namespace) -> int:
    """Generate, run every strategy, score, print the table and write the page."""
    from text2json.demo import run_demo

    run_demo(args.out, args.samples)
    return 0
