from __future__ import annotations

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
@given(shape=SHAPES, pages=st.integers(3, 6), page=st.sampled_from([4, 8]))
def test_each_query_head_reads_the_pages_of_largest_upper_bound(shape: dict[str, Any], pages: int, page: int) -> None:
    prompt = make_prompt(**shape)
    query = random_query(prompt)
    border = (shape["length"] - 1) // page * page
    sealed = parse_spec(f"quest:budget={pages * page},page={page}").seal(prompt)
    if prompt.valid[:, :border].unflatten(1, (-1, page)).any(2).sum(1).max() <= pages - 1:
        assert sealed is None  # the budget covers the prompt
        return
    assert sealed is not None
    found, resident = chosen_sets(sealed, query), resident_sets(sealed)
    for b in range(shape["batch"]):
        valid = prompt.valid[b]
        allowed = [bool(valid[p : p + page].any()) for p in range(0, border, page)]
        for h in range(shape["heads"]):
            assert resident[b][h] == set(range(border, shape["length"]))
            for g in range(shape["group"]):
                bounds = []
                for start in range(0, border, page):
                    keys = [prompt.keys[b, h, t] for t in range(start, start + page) if bool(valid[t])]
                    total = 0.0
                    for j in range(shape["size"]):
                        channel = [float(key[j]) for key in keys] or [0.0]
                        total += max(float(query[b, h, g, j]) * min(channel), float(query[b, h, g, j]) * max(channel))
                    bounds.append(total * shape["size"] ** -0.5)
                tokens = found[b][h * shape["group"] + g]
                units = units_of(tokens, page)
                assert_top(units, raw(bounds, allowed), pages - 1)
                assert tokens == tokens_of(units, page, valid)


def test_the_bound_is_above_every_score_in_its_page() -> None:
    prompt = make_prompt(3, padding=0)
    query = random_query(prompt)
    index = seal("quest:budget=64", prompt).index
    assert index is not None
    exact = query @ prompt.keys[:, :, :96].transpose(2, 3)
    assert bool((index.scores(query).repeat_interleave(16, -1) >= exact - 1e-4).all())


@pytest.mark.parametrize("spec", ["quest:budget=48", "quest:budget=48,page=8,local=20"])
def test_a_step_equals_its_simulation_and_full_precision_comes_back(spec: str) -> None:
    prompt = make_prompt(4)
    check_step_equals_simulation(prompt, spec)
    keys, values = seal(spec, prompt).rebuild(torch.float32)
    assert torch.equal(keys, prompt.keys)
    assert torch.equal(values, prompt.values)


def test_bytes_are_those_of_the_formula_and_of_the_tensors() -> None:
    """Two 16-bit bounds a channel for 16 tokens: 4 d / 16 = 32 a token and kv-head at d = 128."""
    prompt = make_prompt(5, batch=1, heads=8, group=4, size=128, length=1024 + 1, padding=0, dtype=torch.bfloat16)
    sealed = seal("quest:budget=256", prompt)
    assert sealed.index is not None
    assert sealed.index.nbytes == 32 * 8 * 1024
    assert sealed.keys.nbytes + sealed.values.nbytes == 512 * 8 * 1024
    tokens, chosen = sealed.select(random_query(prompt), 1.0)
    assert sealed.moved_bytes(tokens, chosen)[0] == 512 * 8 * 4 * 240  # each of 32 query heads reads 15 pages
    assert sealed.moved_bytes(tokens, chosen)[1] == 0  # the same pages again


def test_short_prompts_and_first_layers_stay_whole() -> None:
    quest = parse_spec("quest")
    assert quest.seal(make_prompt(6)) is None
    long = make_prompt(6, length=1200, padding=0)
    assert quest.seal(long) is not None
    assert quest.seal(make_prompt(6, length=1200, padding=0, layer=1)) is None
    assert parse_spec("quest:preset=no-dense-layers").seal(make_prompt(6, length=1200, padding=0, layer=0)) is not None


@pytest.mark.parametrize("options", ["page=0", "dense_layers=-1", "budget=0"])
def test_impossible_options_are_errors(options: str) -> None:
    with pytest.raises(SpecError):
        parse_spec(f"quest:{options}")
