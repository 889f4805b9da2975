"""The demonstration: documents, a reader, four ways to keep its KV cache, and what each costs.

Everything is made by the same functions that the other commands use; a second call finds the runs finished and
only scores them again.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from text2json.console import line, note, progress, table
from text2json.demo_page import write_page
from text2json.metrics import Report, score
from text2json.schemas.run import RunFigures
from text2json.schemas.sample import Sample

MODEL = "reader-llama"
MAX_NEW_TOKENS = 512
BATCH_SIZE = 8
STRATEGIES = (
    "full",
    "oracle:budget=0.25,local=16",
    "yakv:budget=0.25,local=16",
    "shadowkv:budget=0.25,local=16",
    "oracle:budget=0.125,local=16",
    "yakv:budget=0.125,local=16",
    "shadowkv:budget=0.125,local=16",
)
"""Two budgets of selected tokens, as shares of the prompt.

The demo's prompts are short, so the shares are larger, and the local windows smaller, than the strategies' defaults,
which are made for long ones.
"""


@dataclass(frozen=True)
class Row:
    """One strategy's line in the table."""

    strategy: str
    report: Report
    figures: RunFigures


def run_demo(out: Path, samples: int) -> list[Row]:
    """Run the loop below `out`; print the table and where the page is."""
    started = time.perf_counter()
    documents = make_documents(out / "data", samples)
    rows = answer(out, documents)
    line(render(rows, documents))
    page = out / "index.html"
    write_page(page, rows, documents, seconds=time.perf_counter() - started)
    line(f"\npage: {page}\nruns: {out}/<strategy>, documents: {out}/data")
    note(f"done in {time.perf_counter() - started:.0f} s")
    return rows


def make_documents(folder: Path, samples: int) -> list[Sample]:
    """Write the demo's documents unless they are there, and read them back."""
    from text2json.data import iter_samples
    from text2json.writing import write_dataset

    note(f"1/3 documents: {samples} texts about products, with gold records -> {folder}")
    if not folder.exists():
        write_dataset("demo", folder, samples=samples)
    return list(iter_samples(str(folder)))[:samples]


def answer(out: Path, documents: Sequence[Sample]) -> list[Row]:
    """Let the reader answer under every strategy, and score it."""
    note(f"2/3 answers: {MODEL} with {len(STRATEGIES)} ways to keep its KV cache")
    from text2json.baselines.models import load_model
    from text2json.baselines.run_folder import RunFolder, read_lines
    from text2json.baselines.runner import RunOptions, run_grid
    from text2json.schemas.prediction import Prediction

    loaded = load_model(MODEL)
    options = RunOptions(max_new_tokens=MAX_NEW_TOKENS, batch_size=BATCH_SIZE)
    folders = {spec: RunFolder(out / spec.replace(":", "_")) for spec in STRATEGIES}
    with progress(MODEL, len(documents) * len(folders)) as advance:
        runs = run_grid(loaded, folders, documents, data=str(out / "data"), options=options, advance=advance)
    rows = []
    for spec, folder in folders.items():
        run = runs[spec]
        predictions = {prediction.id: prediction.output for prediction in read_lines(folder.predictions, Prediction)}
        report = score(predictions, documents, data_name="demo")
        assert run.figures is not None
        rows.append(Row(spec, report, run.figures))
        note(f"    {spec:<30} record F1 {report.records.f1:.3f}")
    note("3/3 scores")
    return rows


def render(rows: Sequence[Row], documents: Sequence[Sample]) -> str:
    """Return the table of accuracy against bytes."""
    cells = [
        (
            row.strategy,
            f"{row.report.records.f1:.3f}",
            f"{row.report.fields.f1:.3f}",
            f"{row.report.paper:.1f}" if row.report.paper is not None else "-",
            f"{row.figures.device_bytes_per_token:,.0f}",
            f"{row.figures.host_bytes_per_token:,.0f}",
            f"{row.figures.moved_bytes_per_step:,.0f}",
        )
        for row in rows
    ]
    columns = ("strategy", "record F1", "field F1", "paper", "device B/token", "host B/token", "moved B/step")
    title = f"{MODEL} on {len(documents)} documents of {rows[0].figures.prompt_tokens // len(documents)} tokens"
    return f"\n{title}\n\n{table(columns, cells)}\n\n{rows[0].report.signature}"
