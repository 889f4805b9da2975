"""`text2json generate`: write documents with gold records."""

from __future__ import annotations

import argparse
import atexit
import gc
import os
import sys
from pathlib import Path

from text2json.commands.arguments import positive


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("config", metavar="CONFIG", help="which configuration, for example short; several: short,paper")
    parser.add_argument("--out", required=True, type=Path, help="folder to write; must not hold anything yet")
    parser.add_argument("--samples", type=positive, help="how many (default: the configuration's own number)")
    parser.add_argument("--seed", type=int, help="another seed gives other documents (default: 0)")
    parser.add_argument(
        "--split", default="test", help="train, test or train,test; they share no entity (default: test)"
    )
    parser.add_argument(
        "--workers", type=positive, default=1, help="processes that make documents; the bytes do not depend on it"
    )
    parser.add_argument("--version", help="a frozen version, as in 1.0.0; `text2json datasets` lists them")
    parser.add_argument("--locale", help="names and places of one of Faker's locales, as in de_DE; not frozen")
    parser.add_argument("--set", action="append", default=[], metavar="KNOB=VALUE", dest="knobs",
                        help="change a knob, as in --set records=1-2 --set genres=prose")  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Write the folder and say what it holds."""
    if "numpy" not in sys.modules:  # it comes with Parquet's library; its threads begin by spinning, and have no work
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    atexit.register(gc.freeze)  # at the end all goes at once, and need not be looked through for cycles before
    from text2json.console import line, progress
    from text2json.generators.knobs import parse_knob
    from text2json.planning import plan
    from text2json.writing import write_dataset

    knobs = dict(parse_knob(text) for text in args.knobs)
    if args.locale:
        knobs["locale"] = args.locale
    wanted = {"samples": args.samples, "seed": args.seed, "knobs": knobs, "version": args.version}
    total = sum(part.samples for part in plan(args.config, args.split, **wanted))
    with progress(f"{args.config}/{args.split}", total, ticking=False) as advance:  # workers fork best without threads
        manifest = write_dataset(
            args.config, args.out, split=args.split, workers=args.workers, advance=advance, **wanted
        )
    for config, splits in manifest["configs"].items():
        for split, entry in splits.items():
            line(f"{args.out}: {entry['samples']} samples of {config}/{split}, sha256 {entry['sha256']}")
    return 0
