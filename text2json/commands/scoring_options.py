"""Options of `score` and of `compare` that say how an output is read and what it may cost."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from text2json.metrics.limits import Limits


class Options(TypedDict):
    """Arguments of `metrics.scoring.score`."""

    repair: bool
    limits: Limits


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    from text2json.commands.arguments import positive
    from text2json.metrics.limits import LIMITS

    parser.add_argument("--limit", type=positive, metavar="N",
                        help="score against the first N samples only, as `run --limit` answered")  # fmt: skip
    parser.add_argument("--repair", action="store_true", help="mend broken JSON by guessing; the signature says so")
    parser.add_argument("--max-bytes", type=int, default=LIMITS.bytes, metavar="N",
                        help="leave outputs over N bytes unread (default: %(default)s)")  # fmt: skip
    parser.add_argument("--max-depth", type=int, default=LIMITS.depth, metavar="N",
                        help="leave answers nested deeper than N unread (default: %(default)s)")  # fmt: skip
    parser.add_argument("--max-table", type=int, default=LIMITS.table, metavar="N",
                        help="leave answers of more records times paths unread (default: %(default)s)")  # fmt: skip
    parser.add_argument("--max-cells", type=int, default=LIMITS.cells, metavar="N",
                        help="pair records greedily above N pairs (default: %(default)s)")  # fmt: skip
    parser.add_argument("--max-seconds", type=float, default=LIMITS.seconds, metavar="S",
                        help="seek causes of one sample's errors no longer (default: %(default)s)")  # fmt: skip


def options(args: argparse.Namespace) -> Options:
    """Return what the arguments ask for."""
    from text2json.metrics.limits import Limits

    limits = Limits(bytes=args.max_bytes, depth=args.max_depth, table=args.max_table, cells=args.max_cells,
                    seconds=args.max_seconds)  # fmt: skip
    return {"repair": args.repair, "limits": limits}


def data_name(args: argparse.Namespace) -> str:
    """Return how the signature names the data."""
    from pathlib import Path

    return Path(args.data).name + (f"[:{args.limit}]" if args.limit else "")
