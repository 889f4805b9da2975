"""What a run folder says of itself: `run.json`, and the measurements beside its predictions."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict


class RunSettings(BaseModel):
    """What decides a run's output; a run folder is continued only under equal settings."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str
    model_revision: str | None
    strategy: str
    """The spec with every option resolved."""
    task: str | None = None
    """The spec with every option, or None where plain data was answered."""
    data: str
    """As given on the command line; empty where a task made its own samples."""
    data_sha256: str
    """SHA-256 over the canonical rows that were asked for, in order."""
    samples: int
    max_new_tokens: int
    batch_size: int
    seed: int = 0
    """Set before each batch; decoding is greedy, so that it decides only what a strategy draws."""
    dtype: str
    device: str


class ModelFacts(BaseModel):
    """What a model is, beside its name."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    family: str
    """The architecture, as in `llama`."""
    parameters: int
    full_bytes_per_token: float
    """What its whole cache takes per prompt token, all layers, in the run's precision."""


class Quantiles(BaseModel):
    """Median and 95th percentile, in seconds."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    p50: float
    p95: float


class RunFigures(BaseModel):
    """What was measured, over all batches of the run."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    device_bytes_per_token: float
    """Bytes on the device per prompt token, all layers together, while answering."""
    host_bytes_per_token: float
    moved_bytes_per_step: float
    """Bytes from host to device per sequence and decoded token, all layers, nothing reused."""
    moved_bytes_per_step_with_reuse: float
    """The same, without what the step before had fetched already."""
    prompt_tokens: int
    output_tokens: int
    seconds_to_first_token: Quantiles
    seconds_of_first_step: Quantiles | None = None
    """Of the first decoding step, in which the strategy puts the prompt on its tiers."""
    seconds_per_token: Quantiles
    """Of one later decoding step; a step serves the whole batch."""
    output_tokens_per_second: float
    """Over reading and decoding; a prompt that several strategies share counts in full for each."""
    peak_rss_bytes: int
    """Most memory of the whole process while a batch was answered, as the operating system saw it."""
    peak_gpu_bytes: int | None = None
    """Most memory that tensors took on the GPU meanwhile."""


class Run(BaseModel):
    """`run.json`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal["text2json-run-1"] = "text2json-run-1"
    settings: RunSettings
    model: ModelFacts | None = None
    versions: dict[str, str]
    hardware: dict[str, Any]
    started: str
    """UTC, ISO 8601."""
    finished: str | None = None
    """Set when every sample has its prediction."""
    figures: RunFigures | None = None


class Measurement(BaseModel):
    """One line of `measurements.jsonl`: what one batch took."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    ids: list[str]
    prompt_tokens: int
    output_tokens: int
    device_bytes: int
    host_bytes: int
    device_bytes_per_token: float
    host_bytes_per_token: float
    moved_bytes_per_step: float
    moved_bytes_per_step_with_reuse: float
    seconds_to_first_token: float
    step_seconds: list[float]
    peak_rss_bytes: int = 0
    peak_gpu_bytes: int | None = None
