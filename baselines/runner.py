"""Let a model answer samples under a KV-cache strategy, in batches of like length, into a run folder."""

from __future__ import annotations

import hashlib
import os
import platform
import resource
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import StoppingCriteria, StoppingCriteriaList

from text2json import __version__
from text2json.baselines.cache import TieredCache, tiered_cache
from text2json.baselines.models import LoadedModel
from text2json.baselines.run_folder import RunFolder, read_lines
from text2json.schemas.canonical import canonical_json
from text2json.schemas.prediction import Prediction
from text2json.schemas.run import Measurement, ModelFacts, Quantiles, Run, RunFigures, RunSettings
from text2json.schemas.sample import Sample


@dataclass(frozen=True)
class RunOptions:
    """What a user may choose for a run, beside model, data and strategy."""

    max_new_tokens: int = 1024
    batch_size: int = 8


class Clock(StoppingCriteria):
    """Notes when each decoding step ended; never stops anything."""

    def __init__(self) -> None:
        self.started = time.perf_counter()
        self.stamps: list[float] = []

    def __call__(self, input_ids: torch.LongTensor, scores: torch.FloatTensor, **_: Any) -> torch.BoolTensor:
        """Note the time; (B,) all false."""
        if input_ids.is_cuda:
            torch.cuda.synchronize()
        self.stamps.append(time.perf_counter())
        return torch.zeros(input_ids.shape[0], dtype=torch.bool, device=input_ids.device)  # type: ignore[return-value]

    @property
    def first(self) -> float:
        """Seconds from the start to the first token."""
        return self.stamps[0] - self.started

    @property
    def steps(self) -> list[float]:
        """Seconds of each step after the first."""
        return [float(step) for step in np.diff(self.stamps)]


def answer_batch(
    loaded: LoadedModel, strategy: str, samples: Sequence[Sample], options: RunOptions
) -> tuple[list[Prediction], Measurement]:
    """Answer one batch greedily; return its predictions and what it took."""
    inputs = loaded.encode([sample.problem for sample in samples])
    cache = tiered_cache(loaded.model, strategy)
    clock = Clock()
    with torch.inference_mode():
        tokens = loaded.model.generate(  # type: ignore[operator]
            **inputs,
            past_key_values=cache,
            max_new_tokens=options.max_new_tokens,
            do_sample=False,
            num_beams=1,
            pad_token_id=loaded.tokenizer.pad_token_id,
            stopping_criteria=StoppingCriteriaList([clock]),
        )
    prompt_lengths = inputs["attention_mask"].sum(1).tolist()
    new = tokens[:, inputs["input_ids"].shape[1] :].tolist()
    predictions = [
        read_answer(loaded, sample.id, ids, prompt)
        for sample, ids, prompt in zip(samples, new, prompt_lengths, strict=True)
    ]
    return predictions, measure(cache, clock, predictions)


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


def measure(cache: TieredCache, clock: Clock, predictions: Sequence[Prediction]) -> Measurement:
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
        seconds_to_first_token=clock.first,
        step_seconds=[round(step, 6) for step in clock.steps],
    )


