from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.baselines.references import check_step_equals_simulation, chosen_sets, make_prompt, random_query, seal
from tests.baselines.tiny import prompts, tiny
from text2json.baselines.cache import handed, tiered_cache
from text2json.baselines.strategies import parse_spec
from text2json.errors import SpecError

SPECS = ["quantized:local=20", "quantized:format=higgs,bits=4,group=0,local=20", "quantized:format=fp8,local=20",
         "quantized:format=nvfp4,local=20", "quantized:bits=8,group=8,local=20"]  # fmt: skip


@settings(max_examples=15)
@given(bits=st.sampled_from([2, 4]), group=st.sampled_from([8, 16, 32]), size=st.sampled_from([6, 16, 32]),
       length=st.integers(60, 120), padding=st.integers(0, 20), seed=st.integers(0, 1000))  # fmt: skip
def test_keys_are_rounded_by_channel_and_values_by_token(
    bits: int, group: int, size: int, length: int, padding: int, seed: int
) -> None:
    """KIVI's formula written out: x ≈ round((x - least) / step) * step + least, step = (most - least) / (2^b - 1)."""
    prompt = make_prompt(seed, size=size, length=length, padding=padding)
    sealed = seal(f"quantized:bits={bits},group={group},local=20", prompt)
    keys, values = sealed.rebuild(torch.float32)
    border = (length - 20) // group * group
    width = min(group, size)
    for exact, stored in (
        (prompt.keys[1, 0, :group, 3], keys[1, 0, :group, 3]),
        (prompt.values[1, 1, border - 1, :width], values[1, 1, border - 1, :width]),
    ):
        step = (exact.max() - exact.min()) / (2**bits - 1)
        expected = ((exact - exact.min()) / step).round() * step + exact.min()
        # distances, since a value halfway between two steps may go to either
        torch.testing.assert_close((stored - exact).abs(), (expected - exact).abs(), rtol=0, atol=3e-3)
    assert torch.equal(keys[:, :, border:], prompt.keys[:, :, border:])
    assert torch.equal(values[:, :, border:], prompt.values[:, :, border:])


@pytest.mark.parametrize("spec", SPECS)
def test_everything_valid_is_read_and_the_step_equals_its_simulation(spec: str) -> None:
    prompt = make_prompt(2)
    sealed = seal(spec, prompt)
    border = sealed.selection.allowed.shape[2]
    assert chosen_sets(sealed, random_query(prompt)) == [[set(range(16, border))] * 2, [set(range(border))] * 2]
    check_step_equals_simulation(prompt, spec)


def test_padding_widens_no_range() -> None:
    """A row that is padded by whole groups is stored as the row alone would be."""
    prompt = make_prompt(3, padding=32, length=128)
    prompt.keys[0, :, :32] = 1e4
    alone = make_prompt(3, padding=32, length=128)
    keys, _ = seal("quantized:local=32,bits=4", prompt).rebuild(torch.float32)
    expected, _ = seal("quantized:local=32,bits=4", alone).rebuild(torch.float32)
    assert torch.equal(keys[0, :, 32:], expected[0, :, 32:])


@pytest.mark.parametrize(
    ("spec", "each"),
    [("bits=2,group=32", 2 * (128 / 4 + 4 * 4)), ("bits=4,group=32", 2 * (128 / 2 + 4 * 4)),
     ("format=fp8", 2 * 128), ("format=nvfp4", 2 * 128 * 4.5 / 8), ("format=higgs,bits=4,group=0", 2 * 66)],
)  # fmt: skip
def test_bytes_are_those_of_the_formula_and_of_the_tensors(spec: str, each: float) -> None:
    """Codes of `bits`, and for integers a 16-bit step and least value for each group of 32; KIVI at d = 128."""
    prompt = make_prompt(4, heads=8, size=128, length=256 + 128, padding=0, batch=1)
    sealed = seal(f"quantized:{spec}", prompt)
    stored = sealed.keys.nbytes + sealed.values.nbytes
    top = 2 * 8 * 4 if "nvfp4" in spec else 0
    assert stored - top == each * 256 * 8
    assert {part.tier for part in sealed.parts()} == {"device"}


def test_eight_bits_give_stocks_tokens_and_nothing_moves() -> None:
    model, inputs = tiny(initializer_range=0.1), prompts(2, 150, padding=(40,))
    cache = tiered_cache(model, "quantized:bits=8,local=32")
    options = {"max_new_tokens": 8, "do_sample": False, "pad_token_id": 0}
    found = model.generate(**inputs, **handed(cache), **options)  # type: ignore[operator]
    stock = model.generate(**inputs, **options)  # type: ignore[operator]
    assert torch.equal(found, stock)
    assert cache.ledger.steps > 0
    assert cache.ledger.moved_bytes_per_step == 0
    assert cache.ledger.host_bytes == 0


@pytest.mark.parametrize(
    ("spec", "said"),
    [("format=int4", "did you mean 'int'"), ("bits=3", "does not pack"), ("group=0", "whole bytes"),
     ("local=-1", "is negative"), ("format=higgs,bits=8", "no HIGGS grid of 8 bits"), ("preset=kivi", "did you mean")],
)  # fmt: skip
def test_impossible_options_are_errors(spec: str, said: str) -> None:
    with pytest.raises(SpecError, match=said):
        parse_spec(f"quantized:{spec}")


def test_presets_set_options_that_a_spec_may_override() -> None:
    assert parse_spec("quantized:preset=kivi-4") == parse_spec("quantized:bits=4")
    assert parse_spec("quantized:bits=8,preset=kivi-4") == parse_spec("quantized:bits=8")
