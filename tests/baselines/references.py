"""Slow, plain references that the tests of all strategies share."""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from hypothesis import strategies as st
from torch import Tensor
from transformers import PreTrainedModel

from tests.baselines.tiny import tiny
from text2json.baselines.cache import TieredCache, TieredLayer, decode, positions_of
from text2json.baselines.prompt import Prompt
from text2json.baselines.sealed import Sealed
from text2json.baselines.strategies import parse_spec

SHAPES = st.fixed_dictionaries({
    "seed": st.integers(0, 10_000),
    "batch": st.integers(1, 2),
    "heads": st.integers(1, 3),
    "group": st.integers(1, 4),
    "size": st.sampled_from([4, 6, 16, 32]),
    "length": st.integers(60, 120),
    "padding": st.integers(0, 20),
    "ties": st.booleans(),
})  # fmt: skip
"""Random shapes of a prompt; `ties` makes many keys equal."""


@cache
def model_of(size: int) -> PreTrainedModel:
    return tiny(head_dim=size)


def make_prompt(
    seed: int = 0,
    *,
    batch: int = 2,
    heads: int = 2,
    group: int = 2,
    size: int = 32,
    length: int = 100,
    padding: int = 16,
    ties: bool = False,
    layer: int = 5,
    dtype: torch.dtype = torch.float32,
) -> Prompt:
    """Return a random prompt whose first row is padded, with the queries of all of its tokens."""
    generator = torch.Generator().manual_seed(seed)
    keys, values = (torch.randn(batch, heads, length, size, generator=generator) for _ in range(2))
    queries = torch.randn(batch, heads * group, length, size, generator=generator)
    if ties:
        keys = keys[:, :, torch.randint(0, 5, (length,), generator=generator)]
    valid = torch.ones(batch, length, dtype=torch.bool)
    valid[0, :padding] = False
    keys, values, queries = (tensor.to(dtype).contiguous() for tensor in (keys, values, queries))
    return Prompt(keys, values, valid, positions_of(valid), model_of(size), layer, queries)


def random_query(prompt: Prompt, seed: int = 1) -> Tensor:
    """Return a query (B, H, G, D) that fits the prompt."""
    assert prompt.queries is not None
    batch, heads, _, size = prompt.keys.shape
    group = prompt.queries.shape[1] // heads
    drawn = torch.randn(batch, heads, group, size, generator=torch.Generator().manual_seed(seed))
    return drawn.to(prompt.keys.dtype)


def seal(spec: str, prompt: Prompt) -> Sealed:
    """Seal a prompt that the budget does not cover."""
    sealed = parse_spec(spec).seal(prompt)
    assert sealed is not None
    return sealed


def chosen_sets(sealed: Sealed, query: Tensor) -> list[list[set[int]]]:
    """Return the places that a step reads beside the residents, for each row and each head that chooses."""
    tokens, chosen = sealed.select(query, query.shape[-1] ** -0.5)
    return [
        [{int(t) for t, c in zip(tokens[b, h], chosen[b, h], strict=True) if c} for h in range(tokens.shape[1])]
        for b in range(tokens.shape[0])
    ]


def resident_sets(sealed: Sealed) -> list[list[set[int]]]:
    """Return the places of the residents, for each row and kv-head."""
    places, valid = sealed.residents.places, sealed.residents.valid
    return [
        [{int(t) for t, c in zip(places[b, h], valid[b, h], strict=True) if c} for h in range(places.shape[1])]
        for b in range(places.shape[0])
    ]


def softmax(row: list[float], allowed: list[bool]) -> list[float]:
    """Return the softmax over what is allowed; minus infinity elsewhere."""
    top = max([score for score, ok in zip(row, allowed, strict=True) if ok], default=0.0)
    powers = [2.718281828459045 ** (score - top) if ok else 0.0 for score, ok in zip(row, allowed, strict=True)]
    return [power / sum(powers) if ok else float("-inf") for power, ok in zip(powers, allowed, strict=True)]


def softmax_then_max(scores: Tensor, allowed: list[bool]) -> list[float]:
    """Return the weight of each unit for scores (G, units) of one kv-head: softmax per head, maximum over heads."""
    return [max(column) for column in zip(*(softmax(row, allowed) for row in scores.tolist()), strict=True)]


