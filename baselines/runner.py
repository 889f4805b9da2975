"""Let a model answer samples under KV-cache strategies, in batches of like length, into run folders."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from text2json.baselines.batching import batches, fitting_size
from text2json.baselines.cache import TieredCache, tiered_cache
from text2json.baselines.figures import figures
from text2json.baselines.machine import hardware, peak_gpu_bytes, peak_rss_bytes, reset_peak, versions
from text2json.baselines.models import LoadedModel, model_facts
from text2json.baselines.prefill import Clock, Prefill, generate, prefill
from text2json.baselines.run_folder import RunFolder, read_lines
from text2json.schemas.canonical import canonical_json
from text2json.schemas.prediction import Prediction
from text2json.schemas.run import Measurement, Run, RunSettings
from text2json.schemas.sample import Sample


@dataclass(frozen=True)
class RunOptions:
    """What a user may choose for a run, beside model, data and strategy.

    Args:
        max_new_tokens: the generation limit.
        batch_size: samples answered together; None for as many as fit in free memory.
        seed: set before each batch; decoding is greedy, so that it decides only what a strategy draws.
        disk: a folder for the host tier, or None for memory; it decides no output.
    """

    max_new_tokens: int = 1024
    batch_size: int | None = 1
    seed: int = 0
    disk: Path | None = None


def answer(
    read: Prefill, spec: str, ids: Sequence[str], options: RunOptions, *, last: bool
) -> tuple[list[Prediction], Measurement]:
    """Let `spec` go on from prompts that were read; return its predictions and what it took.

    Args:
        read: the batch's prompts.
        spec: the strategy.
        ids: of the batch's samples, in order.
        options: limit and seed.
        last: nobody else needs `read`, so that its tensors need no copy.
    """
    loaded = read.loaded
    reset_peak()
    torch.manual_seed(options.seed)
    cache = read.hand_over(spec, last=last, disk=options.disk)
    clock = Clock()
    tokens, stops = read.tokens, loaded.stop_tokens
    if options.max_new_tokens > 1 and not all(int(token) in stops for token in tokens[:, -1]):
        tokens = generate(loaded, tokens, read.mask, cache, options.max_new_tokens - 1, clock)
    new: Tensor = tokens[:, read.tokens.shape[1] - 1 :]
    predictions = [
        read_answer(loaded, name, row, prompt)
        for name, row, prompt in zip(ids, new.tolist(), read.prompt_tokens, strict=True)
    ]
    return predictions, measure(cache, read, clock, predictions)


def read_answer(loaded: LoadedModel, sample_id: str, ids: Sequence[int], prompt_tokens: int) -> Prediction:
    """Turn generated token ids into a prediction: what stands before the first stop token is the output."""
    stops = loaded.stop_tokens
    end = next((place for place, token in enumerate(ids) if token in stops), None)
    output = str(loaded.tokenizer.decode(list(ids[:end]), skip_special_tokens=True))
    return Prediction(
        id=sample_id,
        output=output,
        finish_reason="length" if end is None else "stop",
        prompt_tokens=prompt_tokens,
        output_tokens=len(ids) if end is None else end + 1,
    )


def measure(cache: TieredCache, read: Prefill, clock: Clock, predictions: Sequence[Prediction]) -> Measurement:
    """Collect what a batch took."""
    ledger = cache.ledger
    return Measurement(
        ids=[prediction.id for prediction in predictions],
        prompt_tokens=sum(prediction.prompt_tokens or 0 for prediction in predictions),
        output_tokens=sum(prediction.output_tokens or 0 for prediction in predictions),
        device_bytes=ledger.device_bytes,
        host_bytes=ledger.host_bytes,
        device_bytes_per_token=ledger.device_bytes_per_token,
        host_bytes_per_token=ledger.host_bytes_per_token,
        moved_bytes_per_step=ledger.moved_bytes_per_step,
        moved_bytes_per_step_with_reuse=ledger.moved_bytes_per_step_with_reuse,
        seconds_to_first_token=round(read.seconds, 6),
        step_seconds=[round(step, 6) for step in clock.steps],
        peak_rss_bytes=max(read.peak_rss_bytes, peak_rss_bytes()),
        peak_gpu_bytes=peak_gpu_bytes(),
    )


def data_sha256(samples: Sequence[Sample]) -> str:
    """Return the SHA-256 over the samples' canonical JSON lines."""
    digest = hashlib.sha256()
    for sample in samples:
        digest.update(canonical_json(sample.to_dict()).encode())
        digest.update(b"\n")
    return digest.hexdigest()


