from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.baselines.tiny import prompts, tiny
from text2json.baselines.cache import handed, tiered_cache
from text2json.baselines.footprint import Geometry
from text2json.baselines.solver import ByteBudget, geometry_of, solve, told
from text2json.baselines.strategies import STRATEGIES, parse_spec
from text2json.baselines.strategies.yakv import Yakv
from text2json.errors import SpecError

LLAMA = Geometry(heads=8, group=4, size=128, tokens=20_000, layers=32)
WHOLE = {"quest": "dense_layers=0", "infinigen": "dense_layers=0"}
"""Options without which first whole layers alone exceed small budgets."""


def spec_of(name: str) -> str:
    return f"{name}:{WHOLE[name]}" if name in WHOLE else name


@pytest.mark.parametrize("name", [name for name in STRATEGIES if not parse_spec(name).reference and name != "ablation"])
@settings(max_examples=10)
@given(device=st.floats(100, 400), tokens=st.sampled_from([5_000, 20_000, 65_536]))
def test_what_is_chosen_fits_and_the_next_setting_would_not(name: str, device: float, tokens: int) -> None:
    geometry = replace(LLAMA, tokens=tokens)
    start = parse_spec(spec_of(name))
    found = solve(start, geometry, ByteBudget(device=device))
    assert found.mean_footprint(geometry).device <= device
    knob = found.device_knob(geometry)
    assert knob is not None
    places = range(knob.count) if knob.count <= 2048 else range(0, knob.count, 97)
    better = [replace(start, **dict(knob.at(place))) for place in places]
    assert all(
        each.mean_footprint(geometry).device > device
        for each in better[1 + max((p for p, each in enumerate(better) if each == found), default=len(better)):]
    )  # fmt: skip


@pytest.mark.parametrize("name", [name for name in STRATEGIES if name not in ("full", "full-offload")])
@settings(max_examples=10)
@given(traffic=st.floats(8, 100), tokens=st.sampled_from([9_000, 20_000, 65_536]))
def test_traffic_fits_and_one_more_unit_would_not(name: str, traffic: float, tokens: int) -> None:
    geometry = replace(LLAMA, tokens=tokens)
    found = solve(parse_spec(spec_of(name)), geometry, ByteBudget(traffic=traffic))
    moved = found.mean_footprint(geometry).moved
    assert moved <= traffic
    knob = found.traffic_knob(geometry)
    if knob is None:
        assert moved == 0
        return
    budgets = [knob.at(place)["budget"] for place in range(knob.count)]
    place = budgets.index(found.budget)  # type: ignore[attr-defined]
    if place + 1 < knob.count:
        assert replace(found, **dict(knob.at(place + 1))).mean_footprint(geometry).moved > traffic


def test_equal_traffic_gives_the_shares_of_the_paper() -> None:
    """From arXiv 2604.08426: 4 bytes a token are 1.5625 %, about 3.125 % and 0.78125 % of the tokens."""
    geometry = replace(LLAMA, tokens=131_072)
    for name, share in (("shadowkv", 0.015625), ("yakv", 4 / 132), ("arkvale", 0.0078125)):
        found = solve(parse_spec(name), geometry, ByteBudget(traffic=4))
        assert found.budget == pytest.approx(share, rel=2e-2)  # type: ignore[attr-defined]


def test_what_a_step_moves_by_default_is_a_budget_that_fits() -> None:
    """At 2,048 tokens ArkVale's 0.78125 % are one page of 16, which is 4 bytes a token."""
    geometry = replace(LLAMA, tokens=2048)
    arkvale = parse_spec("arkvale")
    assert arkvale.mean_footprint(geometry).moved == 4
    for pages in (1, 2, 5):
        found = solve(arkvale, geometry, ByteBudget(traffic=4.0 * pages))
        assert found.mean_footprint(geometry).moved == 4 * pages


def test_both_budgets_hold_together_and_set_options_stay() -> None:
    found = solve(parse_spec("yakv:local=128,signs=3"), LLAMA, ByteBudget(device=40, traffic=8))
    assert isinstance(found, Yakv)
    assert (found.local, found.signs, found.index_bits) == (128, 3, 2)
    footprint = found.mean_footprint(LLAMA)
    assert footprint.device <= 40
    assert 7.9 < footprint.moved <= 8


def test_more_bytes_choose_better_parameters() -> None:
    ranks = [solve(parse_spec("shadowkv"), LLAMA, ByteBudget(device=each)) for each in (80, 120, 160)]
    assert [strategy.rank for strategy in ranks] == sorted({strategy.rank for strategy in ranks})  # type: ignore[attr-defined]
    pages = [solve(parse_spec("quest:dense_layers=0"), LLAMA, ByteBudget(device=each)) for each in (20, 40, 80)]
    assert [strategy.page for strategy in pages] == [26, 13, 7]  # type: ignore[attr-defined]


