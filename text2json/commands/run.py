"""`text2json run`: let a model answer, with a KV-cache strategy."""

from __future__ import annotations

import argparse
import itertools
from pathlib import Path

from text2json.commands.arguments import positive


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--data", required=True, help="folder, JSONL file or Hub id (ORG/NAME[@REV][:CONFIG])")
    parser.add_argument("--model", required=True, help="a bundled reader (reader-llama), a folder or a Hub id")
    parser.add_argument("--strategy", default="full", help="name with options, as in yakv:budget=0.03 (default: full)")
    parser.add_argument("--out", required=True, type=Path, help="run folder; an interrupted run goes on in its folder")
    parser.add_argument("--limit", type=positive, help="answer the first N samples only")
    parser.add_argument("--max-new-tokens", type=positive, default=1024, help="generation limit (default: 1024)")
    parser.add_argument("--batch-size", type=positive, default=8, help="samples answered together (default: 8)")
    parser.add_argument("--dtype", choices=["auto", "float32", "bfloat16", "float16"], default="auto",
                        help="of weights and cache; auto keeps the model's own (default: auto)")  # fmt: skip
    parser.add_argument("--device", help="a torch device (default: cuda where there is one, else cpu)")


def run(args: argparse.Namespace) -> int:
    """Answer every sample and say where the answers are."""
    from text2json.baselines.strategies import parse_spec
    from text2json.console import line, progress
    from text2json.data import iter_samples

    parse_spec(args.strategy)  # a wrong spec shows before a large model is loaded
    samples = list(itertools.islice(iter_samples(args.data), args.limit))

    from text2json.baselines.models import load_model
    from text2json.baselines.run_folder import RunFolder
    from text2json.baselines.runner import RunOptions, run_samples

    options = RunOptions(max_new_tokens=args.max_new_tokens, batch_size=args.batch_size)
    loaded = load_model(args.model, dtype=args.dtype, device=args.device)
    folder = RunFolder(args.out)
    with progress(f"{args.model}, {args.strategy}", len(samples)) as advance:
        before = folder.finished()
        result = run_samples(loaded, args.strategy, samples, folder, data=args.data, options=options, advance=advance)
    state = "was finished already" if before else "finished"
    line(f"{args.out}: {state}, {result.settings.samples} predictions ({result.settings.strategy})")
    line(f"next: text2json score {args.out} --data {args.data}")
    return 0