def run_samples(
    loaded: LoadedModel,
    strategy: str,
    samples: Sequence[Sample],
    folder: RunFolder,
    *,
    data: str,
    task: str | None = None,
    options: RunOptions,
    advance: Callable[[int], None],
) -> Run:
    """Answer all `samples` under one strategy; see `run_grid`."""
    folders = {strategy: folder}
    return run_grid(loaded, folders, samples, data=data, task=task, options=options, advance=advance)[strategy]


def run_grid(
    loaded: LoadedModel,
    folders: Mapping[str, RunFolder],
    samples: Sequence[Sample],
    *,
    data: str,
    task: str | None = None,
    options: RunOptions,
    advance: Callable[[int], None],
) -> dict[str, Run]:
    """Answer all `samples` under several strategies, or what an earlier, interrupted call left over.

    Each batch's prompts are read once, and each strategy goes on from a copy. The answers are those of runs apart.

    Args:
        loaded: the model.
        folders: strategy, as a user writes it → where its run stands.
        samples: what to answer; ids are unique.
        data: how the user named the samples.
        task: the spec of the task that they belong to.
        options: limit, batch size and seed.
        advance: called with a number of answers: once with those found, then after each batch of each strategy.

    Raises:
        DataError: a folder holds another run.
        SpecError: a strategy is unknown or impossible.
        ModelError: a strategy cannot serve the model.
    """
    size = batch_size(loaded, folders, samples, options)
    digest, facts = data_sha256(samples), model_facts(loaded)
    specs = {name: tiered_cache(loaded.model, name).strategy.spec for name in folders}
    runs, done = {}, {}
    for name, folder in folders.items():
        settings = RunSettings(
            model=loaded.name,
            model_revision=loaded.revision,
            strategy=specs[name],
            task=task,
            data=data,
            data_sha256=digest,
            samples=len(samples),
            max_new_tokens=options.max_new_tokens,
            batch_size=size,
            seed=options.seed,
            dtype=str(loaded.model.dtype).removeprefix("torch."),
            device=str(loaded.model.device),
        )
        about = Run(
            settings=settings, model=facts, versions=versions(), hardware=facts_of_machine(options), started=now()
        )
        runs[name] = folder.open(about)
        done[name] = folder.done()
    advance(sum(map(len, done.values())))
    for batch in batches(samples, size):
        for left, names in sharing(batch, done):
            read = prefill(loaded, [sample.problem for sample in left], [specs[name] for name in names], options.disk)
            ids = [sample.id for sample in left]
            for name in names:
                folders[name].append(*answer(read, specs[name], ids, options, last=name == names[-1]))
                advance(len(left))
    return {name: finish(folders[name], run) for name, run in runs.items()}


def batch_size(
    loaded: LoadedModel, folders: Mapping[str, RunFolder], samples: Sequence[Sample], options: RunOptions
) -> int:
    """Return the size that was asked for; or that of a run that goes on; or what fits."""
    if options.batch_size is not None:
        return options.batch_size
    begun = next((folder for folder in folders.values() if folder.exists()), None)
    return fitting_size(loaded, samples, options.max_new_tokens) if begun is None else begun.load().settings.batch_size


def sharing(batch: Sequence[Sample], done: Mapping[str, set[str]]) -> list[tuple[list[Sample], list[str]]]:
    """Return what is left of a batch with the strategies that it is left for; those with equal rests share them."""
    groups: dict[tuple[str, ...], tuple[list[Sample], list[str]]] = {}
    for name, known in done.items():
        left = [sample for sample in batch if sample.id not in known]
        if left:
            groups.setdefault(tuple(sample.id for sample in left), (left, []))[1].append(name)
    return list(groups.values())


def facts_of_machine(options: RunOptions) -> dict[str, Any]:
    """Return what the run is computed on, and where its host tier lies."""
    return hardware() | {"host_tier": "memory" if options.disk is None else "disk"}


def finish(folder: RunFolder, run: Run) -> Run:
    """Write the figures of a run that has every prediction."""
    if run.finished is not None:
        return run
    measured = figures(read_lines(folder.measurements, Measurement))
    run = run.model_copy(update={"finished": now(), "figures": measured})
    folder.save(run)
    return run


def now() -> str:
    """Return the time in UTC, to the second."""
    return datetime.now(timezone.utc).isoformat(timespec="seconds")
