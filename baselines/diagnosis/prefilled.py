"""One prompt, read once: the dense prefill that is the same for every strategy, and caches that go on from it.

The prompt's exact keys and values stay here while strategies decode, one after the other; so a diagnosis holds them
and one strategy's tiers.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from text2json.baselines.cache import Observer, TieredCache, TieredLayer, handed
from text2json.baselines.models import LoadedModel
from text2json.baselines.prefill import adopt, dense_cache
from text2json.baselines.speculation import record_inputs
from text2json.baselines.strategy import Strategy

CHUNK = 32
"""Tokens whose logits are held at once."""


class Prefilled:
    """One sequence's prompt after its dense prefill, for several strategies to decode from.

    Args:
        loaded: the model.
        ids: (N,) the prompt's tokens.
        strategies: which will decode from it, so that the prefill leaves what they need.

    Raises:
        ModelError: the model's attention cannot be served.
    """

    def __init__(self, loaded: LoadedModel, ids: Sequence[int], strategies: Sequence[Strategy]) -> None:
        for strategy in strategies:
            if strategy.reads_inputs:
                record_inputs(loaded.model)
        self.loaded = loaded
        self.length = len(ids)
        self.cache = dense_cache(loaded.model, [strategy.spec for strategy in strategies])
        self.first = forward(loaded, self.cache, ids, last=True)[-1]
        """(V,) the logits after the prompt."""
        for layer in self.cache.tiered_layers():
            layer.dense = True  # a chunk of one token seals nothing
        self._sliding = {place: dict(vars(layer)) for place, layer in enumerate(self.cache.layers)
                         if not isinstance(layer, TieredLayer)}  # fmt: skip

    def exact(self, place: int) -> tuple[Tensor, Tensor]:
        """Return the prompt's keys and values (1, H, N, D) of one layer."""
        layer = self.cache.layers[place]
        assert isinstance(layer, TieredLayer)
        return layer.keys[:, :, : self.length], layer.values[:, :, : self.length]

    def fork(self, strategy: Strategy, observer: Observer | None = None) -> TieredCache:
        """Return a cache under `strategy` that has read the prompt; it shares tensors until it seals them."""
        cache = TieredCache(self.loaded.model, strategy)
        for mine, read in zip(cache.layers, self.cache.layers, strict=True):
            adopt(mine, read, copy=False)
        wanted = strategy.prompt_queries
        for layer in cache.tiered_layers():
            layer.dense = False
            layer.queries = None if layer.queries is None or wanted == 0 else layer.queries[:, :, -max(wanted, 0) :]
        cache.observer = observer
        return cache

    def logits(self, ids: Sequence[int]) -> Iterator[Tensor]:
        """Yield, `CHUNK` by `CHUNK`, the logits (C, V) of exact attention after each of `ids`, which follow the prompt.

        No cache may be forked meanwhile.
        """
        for start in range(0, len(ids), CHUNK):
            yield forward(self.loaded, self.cache, ids[start : start + CHUNK])
        self.rewind()

    def close(self) -> None:
        """Let go of the prompt."""
        release(self.cache)

    def rewind(self) -> None:
        """Forget what came after the prompt."""
        for layer in self.cache.tiered_layers():
            layer.keys, layer.values = self.exact(layer.place)
        for place, state in self._sliding.items():
            vars(self.cache.layers[place]).update(state)


def release(cache: TieredCache) -> None:
    """Let go of a cache's tensors: it and its layers hold each other until Python's collector happens to come."""
    cache.layers.clear()


def forward(loaded: LoadedModel, cache: TieredCache, ids: Sequence[int], *, last: bool = False) -> Tensor:
    """Let the model read `ids` after what `cache` holds; return logits (S, V), or (1, V) of the last one."""
    model = loaded.model
    keep = {"logits_to_keep": 1} if last and "logits_to_keep" in inspect.signature(model.forward).parameters else {}
    with torch.inference_mode():
        tokens = torch.tensor([list(ids)], device=model.device)
        logits: Tensor = model(input_ids=tokens, **handed(cache), use_cache=True, **keep).logits[0]
    return logits


def greedy(loaded: LoadedModel, cache: TieredCache, first: Tensor, max_new_tokens: int) -> Iterator[int]:
    """Yield greedy tokens; `first` are the prompt's own logits (V,).

    The last one is a stop token, or the one that meets the limit.
    """
    logits = first
    for count in range(1, max_new_tokens + 1):
        token = int(logits.argmax())
        yield token
        if token in loaded.stop_tokens or count == max_new_tokens:
            return
        logits = forward(loaded, cache, [token])[-1]
