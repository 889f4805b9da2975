"""`text2json sweep`: run a declared grid of models, strategies, options and data."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from text2json.commands.arguments import positive

if TYPE_CHECKING:
    from text2json.sweeps.declaration import Sweep


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("sweep", metavar="SWEEP", nargs="?",
                        help="a YAML file, or the name of a sweep that comes with the package; without one, "
                             "those are listed")  # fmt: skip
    parser.add_argument("--out", type=Path, help="folder of the runs, tables, pictures and report; "
                                                 "an interrupted sweep goes on in its folder")  # fmt: skip
    parser.add_argument("--models", nargs="+", metavar="MODEL", help="in place of the sweep's own")
    parser.add_argument("--strategies", nargs="+", metavar="SPEC", help="in place of the sweep's own")
    data = parser.add_mutually_exclusive_group()
    data.add_argument("--data", nargs="+", metavar="DATA", help="folders, files or Hub ids in place of the sweep's own")
    data.add_argument("--tasks", nargs="+", metavar="TASK", help="tasks in place of the sweep's own data")
    parser.add_argument("--limit", type=positive, help="answer the first N samples of each data set only")
    parser.add_argument("--batch-size", type=positive, help="samples answered together")
    parser.add_argument("--max-new-tokens", type=positive, help="generation limit")
    parser.add_argument("--dtype", choices=["auto", "float32", "bfloat16", "float16"], default="auto",
                        help="of weights and cache; auto keeps the model's own (default: auto)")  # fmt: skip
    parser.add_argument("--device", help="a torch device (default: cuda where there is one, else cpu)")
    parser.add_argument("--dry-run", action="store_true", help="list the cells and run nothing")
    parser.add_argument("--no-pictures", action="store_true", help="draw nothing; matplotlib is then not needed")


def run(args: argparse.Namespace) -> int:
    """Run the sweep; print its table and where the report is."""
    import importlib.util

    from text2json.console import line
    from text2json.drafts import check_folder
    from text2json.errors import SpecError
    from text2json.sweeps.declaration import read_sweep, ready_names

    if args.sweep is None:
        for name in ready_names():
            line(f"{name:<15} {read_sweep(name).title}")
        return 0
    sweep = changed(read_sweep(args.sweep), args)
    if args.out is None:
        raise SpecError("no place for the results", remedy="give --out")
    check_folder(args.out)
    pictures = bool(sweep.pictures) and not args.no_pictures
    if pictures and importlib.util.find_spec("matplotlib") is None:
        raise SpecError("pictures need matplotlib",
                        remedy="pip install 'text2json[analysis]', or give --no-pictures")  # fmt: skip
    from text2json.sweeps.running import Machine, conclude, plan_lines, run_sweep

    if args.dry_run:
        cells = plan_lines(sweep, args.out)
        line("\n".join([*cells, f"{len(cells)} cells"]))
        return 0
    done = run_sweep(sweep, args.out, Machine(args.dtype, args.device))
    table, apart = conclude(sweep, done, args.out, pictures=pictures)
    line(render(table, apart))
    line(f"\nreport: {args.out / 'index.html'}\ntable: {args.out / 'results.csv'}, {args.out / 'results.parquet'}")
    return 0


def changed(sweep: Sweep, args: argparse.Namespace) -> Sweep:
    """Return the sweep with what the command line puts in place of its own."""
    changes: dict[str, Any] = {
        key: getattr(args, key) for key in ("models", "limit", "batch_size", "max_new_tokens")
        if getattr(args, key) is not None
    }  # fmt: skip
    for key in ("strategies", "data", "tasks"):
        if getattr(args, key) is not None:
            changes[key] = getattr(args, key)
    if args.data is not None or args.tasks is not None:
        changes = {"configurations": [], "tasks": [], "data": []} | changes
    return type(sweep).model_validate(sweep.model_dump() | changes)


def render(table: list[dict[str, Any]], apart: list[dict[str, Any]]) -> str:
    """Return the table for a terminal: with several data sets strategies by data, otherwise with bytes."""
    from text2json.console import table as plain
    from text2json.sweeps.report import figure

    data = list(dict.fromkeys(row["data"] for row in table))
    models = list(dict.fromkeys(row["model"] for row in table))
    lead = ["model", "strategy"] if len(models) > 1 else ["strategy"]
    if len(data) > 1:
        lines = [
            [*([model] if len(models) > 1 else []), name, *(scores.get(one, "-") for one in data)]
            for (model, name), scores in across(table).items()
        ]
        shown = plain([*lead, *data], lines)
    else:
        lines = [[*([row["model"]] if len(models) > 1 else []), row["name"], *figure(row, "score"),
                  f"{row['device_share']:.1%}", f"{row['moved_share']:.2%}"] for row in table]  # fmt: skip
        shown = plain([*lead, "score", "difference", "device", "moved"], lines)
    return shown if not apart else f"{shown}\n\n{render_costs(apart)}"


def across(table: list[dict[str, Any]]) -> dict[tuple[str, str], dict[str, str]]:
    """Return (model, strategy's name) → data set → score.

    By name, since parameters that were solved for a byte budget differ from one data set to the next.
    """
    from text2json.sweeps.report import figure

    found: dict[tuple[str, str], dict[str, str]] = {}
    for row in table:
        found.setdefault((row["model"], row["name"]), {})[row["data"]] = figure(row, "score")[0]
    return found


def render_costs(apart: list[dict[str, Any]]) -> str:
    """Return what each cause costs in the score, one line a strategy."""
    from text2json.console import table as plain
    from text2json.sweeps.contrasts import Estimate
    from text2json.sweeps.report import SHOWN

    lines: dict[tuple[str, str, str], list[str]] = {}
    for row in (one for one in apart if one["figure"] == "score" and one["cause"] in SHOWN):
        cost = Estimate(row["cost"], row["cost_low"], row["cost_high"]).signed
        lines.setdefault((row["name"], row["model"], row["data"]), []).append(cost)
    return plain(["lost by", *SHOWN.values()], [[key[0], *costs] for key, costs in lines.items()])
