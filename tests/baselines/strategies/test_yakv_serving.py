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
)
from text2json.baselines.strategies import parse_spec
from text2json.errors import SpecError

EDGES = "least=0,prefix=0.05,suffix=0.1"


@settings(max_examples=25)
@given(shape=SHAPES, budget=st.integers(1, 30))
def test_the_mean_query_picks_tokens_of_the_middle(shape: dict[str, Any], budget: int) -> None:
    """With exact landmarks: mean of q over the group, raw dot product, top tokens of the infix."""
    prompt = make_prompt(**shape)
    query = random_query(prompt)
    sealed = seal(f"yakv-serving:budget={budget},landmarks=exact,{EDGES}", prompt)
    found, resident = chosen_sets(sealed, query), resident_sets(sealed)
    for b in range(shape["batch"]):
        places = [t for t in range(shape["length"]) if prompt.valid[b, t]]
        first, last = int(len(places) * 0.05), int(len(places) * 0.1)
        edges = set(places[:first]) | set(places[len(places) - last :])
        allowed = [bool(ok) and t not in edges for t, ok in enumerate(prompt.valid[b])]
        for h in range(shape["heads"]):
            mean = query[b, h].mean(0)
            weights = [float(mean @ key) * shape["size"] ** -0.5 for key in prompt.keys[b, h]]
            assert_top(found[b][h], raw(weights, allowed), budget)
            assert resident[b][h] == edges


@pytest.mark.parametrize("landmarks", ["higgs", "fp8"])
def test_other_landmarks_pick_by_their_dequantised_keys(landmarks: str) -> None:
    prompt = make_prompt(7, heads=2, group=3)
    query = random_query(prompt)
    sealed = seal(f"yakv-serving:budget=12,landmarks={landmarks},{EDGES}", prompt)
    index: Any = sealed.index
    keys = index.quantizer.decode(index.codes, index.scales, 64 if landmarks == "higgs" else 32)
    if landmarks == "higgs":
        keys = keys.unflatten(-1, (2, 32)).transpose(1, 2)
    for b, row in enumerate(chosen_sets(sealed, query)):
        for h, found in enumerate(row):
            allowed = sealed.selection.allowed[b, h].tolist()
            assert_top(found, raw((query[b, h].mean(0) @ keys[b, h].T * 32**-0.5).tolist(), allowed), 12)


def test_softmax_then_maximum_can_select_otherwise() -> None:
    """Two heads that disagree: the accuracy form takes each head's favourite, the mean takes what pleases both."""
    prompt = make_prompt(8, batch=1, heads=1, group=2, size=4, padding=0)
    prompt.keys.zero_()
    prompt.keys[0, 0, 10, 0], prompt.keys[0, 0, 20, 1], prompt.keys[0, 0, 30, :2] = 9.0, 9.0, 6.0
    query = torch.tensor([[[[20.0, -20.0, 0, 0], [-20.0, 20.0, 0, 0]]]]) + torch.tensor([1.0, 1.0, 0, 0])
    serving = chosen_sets(seal(f"yakv-serving:budget=1,landmarks=exact,{EDGES}", prompt), query)[0][0]
    accuracy = chosen_sets(seal("oracle:budget=1,local=2", prompt), query)[0][0]
    assert serving == {30}
    assert accuracy < {10, 20}


@pytest.mark.parametrize("store", ["fp8", "exact"])
def test_a_step_equals_its_simulation(store: str) -> None:
    prompt = make_prompt(4)
    spec = f"yakv-serving:budget=12,store={store},{EDGES}"
    check_step_equals_simulation(prompt, spec)
    keys, values = seal(spec, prompt).rebuild(torch.float32)
    stored = [prompt.keys, prompt.values]
    if store == "fp8":
        stored = [rows.to(torch.float8_e4m3fn).float() for rows in stored]
    resident = resident_sets(seal(spec, prompt))[1][0]
    middle = [t for t in range(90) if t not in resident]
    assert torch.equal(keys[1, 0, middle], stored[0][1, 0, middle])
    assert torch.equal(values[1, 0, middle], stored[1][1, 0, middle])
    assert torch.equal(keys[1, 0, sorted(resident)], prompt.keys[1, 0, sorted(resident)])


def test_bytes_are_those_of_the_formula_and_of_the_tensors() -> None:
    """Index 32.25 a token and kv-head (d/4 codes, a 16-bit scale for 8 heads); FP8 keys and values 2 d = 256."""
    prompt = make_prompt(5, batch=1, heads=8, group=4, size=128, length=1280, padding=0, dtype=torch.bfloat16)
    sealed = seal("yakv-serving", prompt)
    tokens = 1280 - 8
    assert sealed.index is not None
    assert sealed.index.nbytes == 32.25 * 8 * tokens
    assert sealed.keys.nbytes + sealed.values.nbytes == 256 * 8 * tokens
    assert sealed.residents.keys.nbytes + sealed.residents.values.nbytes == 512 * 8 * 16
    chosen = sealed.select(random_query(prompt), 1.0)
    assert sealed.moved_bytes(*chosen)[0] == 256 * 8 * 20  # 1.5625 % of 1,280 tokens


def test_prompts_below_512_tokens_stay_whole_even_beside_a_long_one() -> None:
    assert parse_spec("yakv-serving").seal(make_prompt(1, length=500)) is None
    prompt = make_prompt(1, length=700, padding=300)
    sealed = seal("yakv-serving", prompt)
    found, resident = chosen_sets(sealed, random_query(prompt)), resident_sets(sealed)
    assert found[0][0] | resident[0][0] == set(range(300, 700))
    assert len(found[1][0]) == 10


@pytest.mark.parametrize("options", ["prefix=1", "suffix=-0.1", "store=bf16", "landmarks=nvfp4", "budget=0"])
def test_impossible_options_are_errors(options: str) -> None:
    with pytest.raises(SpecError):
        parse_spec(f"yakv-serving:{options}")