def test_a_choice_is_told_with_its_bytes() -> None:
    before = parse_spec("quest:dense_layers=0")
    after = solve(before, LLAMA, ByteBudget(device=40))
    assert told(before, after, LLAMA).startswith("quest: page=13: 39.53")
    assert told(parse_spec("full"), solve(parse_spec("full"), LLAMA, ByteBudget(device=40)), LLAMA) == (
        "full: a yardstick, left as it is: 512.00 device, 0.00 host and 0.00 moved bytes per token and kv-head "
        "at 20,000 tokens"
    )
    half = solve(parse_spec("selection@yakv"), LLAMA, ByteBudget(device=20))
    assert half.spec.startswith("selection@yakv:budget=0.03125,local=64,index_bits=1")
    assert told(parse_spec("selection@yakv"), half, LLAMA).startswith("selection@yakv: index_bits=1: 17.8")


@pytest.mark.parametrize(
    ("spec", "budget", "said"),
    [
        ("yakv", {"device": 10}, "needs 17.8"),
        ("yakv:local=2000", {"device": 40}, "needs 66"),  # residents alone exceed it
        ("quest", {"device": 20}, "needs"),
        ("quantized:format=fp8", {"device": 100}, "needs 257"),
        ("quest", {"traffic": 0.1}, "traffic bytes"),
        ("yakv", {"device": 0}, "a budget of 0 device bytes"),
        ("yakv", {"traffic": float("nan")}, "a budget of nan traffic bytes"),
    ],
)
def test_what_cannot_fit_is_an_error_that_says_what_it_would_need(
    spec: str, budget: dict[str, float], said: str
) -> None:
    with pytest.raises(SpecError, match=said):
        solve(parse_spec(spec), LLAMA, ByteBudget(**budget))


def test_a_model_s_geometry_is_read_off_its_configuration() -> None:
    assert geometry_of(tiny(), 70) == Geometry(heads=2, group=2, size=32, tokens=70, element=4, layers=2)
    mixed = tiny("qwen3", use_sliding_window=True, sliding_window=32,
                 layer_types=["sliding_attention", "full_attention"]).to(torch.bfloat16)  # type: ignore[arg-type]  # fmt: skip
    assert geometry_of(mixed, 70) == Geometry(heads=2, group=2, size=32, tokens=70, element=2, layers=1)


@pytest.mark.parametrize(
    "spec",
    [
        "yakv:local=8",
        "shadowkv:local=8",
        "quest:dense_layers=0",
        "arkvale:sinks=0,window=1",
        "infinigen:dense_layers=0",
        "lrqk:local=8",
        "snapkv:window=4",
        "quantized:local=8",
    ],
)
def test_the_ledger_keeps_to_the_budget(spec: str) -> None:
    """What generate() really keeps and moves, for a prompt of the length that was promised."""
    model, inputs = tiny(), prompts(1, 160)
    cache = tiered_cache(model, spec, device_bytes_per_token=120, traffic_bytes_per_token=110, tokens=160)
    with torch.inference_mode():
        model.generate(**inputs, **handed(cache), max_new_tokens=6, do_sample=False, pad_token_id=0)  # type: ignore[operator]
    ledger = cache.ledger
    assert ledger.steps == 5
    assert 20 < ledger.device_bytes_per_token / 4 <= 120  # two layers of two kv-heads
    assert ledger.moved_bytes_per_step / 4 / 160 <= 110


def test_byte_budgets_need_a_prompt_length() -> None:
    with pytest.raises(SpecError, match="prompts of a length"):
        tiered_cache(tiny(), "yakv", device_bytes_per_token=40)


@pytest.mark.parametrize(
    "spec", ["quest:budget=48,page=8", "infinigen:budget=10,alpha=0", "arkvale:page=8,dense_layers=1,window=2"]
)
def test_whole_layers_are_the_first_of_those_with_full_attention(spec: str) -> None:
    """What is kept and moved is what the formula says, also behind sliding layers."""
    kinds = ["sliding_attention", "sliding_attention", "full_attention", "full_attention", "full_attention"]
    model = tiny("qwen3", num_hidden_layers=5, use_sliding_window=True, sliding_window=32, layer_types=kinds)
    cache = tiered_cache(model, spec)
    options = {"max_new_tokens": 4, "do_sample": False, "pad_token_id": 0}
    model.generate(**prompts(1, 200), **handed(cache), **options)  # type: ignore[operator]
    geometry = geometry_of(model, 200)
    told, units = cache.strategy.mean_footprint(geometry), geometry.tokens * geometry.heads * geometry.layers
    assert cache.ledger.moved_bytes_per_step / units == pytest.approx(told.moved)
    assert cache.ledger.host_bytes / units == pytest.approx(told.host)
    whole = [layer.dense for layer in cache.tiered_layers()]
    assert whole == [place < cache.strategy.whole_layers for place in range(3)]
