"""`text2json tasks`: list the tasks, or write the samples of one of them."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from text2json.tasks.task import Task

FIRST = 50
"""Samples that are looked at for a task's context intensity."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("task", metavar="TASK", nargs="?",
                        help="name with options, as in needles:needles=16; without it, all are listed")  # fmt: skip
    parser.add_argument("--format", choices=["text", "json"], default="text", help="of the list (default: text)")
    parser.add_argument("--intensity", action="store_true",
                        help="count the evidence places that the first samples' answers need")  # fmt: skip
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the task's samples as JSONL")
    parser.add_argument("--data", help="where a published task's files are: folder, file or Hub id (ORG/NAME[@REV])")


def run(args: argparse.Namespace) -> int:
    """Print the list, a table, or the name of the file that was written."""
    from text2json.console import line
    from text2json.errors import SpecError
    from text2json.exporting import export_jsonl
    from text2json.schemas.sample import Sample
    from text2json.tasks import TASKS, parse_task

    if args.task is None and (args.out is not None or args.data is not None):
        raise SpecError("samples of which task?", remedy="name a task before --out or --data")
    tasks = [parse_task(spec) for spec in ([args.task] if args.task is not None else TASKS)]
    if args.out is not None:
        count = export_jsonl(tasks[0].load(args.data), args.out, row=Sample.to_dict)
        line(f"{args.out}: {count} samples of {tasks[0].spec}")
        return 0
    if args.intensity:
        line(intensity_table(tasks, args.data))
        return 0
    if args.format == "json":
        import json

        line(json.dumps([described(task) for task in tasks], indent=2))
        return 0
    for task in tasks:
        about = described(task)
        line(f"{task.name:<18} {about['summary']}")
        line(f"{'':<18} {about['spec']}")
        line(f"{'':<18} score: {about['metric']}; at most {about['max_new_tokens']} new tokens")
        line(f"{'':<18} {about['source']}; samples: {about['licence']}\n")
    line("A spec sets options, as in needles:needles=32,length=100000; lengths are characters of the prompt, about.")
    return 0


def intensity_table(tasks: Sequence[Task], data: str | None) -> str:
    """Return a table of context intensity; of all tasks, only those that need no data."""
    from itertools import islice
    from statistics import fmean

    from text2json.console import table
    from text2json.metrics.intensity import CLASSES, intensity

    rows = []
    for task in tasks if len(tasks) == 1 else [task for task in tasks if task.made_here]:
        samples = list(islice(task.load(data), FIRST))
        found = [intensity(sample) for sample in samples]
        gaps = [place.gap for place in found if place.gap is not None]
        counts = [str(sum(place.group == name for place in found)) for name in CLASSES]
        rows.append([task.name, f"{fmean(len(sample.problem) for sample in samples):.0f}",
                     f"{fmean(place.places for place in found):.1f}", f"{fmean(gaps):.0f}" if gaps else "-",
                     *counts])  # fmt: skip
    return table(["task", "characters", "places", "gap", *CLASSES], rows)


def described(task: Task) -> dict[str, str | int]:
    """Return what the list says of a task."""
    return {
        "name": task.name,
        "spec": task.spec,
        "summary": task.summary,
        "metric": task.metric,
        "max_new_tokens": task.max_new_tokens,
        "source": task.source,
        "licence": task.licence,
    }
