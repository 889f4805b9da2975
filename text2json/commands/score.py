"""`text2json score`: score predictions against gold."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("predictions", metavar="PREDICTIONS", type=Path,
                        help="JSONL with `id` and `output`, or a run folder")  # fmt: skip
    parser.add_argument("--data", required=True, help="folder, JSONL file or Hub id (ORG/NAME[@REV][:CONFIG])")
    parser.add_argument("--format", choices=["text", "json"], default="text", help="of the report (default: text)")
    parser.add_argument("--details", type=Path, metavar="FILE", help="write each sample's verdicts as JSONL")
    parser.add_argument("--limit", type=int, help="score against the first N samples only, as `run --limit` answered")


def run(args: argparse.Namespace) -> int:
    """Print the report."""
    import itertools
    import json

    from text2json.console import line
    from text2json.data import iter_samples
    from text2json.metrics.predictions import read_predictions
    from text2json.metrics.scoring import score

    outputs = read_predictions(args.predictions)
    samples = itertools.islice(iter_samples(args.data), args.limit)
    name = Path(args.data).name + (f"[:{args.limit}]" if args.limit else "")
    report = score(outputs, samples, data_name=name)
    if args.details is not None:
        write_details(args.details, report.details)
    line(json.dumps(report.to_dict(), indent=2) if args.format == "json" else str(report))
    return 0


def write_details(file: Path, details: list) -> None:  # type: ignore[type-arg]
    """Write one JSON line a sample."""
    import json
    from dataclasses import asdict

    with file.open("w", encoding="utf-8") as lines:
        for sample in details:
            lines.write(json.dumps(asdict(sample), ensure_ascii=False) + "\n")
