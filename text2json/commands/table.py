"""`text2json table`: put the scores of many runs into one table."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    from text2json.commands.task_scoring import add_judge_arguments

    parser.add_argument("runs", metavar="RUNS", nargs="+", type=Path,
                        help="run folders, or folders that hold some")  # fmt: skip
    parser.add_argument("--format", choices=["text", "json", "csv"], default="text",
                        help="of the table; json and csv have one row a run (default: text)")  # fmt: skip
    add_judge_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Print the table."""
    import csv
    import json
    import sys

    from text2json.commands.task_scoring import judged
    from text2json.console import line, note
    from text2json.tasks.table import find_runs, render, score_runs
    from text2json.tasks.task import JudgedTask, Task

    def prepare(task: Task) -> Task:
        return judged(task, args) if isinstance(task, JudgedTask) else task

    def skip(folder: Path) -> None:
        note(f"{folder}: left out, the run is not finished")

    runs = list(score_runs(find_runs(args.runs), prepare=prepare, skip=skip))
    rows = [one.to_dict() for one in runs]
    if args.format == "json":
        line(json.dumps(rows, indent=2))
    elif args.format == "csv" and rows:
        writer = csv.DictWriter(sys.stdout, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    elif args.format == "text":
        line(render(runs) if runs else "no finished runs")
    return 0
