"""Every strategy's formulae against the tensors that it really keeps."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.baselines.references import layer_of, make_prompt, random_query, real_step
from text2json.baselines.cache import TieredLayer
from text2json.baselines.footprint import Footprint, Geometry
from text2json.baselines.prompt import Prompt
from text2json.baselines.strategies import STRATEGIES, parse_spec

LLAMA_LAYER = Geometry(heads=8, group=4, size=128, tokens=131_072, layers=32)
"""Llama-3.1-8B's."""
SMALL = {
    "oracle": "budget=12,local=9",
    "shadowkv": "budget=24,local=9,outliers=2,rank=12",
    "yakv": "budget=12,local=9",
    "yakv-serving": "budget=12,least=0,prefix=0.1,suffix=0.1",
    "residual-landmarks": "budget=12,local=9",
    "quest": "budget=32,page=8",
    "arkvale": "budget=24,page=8,sinks=1,window=2",
    "infinigen": "budget=12,local=9,alpha=0",
    "lrqk": "budget=12,local=9,rank=3",
    "streaming-llm": "window=30",
    "snapkv": "budget=40",
    "quantized": "local=20",
    "ablation": "budget=12,local=9,bits=4,keys=higgs,values=fp8",
}
"""Options with which a prompt of 100 tokens is not covered."""


def measured(layer: TieredLayer, prompt: Prompt) -> Footprint:
    """Return the bytes of a sealed layer's tensors after a step, and what the step moved."""
    sealed = layer.sealed
    assert sealed is not None
    kept: dict[str, int] = defaultdict(int)
    for part in sealed.parts():
        kept[part.tier] += part.nbytes
    return Footprint(kept["device"], kept["host"], layer.cache.ledger.moved)


def stepped(spec: str, prompt: Prompt) -> TieredLayer:
    layer, query = layer_of(prompt, spec), random_query(prompt)
    real_step(layer, query, query.flatten(1, 2).unsqueeze(2) if layer.cache.strategy.reads_inputs else None)
    return layer


def geometry_of(prompt: Prompt) -> Geometry:
    assert prompt.queries is not None
    _, heads, length, size = prompt.keys.shape
    return Geometry(heads, prompt.queries.shape[1] // heads, size, length, prompt.keys.element_size())


@pytest.mark.parametrize("name", [name for name in STRATEGIES if name != "full"])
@settings(max_examples=12)
@given(
    shape=st.fixed_dictionaries({
        "heads": st.integers(1, 3),
        "group": st.integers(1, 3),
        "size": st.sampled_from([6, 16, 20, 32]),
        "length": st.integers(80, 130),
        "dtype": st.sampled_from([torch.float32, torch.bfloat16]),
    })
)  # fmt: skip
def test_the_formula_is_what_the_tensors_take_and_the_step_moves(name: str, shape: dict[str, Any]) -> None:
    prompt = make_prompt(3, batch=1, padding=0, **shape)
    spec = f"{name}:{SMALL.get(name, '')}".rstrip(":")
    found, told = measured(stepped(spec, prompt), prompt), parse_spec(spec).footprint(geometry_of(prompt))
    if name == "infinigen":  # which channels two rankings share is up to the data
        assert told.device / 2 <= found.device <= told.device
        found = replace(found, device=told.device)
    assert found == told


@pytest.mark.parametrize("name", STRATEGIES)
def test_a_covered_prompt_is_full_attention_in_the_formula_too(name: str) -> None:
    """Whenever the formula says so, `seal` leaves the prompt whole, and the other way round."""
    for length in (3, 20, 60, 100, 140):
        for options in ("", SMALL.get(name, "")):
            strategy = parse_spec(f"{name}:{options}".rstrip(":"))
            prompt = make_prompt(1, batch=1, length=length, padding=0)
            whole = strategy.footprint(geometry_of(prompt)) == geometry_of(prompt).full
            assert whole == (strategy.seal(prompt) is None)


def index_bytes(spec: str, geometry: Geometry = LLAMA_LAYER) -> float:
    """Return device bytes per token and kv-head without what a fixed number of tokens takes: two lengths compared."""
    few = replace(geometry, tokens=geometry.tokens // 2)
    more, less = (parse_spec(spec).footprint(each).device for each in (geometry, few))
    return (more - less) / (geometry.tokens - few.tokens) / geometry.heads


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("full", 512),
        ("full-offload", 0),
        ("shadowkv:preset=paper", 40 + 32),
        ("yakv", 32.25),
        ("yakv:preset=code", 34),
        ("yakv-serving:prefix=0,suffix=0", 32.25),
        ("residual-landmarks", 64.25 / 8 + 16.25),
        ("quest", 32),
        ("arkvale", 32),
        ("arkvale:preset=paper", 16),
        ("lrqk:budget=2048", 256),
        ("lrqk:budget=2048,rank=16", 128),
        ("oracle", 256),
        ("quantized", 512 / 16 * 2 + 2 * 128 / 32 * 4),
        ("streaming-llm", 0),
        ("snapkv", 0),
    ],
)
def test_device_bytes_a_token_are_those_of_the_papers(spec: str, expected: float) -> None:
    """Head size 128, 8 kv-heads, 16 bits; the figures are arithmetic from the methods' definitions."""
    assert index_bytes(spec) == pytest.approx(expected, rel=2e-3, abs=1e-6)


def test_yakv_takes_a_fifteenth_of_full_attention_with_everything_counted() -> None:
    for tokens in (32_768, 131_072):
        geometry = replace(LLAMA_LAYER, tokens=tokens)
        assert geometry.full.device / parse_spec("yakv").footprint(geometry).device > 15


@pytest.mark.parametrize(
    ("spec", "bytes_a_token"),
    [("shadowkv", 4), ("yakv", 4.125), ("arkvale", 4), ("full-offload", 512), ("oracle", 8)],
)
def test_equal_traffic_is_that_of_the_paper(spec: str, bytes_a_token: float) -> None:
    """From arXiv 2604.08426: 1.5625 % of 16-bit values, 3.125 % at 4 bits and 0.78125 % of both move 4 bytes."""
    found = parse_spec(spec).footprint(LLAMA_LAYER).per_token(LLAMA_LAYER).moved
    assert found == pytest.approx(bytes_a_token, rel=2e-3)


def test_first_whole_layers_count_in_the_mean() -> None:
    geometry = replace(LLAMA_LAYER, layers=4)
    sealed = parse_spec("quest").footprint(geometry).per_token(geometry)
    mean = parse_spec("quest").mean_footprint(geometry)
    assert mean.device == pytest.approx((2 * 512 + 2 * sealed.device) / 4)
    assert mean.moved == pytest.approx(sealed.moved / 2)