def raw(scores: list[float], allowed: list[bool]) -> list[float]:
    """Return scores where allowed, minus infinity elsewhere."""
    return [score if ok else float("-inf") for score, ok in zip(scores, allowed, strict=True)]


def assert_top(found: set[int], weights: list[float], count: int, tolerance: float = 1e-5) -> None:
    """Check that `found` is a set of the `count` heaviest units; units of equal weight may stand for each other."""
    possible = [unit for unit, weight in enumerate(weights) if weight > float("-inf")]
    assert len(found) == min(count, len(possible))
    assert found <= set(possible)
    least = min((weights[unit] for unit in found), default=float("inf"))
    left_out = max((weights[unit] for unit in possible if unit not in found), default=float("-inf"))
    assert least >= left_out - tolerance * max(1.0, abs(left_out))


def tokens_of(units: set[int], size: int, valid: Tensor) -> set[int]:
    """Return the valid tokens of units of `size` tokens."""
    return {size * unit + place for unit in units for place in range(size) if bool(valid[size * unit + place])}


def units_of(tokens: set[int], size: int) -> set[int]:
    """Return the units of `size` tokens that tokens stand in."""
    return {token // size for token in tokens}


def layer_of(prompt: Prompt, spec: str, generated: int = 3) -> TieredLayer:
    """Return a sealed layer with some generated tokens, outside of any model's forward pass."""
    cache = TieredCache(prompt.model, parse_spec(spec))  # type: ignore[arg-type]
    layer = cache.tiered_layers()[0]
    layer.sealed = cache.strategy.seal(prompt)
    generator = torch.Generator().manual_seed(9)
    shape = (prompt.keys.shape[0], prompt.keys.shape[1], generated, prompt.keys.shape[3])
    layer.keys, layer.values = (torch.randn(shape, generator=generator).to(prompt.keys.dtype) for _ in range(2))
    return layer


def simulated_step(layer: TieredLayer, query: Tensor, keys: Tensor, values: Tensor, read: Any) -> Tensor:
    """Return plain attention (B, 1, H_q, D) over keys and values (B, H, N, D) of the prompt that `read` names.

    `read` has for each row and choosing head the set of places that count; generated tokens always count.
    """
    batch, heads, group, _ = query.shape
    out = torch.zeros(batch, heads * group, query.shape[3])
    for b in range(batch):
        choosers = len(read[b])
        for q in range(heads * group):
            h = q // group
            places = sorted(read[b][q * choosers // (heads * group)])
            k = torch.cat([keys[b, h, places], layer.keys[b, h]]).float()
            v = torch.cat([values[b, h, places], layer.values[b, h]]).float()
            weights = (k @ query[b, h, q % group].float() * query.shape[3] ** -0.5).softmax(0)
            out[b, q] = weights @ v
    return out.unsqueeze(1)


def real_step(layer: TieredLayer, query: Tensor, predicted: Tensor | None = None) -> Tensor:
    """Return what the cache's own decoding step gives for query (B, H, G, D)."""
    assert layer.sealed is not None
    batch, heads, group, size = query.shape
    flat = query.reshape(batch, heads * group, 1, size)
    return decode(layer, layer.sealed, flat, size**-0.5, predicted)


def check_step_equals_simulation(prompt: Prompt, spec: str) -> None:
    """Hold a real step, from compressed storage, against plain attention over the dequantised prompt."""
    layer, query = layer_of(prompt, spec), random_query(prompt)
    sealed = layer.sealed
    assert sealed is not None
    keys, values = sealed.rebuild(torch.float32)
    if sealed.index is not None:
        predicted = query if layer.cache.strategy.reads_inputs else None
        sealed.index.observe(query, layer.keys[:, :, -1:], predicted)
    chosen, resident = chosen_sets(sealed, query), resident_sets(sealed)
    ratio = len(chosen[0]) // len(resident[0])
    read = [
        [places | resident[b][h // ratio] for h, places in enumerate(row)] for b, row in enumerate(chosen)
    ]  # fmt: skip
    again = layer_of(prompt, spec)
    step = real_step(again, query, query.flatten(1, 2).unsqueeze(2) if layer.cache.strategy.reads_inputs else None)
    torch.testing.assert_close(step, simulated_step(layer, query, keys, values, read), rtol=1e-4, atol=1e-4)
