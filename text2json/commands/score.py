"""`text2json score`: score predictions against gold."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, TextIO


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    from text2json.commands import scoring_options, task_scoring

    parser.add_argument("predictions", metavar="PREDICTIONS", type=Path,
                        help="JSONL with `id` and `output`, or a run folder")  # fmt: skip
    parser.add_argument("--data", help="folder, JSONL file or Hub id (ORG/NAME[@REV][:CONFIG])")
    parser.add_argument("--format", choices=["text", "json"], default="text", help="of the report (default: text)")
    parser.add_argument("--details", type=Path, metavar="FILE", help="write each sample's verdicts as JSONL")
    parser.add_argument("--html", type=Path, metavar="FILE",
                        help="write a page with document, gold and prediction side by side")  # fmt: skip
    scoring_options.add_arguments(parser)
    task_scoring.add_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Print the report."""
    import contextlib
    import json

    from text2json.commands import scoring_options, task_scoring
    from text2json.commands.arguments import check_target
    from text2json.console import line
    from text2json.data import iter_samples
    from text2json.drafts import whole_file
    from text2json.errors import SpecError
    from text2json.metrics.predictions import read_predictions
    from text2json.metrics.scoring import score
    from text2json.tasks.answered import answered

    task_scoring.complete(args)
    if args.html is not None and args.html == args.details:
        raise SpecError("--html and --details name one file", remedy="name two")
    for target in (args.details, args.html):
        check_target(target, args.predictions, args.data, args.judgements)
    if args.task is not None:
        return task_scoring.run(args)
    if args.data is None:
        raise SpecError("no data", remedy="give --data, or --task with a task of `text2json tasks`")
    outputs = read_predictions(args.predictions)
    with contextlib.ExitStack() as stack:  # what cannot be written shows before the scoring
        page = None if args.html is None else stack.enter_context(whole_file(args.html))
        place = None if args.details is None else stack.enter_context(whole_file(args.details))
        details = None if place is None else stack.enter_context(place.open("w", encoding="utf-8"))
        report = score(
            outputs,
            answered(iter_samples(args.data), args.predictions, outputs, args.limit),
            data_name=scoring_options.data_name(args),
            keep_verdicts=page is not None or details is not None,
            on_sample=None if details is None else lambda one: write_line(details, one.to_dict()),
            **scoring_options.options(args),
        )
        if page is not None:
            from text2json.score_page import worst, write_page

            write_page(page, report, worst(report.details), iter_samples(args.data), outputs)
    line(json.dumps(report.to_dict(), indent=2) if args.format == "json" else str(report))
    return 0


def write_line(lines: TextIO, value: dict[str, Any]) -> None:
    """Write one JSON line."""
    import json

    lines.write(json.dumps(value) + "\n")
