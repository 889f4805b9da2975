from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from tests.baselines.references import (
    SHAPES,
    assert_top,
    check_step_equals_simulation,
    chosen_sets,
    make_prompt,
    random_query,
    seal,
    softmax_then_max,
)
from text2json.baselines.prompt import Prompt
from text2json.baselines.quantizers.formats import higgs
from text2json.baselines.strategies import parse_spec
from text2json.errors import SpecError


def dequantised(prompt: Prompt, row: int, border: int, chunk: int) -> Tensor:
    """Return the keys (N, H * D) of one row: mean of each chunk at 4 bits, difference from it at 1, in plain loops."""
    channels = prompt.keys.shape[1] * prompt.keys.shape[3]
    first = int(prompt.valid[row].nonzero()[0])
    keys = [prompt.keys[row, :, max(first, t)].flatten() for t in range(border)]
    mean, residual = higgs(4, channels), higgs(1, channels)
    out = []
    for start in range(0, border, chunk):
        inside = [keys[min(t, border - 1)] for t in range(start, start + chunk)]
        average = torch.stack(inside).mean(0)
        stored = mean.decode(*mean.encode(average), channels)
        for t in range(start, min(start + chunk, border)):
            out.append(stored + residual.decode(*residual.encode(keys[t] - stored), channels))
    return torch.stack(out)


@settings(max_examples=20)
@given(shape=SHAPES, budget=st.integers(1, 30), chunk=st.sampled_from([1, 3, 8]))
def test_tokens_are_picked_by_mean_plus_difference(shape: dict[str, Any], budget: int, chunk: int) -> None:
    prompt = make_prompt(**shape)
    query = random_query(prompt)
    sealed = seal(f"residual-landmarks:budget={budget},local=10,chunk={chunk}", prompt)
    found = chosen_sets(sealed, query)
    border = shape["length"] - 10
    for b in range(shape["batch"]):
        keys = dequantised(prompt, b, border, chunk).view(border, shape["heads"], shape["size"])
        for h in range(shape["heads"]):
            scores = query[b, h] @ keys[:, h].T * shape["size"] ** -0.5
            weights = softmax_then_max(scores, prompt.valid[b, :border].tolist())
            assert_top(found[b][h], weights, budget, tolerance=1e-4)


def test_a_difference_mends_the_mean() -> None:
    """At 1 bit a difference keeps 68 % of its energy, so scores come nearer to the exact ones than the mean's."""
    prompt = make_prompt(3, batch=1, heads=8, size=128, length=264, padding=0)
    query = random_query(prompt)
    exact = query @ prompt.keys[:, :, :200].transpose(2, 3)
    index: Any = seal("residual-landmarks:budget=9", prompt).index
    both = float((index.scores(query) - exact).square().mean())
    mean = float((index.means.scores(query).repeat_interleave(8, -1) - exact).square().mean())
    assert both < 0.45 * mean


def test_a_step_equals_its_simulation_also_after_reordering() -> None:
    prompt = make_prompt(4)
    check_step_equals_simulation(prompt, "residual-landmarks:budget=12,local=9")
    sealed = seal("residual-landmarks:budget=12,local=9", prompt)
    query = random_query(prompt)
    straight = chosen_sets(sealed, query)
    sealed.apply(lambda tensor: tensor.flip(0))
    assert chosen_sets(sealed, query.flip(0)) == straight[::-1]


def test_bytes_are_those_of_the_formula_and_of_the_tensors() -> None:
    """1.5 bits a channel: d (4/8 + 1) / 8 = 24 a token and kv-head, and scales of 2 (1/8 + 1) / 8 = 0.28."""
    prompt = make_prompt(5, batch=1, heads=8, size=128, length=1024 + 64, padding=0, dtype=torch.bfloat16)
    sealed = seal("residual-landmarks", prompt)
    assert sealed.index is not None
    assert sealed.index.nbytes == (24 + 2 * (1 / 8 + 1) / 8) * 8 * 1024
    yakv = seal("yakv", prompt)
    assert yakv.index is not None
    assert yakv.index.nbytes == 32.25 * 8 * 1024
    assert sealed.index.nbytes < 0.76 * yakv.index.nbytes
    assert seal("yakv:preset=code", prompt).index.nbytes == 34 * 8 * 1024  # type: ignore[union-attr]


@pytest.mark.parametrize("options", ["chunk=0", "mean_bits=3", "residual_bits=8", "index_group=24", "budget=0"])
def test_impossible_options_are_errors(options: str) -> None:
    with pytest.raises(SpecError):
        parse_spec(f"residual-landmarks:{options}")
