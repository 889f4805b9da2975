from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.baselines.references import (
    SHAPES,
    assert_top,
    check_step_equals_simulation,
    chosen_sets,
    make_prompt,
    random_query,
    raw,
    resident_sets,
    seal,
    tokens_of,
    units_of,
)
from text2json.baselines.strategies import parse_spec
from text2json.errors import SpecError


@settings(max_examples=25)
@given(shape=SHAPES, share=st.floats(0.02, 0.3), page=st.sampled_from([4, 8]), shared=st.booleans())
def test_pages_are_recalled_by_their_cuboids(shape: dict[str, Any], share: float, page: int, shared: bool) -> None:
    """Per channel c = (max + min) / 2, r = mean |c - k|; score = mean over heads of sum max(q (c + r), q (c - r))."""
    prompt = make_prompt(**shape)
    query = random_query(prompt)
    sealed = seal(f"arkvale:budget={share},page={page},sinks=1,window=2,shared={int(shared)}", prompt)
    found, resident = chosen_sets(sealed, query), resident_sets(sealed)
    border = (math.ceil(shape["length"] / page) - 2) * page
    for b in range(shape["batch"]):
        valid = prompt.valid[b]
        real = [bool(valid[p : p + page].any()) for p in range(0, border, page)]
        sink = real.index(True)
        allowed = [ok and unit != sink for unit, ok in enumerate(real)]
        count = math.ceil(int(valid.sum()) * share / page)
        means = []
        for h in range(shape["heads"]):
            rows = []
            for start in range(0, border, page):
                keys = torch.stack([prompt.keys[b, h, t] for t in range(start, start + page) if valid[t]] or
                                   [torch.zeros(shape["size"])])  # fmt: skip
                centre = (keys.max(0).values + keys.min(0).values) / 2
                radius = (centre - keys).abs().mean(0)
                products = torch.maximum(query[b, h] * (centre + radius), query[b, h] * (centre - radius))
                rows.append(float(products.sum(1).mean()) * shape["size"] ** -0.5)
            means.append(rows)
        if shared:
            means = [[sum(column) / len(means) for column in zip(*means, strict=True)]] * shape["heads"]
        for h in range(shape["heads"]):
            units = units_of(found[b][h], page)
            assert_top(units, raw(means[h], allowed), count)
            assert found[b][h] == tokens_of(units, page, valid)
            tail = {t for t in range(border, shape["length"]) if valid[t]}
            assert resident[b][h] == tokens_of({sink}, page, valid) | tail


@pytest.mark.parametrize("spec", ["arkvale:window=2", "arkvale:window=1,sinks=0,page=8,shared=1,budget=24"])
def test_a_step_equals_its_simulation_and_full_precision_comes_back(spec: str) -> None:
    prompt = make_prompt(4)
    check_step_equals_simulation(prompt, spec)
    keys, values = seal(spec, prompt).rebuild(torch.float32)
    assert torch.equal(keys, prompt.keys)
    assert torch.equal(values, prompt.values)


def test_bytes_are_those_of_the_formula_and_of_the_tensors() -> None:
    """4 d / 16 = 32 a token and kv-head at d = 128; a step moves at most 0.78125 % of N at 512 bytes: 4 N."""
    length = 2048
    prompt = make_prompt(5, batch=1, heads=8, group=4, size=128, length=length, padding=0, dtype=torch.bfloat16)
    sealed = seal("arkvale", prompt)
    assert sealed.index is not None
    border = length - 5 * 16
    assert sealed.index.nbytes == 32 * 8 * border
    assert sealed.keys.nbytes + sealed.values.nbytes == 512 * 8 * border
    assert sealed.residents.keys.nbytes + sealed.residents.values.nbytes == 512 * 8 * 7 * 16
    tokens, chosen = sealed.select(random_query(prompt), 1.0)
    assert sealed.moved_bytes(tokens, chosen)[0] == 4 * length * 8


def test_the_papers_form_has_dense_layers_and_larger_pages() -> None:
    paper = parse_spec("arkvale:preset=paper")
    assert paper.seal(make_prompt(6, length=1400, padding=0, layer=1)) is None
    sealed = paper.seal(make_prompt(6, length=1400, padding=0))
    assert sealed is not None
    assert sealed.unit == 32
    read = chosen_sets(sealed, random_query(make_prompt(6, length=1400, padding=0)))
    assert {len(tokens) for row in read for tokens in row} == {30 * 32}
    assert read[0][0] == read[0][1]


@pytest.mark.parametrize("options", ["page=0", "dense_layers=-1", "budget=0", "sinks=-1", "window=-2"])
def test_impossible_options_are_errors(options: str) -> None:
    with pytest.raises(SpecError):
        parse_spec(f"arkvale:{options}")
