"""`text2json score --task`: score predictions by a task's rule."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from text2json.tasks.task import Task


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options that `score` has for tasks."""
    parser.add_argument("--task", metavar="TASK", help="score by this task's rule; --data is then needed for published "
                                                       "tasks only")  # fmt: skip
    add_judge_arguments(parser)


def add_judge_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options that name a judging model."""
    parser.add_argument("--judge", metavar="URL", help="endpoint of a judging model, for tasks that need one; "
                                                       "as in http://localhost:8000/v1")  # fmt: skip
    parser.add_argument("--judge-model", metavar="NAME", help="its name at the endpoint")
    parser.add_argument("--judge-key", metavar="VARIABLE", help="the environment variable that holds its key")
    parser.add_argument("--judgements", type=Path, metavar="FILE",
                        help="JSONL of the judge's replies; what stands in it is not asked again")  # fmt: skip


def complete(args: argparse.Namespace) -> None:
    """Take from a run folder what it answered, where neither a task nor data is named.

    Raises:
        DataError: the folder's `run.json` is missing or broken.
    """
    from text2json.baselines.run_folder import RunFolder

    if args.task is None and args.data is None and args.predictions.is_dir():
        settings = RunFolder(args.predictions).load().settings
        args.task, args.data = settings.task, settings.data or None
        args.limit = settings.samples if args.limit is None else args.limit


def run(args: argparse.Namespace) -> int:
    """Print the report.

    Raises:
        SpecError: an option is for plain data only, or the judge is missing or needless.
    """
    import contextlib
    import json

    from text2json.console import line
    from text2json.drafts import whole_file
    from text2json.errors import SpecError
    from text2json.metrics.predictions import read_predictions
    from text2json.tasks import parse_task
    from text2json.tasks.answered import answered
    from text2json.tasks.report import score_task

    for option in ("html", "repair"):
        if getattr(args, option):
            raise SpecError(f"--{option} is not for tasks", remedy=f"leave out --{option}, or --task")
    task = judged(parse_task(args.task), args)
    outputs = read_predictions(args.predictions)
    samples = answered(task.load(args.data), args.predictions, outputs, args.limit)
    name = ("own" if args.data is None else Path(args.data).name) + (f"[:{args.limit}]" if args.limit else "")
    with contextlib.ExitStack() as stack:  # what cannot be written shows before the scoring
        details = None if args.details is None else stack.enter_context(whole_file(args.details))
        report = score_task(task, outputs, samples, data_name=name)
        if details is not None:
            rows = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in report.rows())
            details.write_text(rows, encoding="utf-8")
    line(json.dumps(report.to_dict(), indent=2) if args.format == "json" else str(report))
    return 0


def judged(task: Task, args: argparse.Namespace) -> Task:
    """Give the task its judge, if it takes one and one is named.

    Raises:
        SpecError: the judge's options do not fit each other or the task.
    """
    from text2json.errors import SpecError
    from text2json.metrics.judge import Judge
    from text2json.tasks.task import JudgedTask

    given = [name for name in ("judge", "judge_model", "judge_key", "judgements") if getattr(args, name) is not None]
    if not given:
        return task
    if not isinstance(task, JudgedTask):
        raise SpecError(f"{task.name} needs no judge", remedy=f"leave out --{given[0].replace('_', '-')}")
    if args.judge is None or args.judge_model is None:
        raise SpecError("half a judge", remedy="give both --judge URL and --judge-model NAME")
    return replace(task, judge=Judge(args.judge, args.judge_model, args.judge_key, args.judgements))
