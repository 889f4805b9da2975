"""A batch's prompts, read once and handed to several strategies.

Prefill is dense and exact under every strategy, so its keys and values do not depend on which one follows. They are
kept as they are after the last prompt token, and each strategy gets a copy that it seals in its own way.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedModel, StoppingCriteria, StoppingCriteriaList

from text2json.baselines.cache import IMPLEMENTATION, TieredCache, TieredLayer, check_served, handed, tiered_cache
from text2json.baselines.host import host_for
from text2json.baselines.machine import peak_rss_bytes, reset_peak
from text2json.baselines.models import LoadedModel
from text2json.baselines.strategies import parse_spec
from text2json.baselines.strategies.full import Full
from text2json.errors import ModelError


@dataclass(frozen=True)
class Dense(Full):
    """Full attention that also keeps the prompt's last queries, for strategies that want to see them."""

    queries: int = 0

    name: ClassVar[str] = "dense"

    @property
    def prompt_queries(self) -> int:
        """As many as the most demanding strategy wants."""
        return self.queries


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
    def steps(self) -> list[float]:
        """Seconds of each step."""
        return [float(step) for step in np.diff([self.started, *self.stamps])]


@dataclass(frozen=True)
class Prefill:
    """Prompts that were read.

    Attributes:
        loaded: the model that read them.
        tokens: (B, N + 1) left-padded prompts, each with its first generated token.
        mask: (B, N + 1) false at padding.
        cache: keys and values of the N prompt tokens, and as many of their queries as any strategy wants.
        seconds: from the start to the first token.
        peak_rss_bytes: most memory of the process meanwhile.
    """

    loaded: LoadedModel
    tokens: Tensor
    mask: Tensor
    cache: TieredCache
    seconds: float
    peak_rss_bytes: int

    @property
    def prompt_tokens(self) -> list[int]:
        """Tokens of each prompt, without padding."""
        return [int(count) - 1 for count in self.mask.sum(1)]

    def hand_over(self, spec: str, *, last: bool, disk: Path | None = None) -> TieredCache:
        """Return a cache under `spec` that has read the prompts; a copy, or with `last` this one's own tensors.

        Its host tier lies in memory, or in the folder `disk`.

        Raises:
            SpecError: the strategy is unknown or impossible.
            ModelError: the strategy cannot serve the model.
        """
        cache = tiered_cache(self.loaded.model, spec, disk=disk)
        for mine, read in zip(cache.layers, self.cache.layers, strict=True):
            adopt(mine, read, copy=not last)
            if not last and isinstance(mine, TieredLayer):
                mine.lay_down()
        wanted = cache.strategy.prompt_queries
        for layer in cache.tiered_layers():
            if layer.queries is not None and wanted >= 0:
                layer.queries = layer.queries[:, :, -wanted:].contiguous() if wanted else None
        return cache


def adopt(layer: object, read: object, *, copy: bool) -> None:
    """Give `layer` the state of `read`, a layer of the same kind in another cache."""
    own = ("cache", "place") if isinstance(layer, TieredLayer) else ()
    for name, value in vars(read).items():
        if name not in own:
            setattr(layer, name, value.clone() if copy and isinstance(value, Tensor) else value)


def prefill(loaded: LoadedModel, problems: Sequence[str], specs: Sequence[str], disk: Path | None = None) -> Prefill:
    """Read `problems` for the strategies `specs`, as far as the first generated token.

    Raises:
        SpecError: a strategy is unknown or impossible.
        ModelError: the model cannot be served, or reads prompts without the cache that it was given.
    """
    reset_peak()
    inputs = loaded.encode(list(problems))
    cache = dense_cache(loaded.model, specs, disk)
    clock = Clock()
    tokens = generate(loaded, inputs["input_ids"], inputs["attention_mask"], cache, 1, clock)
    length, read = inputs["input_ids"].shape[1], cache.tiered_layers()[0].get_seq_length()
    if read != length:
        raise ModelError(f"{type(loaded.model).__name__} kept {read} of a prompt's {length} tokens in its cache",
                         remedy="shorten the prompts, or choose a model with plain attention")  # fmt: skip
    mask = torch.nn.functional.pad(inputs["attention_mask"], (0, 1), value=1)
    return Prefill(loaded, tokens, mask, cache, clock.steps[0], peak_rss_bytes())


def dense_cache(model: PreTrainedModel, specs: Sequence[str], disk: Path | None = None) -> TieredCache:
    """Return a new cache that keeps what any strategy of `specs` needs of a prompt, in memory or the folder `disk`."""
    strategies = [parse_spec(spec) for spec in specs]
    check_served(model, strategies)
    wanted = [strategy.prompt_queries for strategy in strategies]
    cache = TieredCache(model, Dense(queries=-1 if min(wanted) < 0 else max(wanted)), host_for(model, disk))
    model.set_attn_implementation(IMPLEMENTATION)
    return cache


def generate(loaded: LoadedModel, tokens: Tensor, mask: Tensor, cache: TieredCache, limit: int, clock: Clock) -> Tensor:
    """Continue `tokens` (B, N) greedily by at most `limit`; return (B, N + what was generated)."""
    with torch.inference_mode():
        found: Tensor = loaded.model.generate(  # type: ignore[operator]
            input_ids=tokens,
            attention_mask=mask,
            **handed(cache),
            max_new_tokens=limit,
            do_sample=False,
            num_beams=1,
            pad_token_id=loaded.tokenizer.pad_token_id,
            stopping_criteria=StoppingCriteriaList([clock]),
        )
    return found
