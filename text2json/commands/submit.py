"""`text2json submit`: turn finished runs into leaderboard entries and send them."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("runs", metavar="RUN", nargs="+", type=Path, help="run folders, or folders that hold some")
    parser.add_argument("--to", required=True, type=Path, metavar="DIR",
                        help="write the entries below a local folder")  # fmt: skip
    parser.add_argument("--submitter", required=True, metavar="NAME", help="who sends them")
    parser.add_argument("--model", metavar="ORG/NAME[@REV]", help="what the model is called, where it was a folder")
    parser.add_argument("--licence", default="CC-BY-4.0", help="of the predictions (default: %(default)s)")
    parser.add_argument("--notes", default="", help="anything that readers should know")
    parser.add_argument("--date", metavar="YYYY-MM-DD", help="of the entries (default: today, UTC)")
    parser.add_argument("--subset", action="store_true",
                        help="enter a run of the first documents of a configuration as one of its own")  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Write the entries and say where they are."""
    from text2json.console import line
    from text2json.leaderboard.entries import Statement, entry_of, write_entry
    from text2json.schemas.entry import Submitter
    from text2json.tasks.table import find_runs

    statement = Statement(Submitter(name=args.submitter), args.model, args.licence, args.notes, args.date, args.subset)
    for folder in find_runs(args.runs):
        entry = entry_of(folder, statement)
        line(str(write_entry(entry, folder / "predictions.jsonl", args.to)))
    return 0
