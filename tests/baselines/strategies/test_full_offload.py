from __future__ import annotations

import pytest
import torch

from tests.baselines.references import check_step_equals_simulation, chosen_sets, make_prompt, random_query, seal
from tests.baselines.tiny import FAMILIES, prompts, tiny
from text2json.baselines.cache import handed, tiered_cache


@pytest.mark.parametrize("family", FAMILIES)
def test_tokens_are_those_of_stock(family: str) -> None:
    model, inputs = tiny(family), prompts(3, 150, padding=(40, 0, 7))
    options = {"max_new_tokens": 12, "do_sample": False, "pad_token_id": 0}
    cache = tiered_cache(model, "full-offload")
    found = model.generate(**inputs, **handed(cache), **options)  # type: ignore[operator]
    assert torch.equal(found, model.generate(**inputs, **options))  # type: ignore[operator]
    assert cache.ledger.steps == 11


def test_all_that_is_valid_is_read() -> None:
    prompt = make_prompt(1)
    sealed = seal("full-offload", prompt)
    assert chosen_sets(sealed, random_query(prompt)) == [[set(range(16, 100))] * 2, [set(range(100))] * 2]
    check_step_equals_simulation(prompt, "full-offload")


def test_the_whole_cache_lies_on_the_host_and_crosses_at_every_step() -> None:
    """512 bytes a token and kv-head at d = 128 in 16 bits, with or without reuse."""
    prompt = make_prompt(2, heads=8, size=128, batch=1, padding=0, dtype=torch.bfloat16)
    sealed = seal("full-offload", prompt)
    assert sealed.keys.nbytes + sealed.values.nbytes == 512 * 8 * 100
    tokens, chosen = sealed.select(random_query(prompt), 1.0)
    for _ in range(2):
        assert sealed.moved_bytes(tokens, chosen) == (512 * 8 * 100, 512 * 8 * 100)
    assert sum(part.nbytes for part in sealed.parts() if part.tier == "device") == 0
