"""`text2json run`: let a model answer, with a KV-cache strategy."""

from __future__ import annotations

import argparse
import itertools
import re
from pathlib import Path
from typing import TYPE_CHECKING

from text2json.commands.arguments import positive
from text2json.commands.byte_budgets import add_budget_arguments, fitted
from text2json.errors import SpecError

if TYPE_CHECKING:
    from text2json.baselines.models import LoadedModel
    from text2json.schemas.sample import Sample
    from text2json.tasks.asked import Asked


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--data", help="folder, JSONL file or Hub id (ORG/NAME[@REV][:CONFIG])")
    tasks = parser.add_mutually_exclusive_group()
    tasks.add_argument("--task", metavar="TASK", help="a task of `text2json tasks`, as in needles:needles=16; "
                                                      "--data is then needed for published tasks only")  # fmt: skip
    tasks.add_argument("--tasks", nargs="+", metavar="TASK", help="several, each answered under each strategy")
    models = parser.add_mutually_exclusive_group(required=True)
    models.add_argument("--model", help="a bundled reader (reader-llama, reader-qwen3), a folder, a GGUF file or "
                                        "a Hub id; with an adapter: its folder, or BASE+ADAPTER")  # fmt: skip
    models.add_argument("--models", nargs="+", metavar="MODEL", help="several, each run with each strategy")
    strategies = parser.add_mutually_exclusive_group()
    strategies.add_argument("--strategy", default="full",
                            help="name with options, as in yakv:budget=0.03 (default: full)")  # fmt: skip
    strategies.add_argument("--strategies", nargs="+", metavar="SPEC", help="several, apart by spaces")
    add_budget_arguments(parser)
    parser.add_argument("--out", required=True, type=Path,
                        help="run folder, or the folder of run folders where a list is given; "
                             "an interrupted run goes on in its folder")  # fmt: skip
    parser.add_argument("--limit", type=positive, help="answer the first N samples only")
    parser.add_argument("--max-new-tokens", type=positive, help="generation limit (default: 1024, or the task's)")
    parser.add_argument("--batch-size", type=batch_size, default=1, metavar="N",
                        help="samples answered together; auto for as many as memory holds (default: 1)")  # fmt: skip
    parser.add_argument("--seed", type=int, default=0, help="for strategies that draw (default: 0)")
    parser.add_argument("--dtype", choices=["auto", "float32", "bfloat16", "float16"], default="auto",
                        help="of weights and cache; auto keeps the model's own (default: auto)")  # fmt: skip
    parser.add_argument("--disk", type=Path, metavar="FOLDER",
                        help="keep the host tier in mapped files here, for prompts larger than memory")  # fmt: skip
    parser.add_argument("--device", help="a torch device (default: cuda where there is one, else cpu)")


def run(args: argparse.Namespace) -> int:
    """Answer every sample with every model and strategy and say where the answers are."""
    from text2json.baselines.strategies import parse_spec
    from text2json.console import line
    from text2json.drafts import check_folder
    from text2json.tasks.asked import asked_for

    models: list[str] = args.models or [args.model]
    specs: list[str] = args.strategies or [args.strategy]
    for spec in specs:
        parse_spec(spec)  # a wrong spec shows before a large model is loaded
    check_folder(args.out)
    if args.tasks and args.data is not None:
        raise SpecError("one --data for several tasks", remedy="run a task that needs data on its own, with --task")
    plans = []
    for task, out in task_folders(args.out, args.tasks, args.task).items():
        asked = asked_for(task, args.data)
        folders = run_folders(out, models, specs, grid=bool(args.models or args.strategies or args.tasks))
        plans.append((asked, folders, list(itertools.islice(asked.samples, args.limit))))

    from text2json.baselines.models import load_model

    for model in models:
        loaded = load_model(model, dtype=args.dtype, device=args.device)
        for asked, folders, samples in plans:
            chosen = fitted(args, loaded, specs, samples)
            run_all(args, loaded, samples, {chosen[spec]: folders[model, spec] for spec in specs}, asked)
    if len(plans) * len(models) * len(specs) > 1:
        line(f"next: text2json table {args.out}")
    return 0


def run_all(
    args: argparse.Namespace, loaded: LoadedModel, samples: list[Sample], paths: dict[str, Path], asked: Asked
) -> None:
    """Answer every sample with one model under every strategy; the strategies share the reading of each prompt."""
    from text2json.baselines.run_folder import RunFolder
    from text2json.baselines.runner import RunOptions, run_grid
    from text2json.console import line, progress

    limit = args.max_new_tokens or asked.max_new_tokens
    options = RunOptions(max_new_tokens=limit, batch_size=args.batch_size, seed=args.seed, disk=args.disk)
    folders = {spec: RunFolder(path) for spec, path in paths.items()}
    before = {spec for spec, folder in folders.items() if folder.finished()}
    shown = next(iter(paths)) if len(paths) == 1 else f"{len(paths)} strategies"
    with progress(f"{loaded.name}, {shown}", len(samples) * len(paths)) as advance:
        runs = run_grid(
            loaded, folders, samples, data=asked.data or "", task=asked.spec, options=options, advance=advance
        )
    for spec, result in runs.items():
        state = "was finished already" if spec in before else "finished"
        line(f"{paths[spec]}: {state}, {result.settings.samples} predictions ({result.settings.strategy})")
        line(f"next: text2json score {paths[spec]}")


def batch_size(text: str) -> int | None:
    """Parse a whole number of at least 1, or `auto`."""
    return None if text == "auto" else positive(text)


def task_folders(out: Path, several: list[str] | None, one: str | None) -> dict[str | None, Path]:
    """Return the folder of each task's runs: `out` itself for one task or plain data, otherwise `out/TASK`.

    Raises:
        SpecError: two tasks would share a folder.
    """
    if several is None:
        return {one: out}
    found: dict[str | None, Path] = {task: out / file_name(task) for task in several}
    if len(set(found.values())) < len(several):
        raise SpecError("two tasks would be written to one folder", remedy="name each task once")
    return found


def run_folders(out: Path, models: list[str], specs: list[str], *, grid: bool) -> dict[tuple[str, str], Path]:
    """Return the run folder of each pair: `out` itself without a list, otherwise `out/MODEL/SPEC`.

    Raises:
        SpecError: two pairs would share a folder.
    """
    pairs = list(itertools.product(models, specs))
    if not grid:
        return dict.fromkeys(pairs, out)
    named = [out / file_name(model) / file_name(spec) for model, spec in pairs]
    if len(set(named)) < len(named):
        twice = next(path for path in named if named.count(path) > 1)
        raise SpecError(f"two runs would be written to {twice}", remedy="name each model and strategy once")
    return dict(zip(pairs, named, strict=True))


def file_name(name: str) -> str:
    """Return `name` as one folder's name."""
    return re.sub(r"[^A-Za-z0-9.,=@-]+", "_", name).strip("._") or "_"
