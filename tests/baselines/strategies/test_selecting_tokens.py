"""Oracle, YAKV and ShadowKV, whose rule is the softmax of each query head and the maximum over the group."""

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
    resident_sets,
    seal,
    softmax_then_max,
    tokens_of,
    units_of,
)
from text2json.baselines.prompt import Prompt
from text2json.baselines.quantizers.higgs import grid, hadamard

LOCAL = 10


def quantised(prompt: Prompt, bits: int) -> Tensor:
    """Return the keys (B, H, N, D) after HIGGS over all kv-heads together, by its definition and the slowest way."""
    d = {2: 4, 4: 2, 1: 8}[bits]
    points = grid(d, 256)
    batch, heads, length, size = prompt.keys.shape
    group = max(d, 1 << (heads * size - 1).bit_length())
    turn = hadamard(group)
    rows = torch.zeros(batch, length, group)
    rows[..., : heads * size] = prompt.keys.transpose(1, 2).flatten(2)
    turned = rows @ turn
    scale = (turned.norm(dim=-1, keepdim=True) / group**0.5).half().float()
    tuples = (turned / scale.clamp(min=1e-12)).unflatten(-1, (-1, d))
    nearest = torch.cdist(tuples.flatten(0, 2), points).argmin(-1)
    back = (points[nearest].view(batch, length, group) * scale) @ turn
    keys: Tensor = back[..., : heads * size].unflatten(-1, (heads, size)).transpose(1, 2)
    return keys


@settings(max_examples=25)
@given(
    shape=SHAPES, budget=st.integers(1, 29), method=st.sampled_from(["oracle", "yakv"]), bits=st.sampled_from([1, 2])
)
def test_each_kv_head_reads_the_tokens_of_largest_weight(
    shape: dict[str, Any], budget: int, method: str, bits: int
) -> None:
    prompt = make_prompt(**shape)
    query = random_query(prompt)
    extra = f",index_bits={bits}" if method == "yakv" else ""
    sealed = seal(f"{method}:budget={budget},local={LOCAL}{extra}", prompt)
    keys = prompt.keys if method == "oracle" else quantised(prompt, bits)
    found, resident = chosen_sets(sealed, query), resident_sets(sealed)
    border = shape["length"] - LOCAL
    for b in range(shape["batch"]):
        allowed = prompt.valid[b, :border].tolist()
        for h in range(shape["heads"]):
            scores = query[b, h] @ keys[b, h, :border].T * shape["size"] ** -0.5
            assert_top(found[b][h], softmax_then_max(scores, allowed), budget, tolerance=1e-3)
            assert resident[b][h] == {t for t in range(border, shape["length"]) if bool(prompt.valid[b, t])}


@settings(max_examples=25)
@given(shape=SHAPES, budget=st.integers(4, 29), chunk=st.sampled_from([3, 4]), align=st.sampled_from([1, 2]))
def test_each_kv_head_reads_the_chunks_of_largest_weight(
    shape: dict[str, Any], budget: int, chunk: int, align: int
) -> None:
    prompt = make_prompt(**shape)
    query = random_query(prompt)
    sealed = seal(f"shadowkv:budget={budget},local={LOCAL},chunk={chunk},outliers=0,align={align}", prompt)
    found = chosen_sets(sealed, query)
    chunks = (shape["length"] - LOCAL) // chunk // align * align
    for b in range(shape["batch"]):
        valid = prompt.valid[b]
        allowed = [bool(valid[chunk * c : chunk * c + chunk].any()) for c in range(chunks)]
        for h in range(shape["heads"]):
            means = []
            for c in range(chunks):
                keys = [prompt.keys[b, h, t] for t in range(chunk * c, chunk * c + chunk) if bool(valid[t])]
                means.append(torch.stack(keys).mean(0) if keys else torch.zeros(shape["size"]))
            scores = query[b, h] @ torch.stack(means).T * shape["size"] ** -0.5
            units = units_of(found[b][h], chunk)
            assert_top(units, softmax_then_max(scores, allowed), budget // chunk, tolerance=1e-3)
            assert found[b][h] == tokens_of(units, chunk, valid)


@pytest.mark.parametrize(
    "spec",
    [
        "oracle:budget=12,local=10",
        "yakv:budget=12,local=10",
        "yakv:budget=12,local=10,index_bits=4,signs=5",
        "yakv:preset=code,budget=12,local=10",
        "shadowkv:budget=16,local=10,rank=9,outliers=2",
        "ablation:budget=12,local=10,bits=8,keys=int,values=nvfp4",
    ],
)
@pytest.mark.parametrize("size", [6, 32])
def test_a_step_from_compressed_storage_equals_the_dequantised_simulation(spec: str, size: int) -> None:
    check_step_equals_simulation(make_prompt(4, size=size), spec)


def test_the_code_s_shadowkv_has_chunks_in_eights() -> None:
    """Its published cache rounds the chunks down to a multiple of 8, and the rest joins the window."""
    prompt = make_prompt(1, batch=1, length=300, padding=0)
    sealed = seal("shadowkv:preset=code,budget=32,outliers=0", prompt)
    assert sealed.selection.allowed.shape[2] == 32  # of (300 - 32) // 8 = 33
    assert resident_sets(sealed)[0][0] == set(range(256, 300))
