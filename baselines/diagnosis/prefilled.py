"""One prompt, read once: the dense prefill that is the same for every strategy, and caches that go on from it.

The prompt's exact keys and values stay here while strategies decode, one after the other; so a diagnosis holds them,
one strategy's tiers, and for the moment before sealing one copy more.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from text2json.baselines.cache import IMPLEMENTATION, Observer, TieredCache, TieredLayer, check_served
from text2json.baselines.models import LoadedModel
from text2json.baselines.speculation import record_inputs
from text2json.baselines.strategies.full import Full
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
        check_served(loaded.model)
        loaded.model.set_attn_implementation(IMPLEMENTATION)
        for strategy in strategies:
            if strategy.reads_inputs:
                record_inputs(loaded.model)
        self.loaded = loaded
        self.length = len(ids)
        asking = max(strategies, key=_queries, default=Full())
        self.cache = TieredCache(loaded.model, asking)
        self.first = forward(loaded, self.cache, ids, last=True)[-1]
        """(V,) the logits after the prompt."""
        self.queries = {layer.place: layer.queries for layer in self.cache.tiered_layers()}
        for layer in self.cache.tiered_layers():
            layer.queries, layer.dense = None, True
        self._stock = {place: copy.deepcopy(layer) for place, layer in enumerate(self.cache.layers)
                       if not isinstance(layer, TieredLayer)}  # fmt: skip

    def exact(self, place: int) -> tuple[Tensor, Tensor]:
        """Return the prompt's keys and values (1, H, N, D) of one layer."""
        layer = self.cache.layers[place]
        assert isinstance(layer, TieredLayer)
        return layer.keys[:, :, : self.length], layer.values[:, :, : self.length]

    def fork(self, strategy: Strategy, observer: Observer | None = None) -> TieredCache:
        """Return a cache under `strategy` that has read the prompt."""
        cache = TieredCache(self.loaded.model, strategy)
        for layer in cache.tiered_layers():
            with torch.inference_mode():
                layer.update(*self.exact(layer.place))
                layer.pending = False
                queries = self.queries[layer.place]
                if queries is not None:
                    layer.keep_queries(queries)
        for place, stock in self._stock.items():
            cache.layers[place] = copy.deepcopy(stock)
        cache.observer = observer
        return cache

    def logits(self, ids: Sequence[int]) -> Iterator[Tensor]:
        """Yield, chunk by chunk, the logits (C, V) of exact attention after each of `ids`, which follow the prompt."""
        self.rewind()
        for start in range(0, len(ids), CHUNK):
            yield forward(self.loaded, self.cache, ids[start : start + CHUNK])
        self.rewind()

    def rewind(self) -> None:
        """Forget what came after the prompt."""
        for layer in self.cache.tiered_layers():
            layer.keys, layer.values = self.exact(layer.place)
        for place, stock in self._stock.items():
            self.cache.layers[place] = copy.deepcopy(stock)


def _queries(strategy: Strategy) -> float:
    return float("inf") if strategy.prompt_queries < 0 else strategy.prompt_queries


def forward(loaded: LoadedModel, cache: TieredCache, ids: Sequence[int], *, last: bool = False) -> Tensor:
    """Let the model read `ids` after what `cache` holds; return logits (S, V), or (1, V) of the last one."""
    model = loaded.model
    keep = {"logits_to_keep": 1} if last and "logits_to_keep" in inspect.signature(model.forward).parameters else {}
    with torch.inference_mode():
        tokens = torch.tensor([list(ids)], device=model.device)
        logits: Tensor = model(input_ids=tokens, past_key_values=cache, use_cache=True, **keep).logits[0]
    return logits


def greedy(
    loaded: LoadedModel, cache: TieredCache, first: Tensor, max_new_tokens: int
) -> Iterator[tuple[int, Tensor | None]]:
    """Yield greedy tokens, each with the logits (V,) that it was chosen from; the first from the prompt's own `first`.

    The last one is a stop token, or the one that meets the limit.
    """
    logits = first
    for _ in range(max_new_tokens):
        token = int(logits.argmax())
        yield token, logits
        if token in loaded.stop_tokens:
            return
        logits = forward(loaded, cache, [token])[-1]
