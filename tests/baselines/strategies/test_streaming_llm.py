from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.baselines.references import (
    SHAPES,
    check_step_equals_simulation,
    chosen_sets,
    make_prompt,
    random_query,
    resident_sets,
    seal,
)
from tests.baselines.tiny import prompts, tiny
from text2json.baselines.cache import handed, tiered_cache
from text2json.baselines.strategies import parse_spec
from text2json.errors import SpecError


@settings(max_examples=25)
@given(shape=SHAPES, sinks=st.integers(0, 6), window=st.integers(1, 30), shift=st.integers(0, 1))
def test_first_and_last_tokens_stay_and_nothing_else(
    shape: dict[str, Any], sinks: int, window: int, shift: int
) -> None:
    prompt = make_prompt(**shape)
    sealed = seal(f"streaming-llm:sinks={sinks},window={window},shift={shift}", prompt)
    for b in range(shape["batch"]):
        places = [t for t in range(shape["length"]) if prompt.valid[b, t]]
        kept = set(places[:sinks]) | set(places[-window:])
        assert resident_sets(sealed)[b] == [kept] * shape["heads"]
    assert chosen_sets(sealed, random_query(prompt)) == [[set()] * shape["heads"]] * shape["batch"]


def test_the_sinks_stand_right_before_the_window() -> None:
    """The paper's positions: a sink's key, turned by how many tokens are gone, meets queries as if they were not."""
    prompt = make_prompt(3, length=80, padding=10)
    sealed = seal("streaming-llm:sinks=4,window=20", prompt)
    for b, gone in ((0, 70 - 24), (1, 80 - 24)):
        first = 10 if b == 0 else 0
        plain = prompt.rope.unrotate(prompt.keys[b : b + 1, :, first : first + 4], torch.arange(4)[None])
        expected = prompt.rope.rotate(plain, torch.arange(4)[None] + gone)
        torch.testing.assert_close(sealed.residents.keys[b : b + 1, :, :4], expected, rtol=1e-4, atol=1e-4)
        assert torch.equal(sealed.residents.keys[b, :, 4:], prompt.keys[b, :, 60:])
    unmoved = seal("streaming-llm:sinks=4,window=20,preset=kvpress", prompt).residents.keys
    assert torch.equal(unmoved[1, :, :4], prompt.keys[1, :, :4])


@pytest.mark.parametrize("shift", [0, 1])
def test_a_step_equals_its_simulation(shift: int) -> None:
    check_step_equals_simulation(make_prompt(4), f"streaming-llm:window=20,shift={shift}")


def test_bytes_are_those_of_the_tokens_that_stay() -> None:
    prompt = make_prompt(5, batch=1, heads=8, size=128, length=200, padding=0, dtype=torch.bfloat16)
    sealed = seal("streaming-llm:window=60", prompt)
    assert sealed.residents.keys.nbytes + sealed.residents.values.nbytes == 512 * 8 * 64
    assert sealed.keys.nbytes + sealed.values.nbytes == 0


def test_a_second_turn_sees_only_what_stayed() -> None:
    """Its logits equal stock's under a mask that hides the evicted tokens from every token after the prompt."""
    model, inputs = tiny(), prompts(1, 90)
    stock = tiny()
    options = {"max_new_tokens": 4, "do_sample": False, "pad_token_id": 0}
    cache = tiered_cache(model, "streaming-llm:sinks=4,window=30,shift=0")
    first = model.generate(**inputs, **handed(cache), **options)  # type: ignore[operator]
    more = torch.cat([first, prompts(1, 9)["input_ids"]], 1)
    turn = {"input_ids": more, "attention_mask": torch.ones_like(more)}
    second = model.generate(  # type: ignore[operator]
        **turn, **handed(cache), **(options | {"max_new_tokens": 1}), output_logits=True,
        return_dict_in_generate=True,
    )  # fmt: skip
    seen = torch.ones(more.shape[1], more.shape[1], dtype=torch.bool).tril()
    seen[90:, 4:60] = False
    mask = torch.zeros(1, 1, *seen.shape).masked_fill(~seen, torch.finfo(torch.float32).min)
    with torch.inference_mode():
        expected = stock(input_ids=more, attention_mask=mask).logits[:, -1]
    torch.testing.assert_close(second.logits[0], expected, rtol=1e-3, atol=1e-3)
    with torch.inference_mode():
        whole = stock(input_ids=more).logits[:, -1]
    assert float((whole - expected).abs().max()) > 0.1


def test_a_prompt_within_sinks_and_window_stays_whole() -> None:
    assert parse_spec("streaming-llm").seal(make_prompt(1)) is None
    assert parse_spec("streaming-llm:window=0.5").seal(make_prompt(1)) is not None


@pytest.mark.parametrize("options", ["sinks=-1", "window=0", "shift=2", "preset=code"])
def test_impossible_options_are_errors(options: str) -> None:
    with pytest.raises(SpecError):
        parse_spec(f"streaming-llm:{options}")