def batches(samples: Sequence[Sample], size: int) -> Iterator[list[Sample]]:
    """Yield batches of like prompt length, the longest first, so that a lack of memory shows at once."""
    ordered = sorted(samples, key=lambda sample: (-len(sample.problem), sample.id))
    for start in range(0, len(ordered), size):
        yield ordered[start : start + size]


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
    """Answer all `samples`, or those that an earlier, interrupted call left over.

    Args:
        loaded: the model.
        strategy: the spec, already resolved by `tiered_cache` or as a user writes it.
        samples: what to answer; ids are unique.
        folder: where to write.
        data: how the user named the samples.
        task: the spec of the task that they belong to.
        options: batch size and generation limit.
        advance: called with the number of samples done: once with those found, then after each batch.

    Raises:
        DataError: the folder holds another run.
        SpecError: the strategy is unknown or impossible.
        ModelError: the strategy cannot serve the model.
    """
    resolved = tiered_cache(loaded.model, strategy).strategy.spec
    settings = RunSettings(
        model=loaded.name,
        model_revision=loaded.revision,
        strategy=resolved,
        task=task,
        data=data,
        data_sha256=data_sha256(samples),
        samples=len(samples),
        max_new_tokens=options.max_new_tokens,
        batch_size=options.batch_size,
        dtype=str(loaded.model.dtype).removeprefix("torch."),
        device=str(loaded.model.device),
    )
    about = Run(settings=settings, model=model_facts(loaded), versions=versions(), hardware=hardware(), started=now())
    run = folder.open(about)
    done = folder.done()
    advance(len(done))
    for batch in batches(samples, options.batch_size):
        left = [sample for sample in batch if sample.id not in done]
        if left:
            folder.append(*answer_batch(loaded, resolved, left, options))
            advance(len(left))
    if run.finished is None:
        measurements = read_lines(folder.measurements, Measurement)
        run = run.model_copy(update={"finished": now(), "figures": figures(measurements)})
        folder.save(run)
    return run


def figures(measurements: Sequence[Measurement]) -> RunFigures:
    """Sum up a run; bytes are means over batches, weighted by prompt tokens."""
    weights = [measurement.prompt_tokens for measurement in measurements]

    def mean(name: str) -> float:
        return float(np.average([getattr(measurement, name) for measurement in measurements], weights=weights))

    first = [measurement.seconds_to_first_token for measurement in measurements]
    steps = [step for measurement in measurements for step in measurement.step_seconds] or [0.0]
    seconds = sum(first) + sum(steps)
    output_tokens = sum(measurement.output_tokens for measurement in measurements)
    return RunFigures(
        device_bytes_per_token=mean("device_bytes_per_token"),
        host_bytes_per_token=mean("host_bytes_per_token"),
        moved_bytes_per_step=mean("moved_bytes_per_step"),
        moved_bytes_per_step_with_reuse=mean("moved_bytes_per_step_with_reuse"),
        prompt_tokens=sum(weights),
        output_tokens=output_tokens,
        seconds_to_first_token=quantiles(first),
        seconds_per_token=quantiles(steps),
        output_tokens_per_second=output_tokens / seconds,
        peak_rss_bytes=peak_rss_bytes(),
    )


def quantiles(values: Sequence[float]) -> Quantiles:
    """Return the median and the 95th percentile."""
    p50, p95 = np.percentile(values, [50, 95])
    return Quantiles(p50=round(float(p50), 6), p95=round(float(p95), 6))


def peak_rss_bytes() -> int:
    """Return the process's peak resident memory; macOS counts it in bytes, Linux in KiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def now() -> str:
    """Return the time in UTC, to the second."""
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


def versions() -> dict[str, str]:
    """Return the versions of everything that decides an output."""
    names = ("torch", "transformers", "tokenizers", "numpy")
    return {"text2json": __version__, "python": platform.python_version()} | {name: version(name) for name in names}


def model_facts(loaded: LoadedModel) -> ModelFacts:
    """Return what the model is; a full cache holds a key and a value of each kv-head in each layer."""
    model, config = loaded.model, loaded.model.config.get_text_config()
    heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
    size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    return ModelFacts(
        family=config.model_type,
        parameters=model.num_parameters(),
        full_bytes_per_token=2 * config.num_hidden_layers * heads * size * model.dtype.itemsize,
    )


def hardware() -> dict[str, Any]:
    """Return what the run was computed on."""
    found: dict[str, Any] = {
        "system": platform.system(),
        "machine": platform.machine(),
        "processor": processor(),
        "cores": os.cpu_count() or 1,
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "threads": torch.get_num_threads(),
    }
    if torch.cuda.is_available():
        found["gpu"] = torch.cuda.get_device_name()
    return found


def processor() -> str:
    """Return the processor's name; Linux tells it in a file."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
