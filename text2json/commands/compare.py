"""`text2json compare`: is one run better than another on the same samples?"""

from __future__ import annotations

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    from text2json.commands import scoring_options

    parser.add_argument("run_a", metavar="RUN_A", type=Path, help="run folder or prediction file that is compared with")
    parser.add_argument("run_b", metavar="RUN_B", type=Path, help="run folder or prediction file that is asked about")
    parser.add_argument("--data", required=True, help="folder, JSONL file or Hub id (ORG/NAME[@REV][:CONFIG])")
    parser.add_argument("--format", choices=["text", "json"], default="text", help="of the result (default: text)")
    parser.add_argument("--only-common", action="store_true",
                        help="where the runs answered different samples, compare those that both answered")  # fmt: skip
    parser.add_argument("--most", type=int, default=10, metavar="N", help="list the N samples that changed most")
    scoring_options.add_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Print the comparison."""
    import json

    from text2json.commands import scoring_options
    from text2json.console import line
    from text2json.data import iter_samples
    from text2json.metrics.predictions import read_predictions
    from text2json.metrics.scoring import score
    from text2json.metrics.significance import compare
    from text2json.tasks.answered import answered

    outputs = [(path, read_predictions(path)) for path in (args.run_a, args.run_b)]
    name, options = scoring_options.data_name(args), scoring_options.options(args)
    reports = [
        score(
            one,
            answered(iter_samples(args.data), path, one, args.limit),
            data_name=name,
            keep_verdicts=False,
            **options,
        )
        for path, one in outputs
    ]
    result = compare(*reports, only_common=args.only_common, most=args.most)
    line(json.dumps(result.to_dict(), indent=2) if args.format == "json" else str(result))
    return 0
