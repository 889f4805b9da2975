"""A step's kernels that run again, against the same steps on torch alone."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch
from torch import Tensor

from tests.baselines.tiny import tiny
from text2json.baselines.cache import TieredCache, TieredLayer, decode, positions_of
from text2json.baselines.kernels import library
from text2json.baselines.kernels.calls import SPARE
from text2json.baselines.prompt import Prompt
from text2json.baselines.strategies import parse_spec

pytestmark = pytest.mark.skipif(library.library() is None, reason="the library is not built here")

REPLAYED = [
    "oracle:budget=20,local=4",
    "shadowkv:budget=24,local=8,rank=20,outliers=2",
    "quest:budget=48,page=8,dense_layers=0",
    "arkvale:budget=48,page=8,dense_layers=0",
    "yakv:budget=20,local=4",
    "yakv:budget=20,local=4,signs=3",
]
LENGTH, PADDING = 120, 9


def layer_of(spec: str, dtype: torch.dtype, batch: int = 2) -> TieredLayer:
    """Return a sealed layer with one generated token."""
    model = tiny()
    generator = torch.Generator().manual_seed(1)
    keys, values = (torch.randn(batch, 2, LENGTH, 32, generator=generator).to(dtype) for _ in range(2))
    valid = torch.ones(batch, LENGTH, dtype=torch.bool)
    valid[0, :PADDING] = False
    layer = TieredCache(model, parse_spec(spec)).tiered_layers()[0]
    layer.sealed = layer.cache.strategy.seal(Prompt(keys, values, valid, positions_of(valid), model))
    layer.keys, layer.values = (torch.randn(batch, 2, 1, 32, generator=generator).to(dtype) for _ in range(2))
    return layer


def step(layer: TieredLayer, seed: int) -> Tensor:
    """Generate a token, and attend with a query of its own."""
    generator, dtype = torch.Generator().manual_seed(seed), layer.keys.dtype
    batch = layer.keys.shape[0]
    layer.append(*(torch.randn(batch, 2, 1, 32, generator=generator).to(dtype) for _ in range(2)))
    query = torch.randn(batch, 4, 1, 32, generator=generator).to(dtype)
    assert layer.sealed is not None
    return decode(layer, layer.sealed, query, 32**-0.5, None)


def kept(layer: TieredLayer) -> object:
    assert layer.sealed is not None
    return layer.sealed.replay


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("spec", REPLAYED)
def test_steps_that_run_again_are_those_of_torch(spec: str, dtype: torch.dtype) -> None:
    """More steps than there is spare memory for, and what is moved counted alike."""
    layer, plain = layer_of(spec, dtype), layer_of(spec, dtype)
    step(layer, 0)
    first = kept(layer)
    assert first is not None
    outputs = [step(layer, seed) for seed in range(1, SPARE + 9)]
    assert kept(layer) is not first
    with library.use("torch"):
        step(plain, 0)
        wanted = [step(plain, seed) for seed in range(1, SPARE + 9)]
    assert kept(plain) is None
    for found, expected in zip(outputs, wanted, strict=True):
        tolerance = 1e-5 if dtype == torch.float32 else 2e-2
        torch.testing.assert_close(found, expected, rtol=tolerance, atol=tolerance)
    assert layer.cache._moved == plain.cache._moved > 0
    assert layer.cache._moved_with_reuse == plain.cache._moved_with_reuse


def test_the_same_kernels_run_until_something_else_changes() -> None:
    layer = layer_of("yakv:budget=20,local=4", torch.float32)
    step(layer, 0)
    first = kept(layer)
    step(layer, 1)
    assert kept(layer) is first is not None
    layer.apply(lambda tensor: tensor.flip(0))
    step(layer, 2)
    assert kept(layer) not in (first, None)
    second = kept(layer)
    with library.use("portable"):
        step(layer, 3)
        assert kept(layer) is not second


def test_sequences_that_change_places_take_their_answers_with_them() -> None:
    layer, other = (layer_of("yakv:budget=20,local=4", torch.float32) for _ in range(2))
    for seed in range(2):
        step(layer, seed)
        step(other, seed)
    other.apply(lambda tensor: tensor.flip(0))
    query = torch.randn(2, 4, 1, 32)
    assert layer.sealed is not None
    assert other.sealed is not None
    straight = decode(layer, layer.sealed, query, 0.2, None)
    torch.testing.assert_close(decode(other, other.sealed, query.flip(0), 0.2, None).flip(0), straight)


def test_layers_take_turns_in_the_same_memory() -> None:
    layers = [layer_of("shadowkv:budget=24,local=8,rank=20,outliers=2", torch.float32, batch) for batch in (1, 2, 1)]
    alone = [[step(layer, seed) for seed in range(5)] for layer in layers]
    shared = [layer_of("shadowkv:budget=24,local=8,rank=20,outliers=2", torch.float32, batch) for batch in (1, 2, 1)]
    for layer in shared:
        layer.cache.arena = shared[0].cache.arena
    together = [[step(layer, seed) for layer in shared] for seed in range(5)]
    assert all(torch.equal(alone[n][seed], together[seed][n]) for n in range(3) for seed in range(5))


def test_copies_make_kernels_of_their_own() -> None:
    layer = layer_of("yakv:budget=20,local=4", torch.float32)
    step(layer, 0)
    twin = copy.deepcopy(layer)
    assert kept(twin) is None
    assert pickle.loads(pickle.dumps(kept(layer))) is None
    assert torch.equal(step(layer, 1), step(twin, 1))
    assert kept(twin) is not None


def test_a_query_that_had_to_be_copied_is_not_asked_again() -> None:
    layer = layer_of("oracle:budget=20,local=4", torch.float32)
    wide = torch.randn(2, 4, 1, 64)
    assert layer.sealed is not None
    for query in (wide[..., ::2], wide[..., 1::2]):
        found = decode(layer, layer.sealed, query, 0.2, None)
        assert kept(layer) is None
        with library.use("torch"):
            torch.testing.assert_close(found, decode(layer, layer.sealed, query, 0.2, None))
