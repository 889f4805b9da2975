"""Finished run folders without a model: the gold of frozen documents, spoilt here and there, as the answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from text2json.batches import Digest
from text2json.generators import generate
from text2json.manifest import frozen_entry
from text2json.schemas.run import ModelFacts, Quantiles, Run, RunFigures, RunSettings
from text2json.schemas.sample import Sample


def spoil(every: int) -> Callable[[int, Sample], str]:
    """Return a reader that loses the last record of every so many documents."""

    def answer(place: int, sample: Sample) -> str:
        records = sample.records()
        return json.dumps(records[:-1] if place % every == 0 else records)

    return answer


HALF_SPOILT = spoil(2)


def write_run(
    folder: Path,
    *,
    samples: int = 6,
    config: str = "curated",
    answer: Callable[[int, Sample], str] = HALF_SPOILT,
    finished: bool = True,
    figures: dict[str, Any] | None = None,
    **settings: Any,
) -> Path:
    """Write a run of the first `samples` documents of a frozen configuration; `settings` changes `RunSettings`."""
    seed = frozen_entry("1.0.0", config, "test").seed
    made = list(generate(config, seed=seed, samples=samples))
    digest = Digest()
    for sample in made:
        digest.add(sample)
    values: dict[str, Any] = {
        "model": "org/reader", "model_revision": "0" * 40, "strategy": "yakv:local=16,budget=0.125", "task": None,
        "data": f"documents:{config}", "data_sha256": digest.hexdigest(), "samples": samples, "max_new_tokens": 1024,
        "batch_size": 8, "dtype": "bfloat16", "device": "cpu",
    }  # fmt: skip
    costs: dict[str, Any] = {
        "device_bytes_per_token": 268.0, "host_bytes_per_token": 864.0, "moved_bytes_per_step": 69209.0,
        "moved_bytes_per_step_with_reuse": 30000.0, "prompt_tokens": 4000, "output_tokens": 400,
        "seconds_to_first_token": Quantiles(p50=0.2, p95=0.3), "seconds_per_token": Quantiles(p50=0.01, p95=0.02),
        "output_tokens_per_second": 90.0, "peak_rss_bytes": 1 << 30,
    }  # fmt: skip
    run = Run(
        settings=RunSettings(**values | settings),
        model=ModelFacts(family="llama", parameters=1_000_000, full_bytes_per_token=3072.0),
        versions={"text2json": "0.1.0", "torch": "2.13.0"},
        hardware={"system": "Linux", "machine": "x86_64", "processor": "Some CPU", "threads": 2},
        started="2026-01-30T10:00:00+00:00",
        finished="2026-01-30T10:10:00+00:00" if finished else None,
        figures=RunFigures(**costs | (figures or {})) if finished else None,
    )
    folder.mkdir(parents=True)
    (folder / "run.json").write_text(run.model_dump_json(indent=2) + "\n")
    lines = [json.dumps({"id": sample.id, "output": answer(place, sample)}) for place, sample in enumerate(made)]
    (folder / "predictions.jsonl").write_text("\n".join(lines) + "\n")
    return folder
