"""`text2json diagnose`: where a strategy's accuracy goes, head by head and leaf by leaf."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from text2json.commands.arguments import positive

if TYPE_CHECKING:
    from text2json.baselines.diagnosis.folder import DiagnosisFolder
    from text2json.baselines.diagnosis.summary import Total
    from text2json.schemas.sample import Sample

SHOWN = 40
"""Lost leaves listed on the page."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--data", required=True, help="folder, JSONL file or Hub id (ORG/NAME[@REV][:CONFIG])")
    parser.add_argument(
        "--model",
        required=True,
        help="a bundled reader (reader-llama, reader-qwen3), a folder, a GGUF file, a Hub id, or BASE+ADAPTER",
    )
    strategies = parser.add_mutually_exclusive_group(required=True)
    strategies.add_argument("--strategy", help="name with options, as in yakv:budget=0.03")
    strategies.add_argument("--strategies", nargs="+", metavar="SPEC", help="several, apart by spaces")
    parser.add_argument("--out", required=True, type=Path,
                        help="folder of the tables and the report; an interrupted diagnosis goes on in it")  # fmt: skip
    parser.add_argument("--limit", type=positive, help="take the first N samples only")
    parser.add_argument("--max-new-tokens", type=positive, default=1024, help="generation limit (default: 1024)")
    parser.add_argument("--format", choices=["text", "json"], default="text", help="of the summary (default: text)")
    parser.add_argument("--dtype", choices=["auto", "float32", "bfloat16", "float16"], default="auto",
                        help="of weights and cache; auto keeps the model's own (default: auto)")  # fmt: skip
    parser.add_argument("--device", help="a torch device (default: cuda where there is one, else cpu)")


def run(args: argparse.Namespace) -> int:
    """Diagnose, write tables, pictures and report, and print the summary."""
    import itertools
    import json

    from text2json.baselines.strategies import parse_spec
    from text2json.commands.run import run_folders
    from text2json.console import line, progress
    from text2json.data import iter_samples
    from text2json.diagnosis_report import render
    from text2json.drafts import check_folder

    specs: list[str] = args.strategies or [args.strategy]
    for spec in specs:
        parse_spec(spec)  # a wrong spec shows before a large model is loaded
    check_folder(args.out)
    folders = run_folders(Path(), [""], specs, grid=True)
    names = {folders["", spec].name: spec for spec in specs}
    samples = list(itertools.islice(iter_samples(args.data), args.limit))

    from text2json.baselines.diagnosis.diagnose import diagnose
    from text2json.baselines.diagnosis.folder import DiagnosisFolder
    from text2json.baselines.models import load_model

    loaded = load_model(args.model, dtype=args.dtype, device=args.device)
    folder = DiagnosisFolder(args.out)
    with progress(f"{loaded.name}, {len(specs)} strategies", len(samples) * len(specs)) as advance:
        diagnose(loaded, names, samples, folder, data=args.data, max_new_tokens=args.max_new_tokens, advance=advance)
    summary = report(folder, names, samples)
    line(json.dumps(summary, indent=2) if args.format == "json" else render(summary))
    if args.format == "text":
        line(f"\nreport: {args.out / 'report.html'}\ntables: {args.out}/<strategy>, pictures: {args.out}/pictures")
    return 0


def report(folder: DiagnosisFolder, names: dict[str, str], samples: list[Sample]) -> dict[str, Any]:
    """Write the tables, pictures and page of a finished diagnosis; return its summary."""
    import json

    from text2json.baselines.diagnosis.pictures import PICTURES, draw_all
    from text2json.baselines.diagnosis.summary import Total
    from text2json.baselines.diagnosis.write_tables import write_tables
    from text2json.diagnosis_report import page
    from text2json.schemas.diagnosis import Diagnosis
    from text2json.web_page import write_text

    ids = [sample.id for sample in samples]
    totals = []
    for name, spec in names.items():
        total = Total.of(spec, folder.lines(name), ids)
        write_tables(folder.path / name, total)
        totals.append(total)
    settings = Diagnosis.model_validate_json(folder.file.read_bytes()).settings
    summary = summarise(totals) | {"model": settings.model, "data": settings.data, "samples": settings.samples,
                                   "data_sha256": settings.data_sha256}  # fmt: skip
    (folder.path / "summary.json").write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    drawn = draw_all(totals, folder.path / "pictures")
    titles = {name: PICTURES[name] for name in drawn}
    write_text(folder.path / "report.html", page(summary, folder.path / "pictures", titles, lost(totals)))
    return summary


def summarise(totals: list[Total]) -> dict[str, Any]:
    """Return the figures of every strategy, and what evidence recall predicts under each and under all."""
    from text2json.baselines.diagnosis.summary import RECALLS, predicts

    found = {total.strategy: [total] for total in totals} | ({"all": totals} if len(totals) > 1 else {})
    correlation = {
        name: {
            recall: {kind: one.to_dict() for kind, one in predicts(group, recall).items()}
            for recall in (*RECALLS, "divergence")
        }
        for name, group in found.items()
    }
    return {"strategies": [total.to_dict() for total in totals], "correlation": correlation}


def lost(totals: list[Total]) -> list[dict[str, Any]]:
    """Return leaves that a strategy lost against full attention, of all strategies in turn."""
    from text2json.baselines.diagnosis.summary import leaf_rows

    each = max(1, SHOWN // max(1, len(totals)))
    rows = []
    for total in totals:
        own = [row for row in leaf_rows(total) if row["full_verdict"] == "right" and row["verdict"] != "right"]
        rows += own[:each]
    return rows
