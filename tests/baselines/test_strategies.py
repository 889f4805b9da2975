from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from transformers import DynamicCache

from tests.baselines.references import resident_sets
from tests.baselines.tiny import prompts, tiny
from text2json.baselines.cache import handed, positions_of
from text2json.baselines.indexes import HiggsKeys
from text2json.baselines.kernels.library import use
from text2json.baselines.prompt import Prompt
from text2json.baselines.rope import Rope
from text2json.baselines.sealed import Sealed
from text2json.baselines.stores import LowRankKeys
from text2json.baselines.strategies import STRATEGIES, parse_spec, strategy_class
from text2json.errors import SpecError

MODEL = tiny()


def make_prompt(seed: int, *, batch: int = 2, heads: int = 2, length: int = 100, padding: int = 16) -> Prompt:
    generator = torch.Generator().manual_seed(seed)
    keys, values = (torch.randn(batch, heads, length, 32, generator=generator) for _ in range(2))
    valid = torch.ones(batch, length, dtype=torch.bool)
    valid[0, :padding] = False
    return Prompt(keys, values, valid, positions_of(valid), MODEL)


def chosen_sets(sealed: Sealed, query: Tensor) -> list[list[set[int]]]:
    tokens, chosen = sealed.select(query, 32**-0.5)
    return [
        [{int(t) for t, c in zip(tokens[b, h], chosen[b, h], strict=True) if c} for h in range(tokens.shape[1])]
        for b in range(tokens.shape[0])
    ]


def top_by_softmax_and_maximum(scores: Tensor, allowed: Tensor, count: int) -> set[int]:
    """The selection rule written straight from its formula, for scores (G, units) of one kv-head."""
    weights = [[0.0] * scores.shape[1] for _ in range(scores.shape[0])]
    for head, row in enumerate(scores.tolist()):
        total = sum(torch.tensor(s).exp().item() for s, ok in zip(row, allowed.tolist(), strict=True) if ok)
        for unit, score in enumerate(row):
            weights[head][unit] = torch.tensor(score).exp().item() / total if allowed[unit] else -1.0
    best = [max(column) for column in zip(*weights, strict=True)]
    order = sorted(range(len(best)), key=lambda unit: -best[unit])
    return {unit for unit in order[:count] if allowed[unit]}


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), budget=st.integers(1, 50))
def test_the_oracle_selects_what_its_formula_says(seed: int, budget: int) -> None:
    prompt = make_prompt(seed)
    query = torch.randn(2, 2, 3, 32, generator=torch.Generator().manual_seed(seed + 1))
    sealed = parse_spec(f"oracle:budget={budget},local=10").seal(prompt)
    assert sealed is not None
    found = chosen_sets(sealed, query)
    for b in range(2):
        for h in range(2):
            scores = query[b, h] @ prompt.keys[b, h, :90].T * 32**-0.5
            assert found[b][h] == top_by_softmax_and_maximum(scores, prompt.valid[b, :90], budget)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), budget=st.integers(8, 60))
def test_shadowkv_selects_chunks_by_their_mean_keys_and_puts_outliers_aside(seed: int, budget: int) -> None:
    prompt = make_prompt(seed)
    query = torch.randn(2, 2, 3, 32, generator=torch.Generator().manual_seed(seed + 1))
    sealed = parse_spec(f"shadowkv:budget={budget},local=10,chunk=8,outliers=2").seal(prompt)
    assert sealed is not None
    chunks = 11  # (100 - 10) // 8
    found = chosen_sets(sealed, query)
    for b in range(2):
        real = prompt.valid[b, : chunks * 8].view(chunks, 8).any(1)
        for h in range(2):
            cut = prompt.keys[b, h, : chunks * 8].view(chunks, 8, 32)
            means = cut.mean(1)
            least = [
                min(torch.cosine_similarity(key, mean, dim=0).item() for key in keys) if ok else 2.0
                for keys, mean, ok in zip(cut, means, real, strict=True)
            ]
            outliers = sorted(range(chunks), key=lambda c: least[c])[:2]
            allowed = torch.tensor([bool(real[c]) and c not in outliers for c in range(chunks)])
            picked = top_by_softmax_and_maximum(query[b, h] @ means.T * 32**-0.5, allowed, budget // 8)
            assert found[b][h] == {8 * c + i for c in picked for i in range(8)}
            resident = set(sealed.residents.places[b, h].tolist())
            assert resident == {8 * c + i for c in outliers for i in range(8)} | set(range(88, 100))


def test_yakv_scores_are_those_of_its_dequantised_keys() -> None:
    prompt = make_prompt(3)
    sealed = parse_spec("yakv:budget=9,local=10").seal(prompt)
    assert sealed is not None
    query = torch.randn(2, 2, 3, 32)
    index = sealed.index
    assert isinstance(index, HiggsKeys)
    keys = index.quantizer.decode(index.codes, index.scales, 64).view(2, 90, 2, 32).transpose(1, 2)
    torch.testing.assert_close(index.scores(query), query @ keys.transpose(2, 3), rtol=1e-4, atol=1e-4)


def test_yakv_keeps_keys_and_values_within_the_error_of_its_grid() -> None:
    """The (2, 256) grid's mean squared error is 0.0078 of the variance; see the quantisers' tests."""
    prompt = make_prompt(4, padding=0)
    sealed = parse_spec("yakv:budget=9,local=0").seal(prompt)
    assert sealed is not None
    keys, values = sealed.rebuild(torch.float32)
    assert float((keys - prompt.keys).square().mean()) < 0.011
    assert float((values - prompt.values).square().mean()) < 0.011


def test_a_full_rank_factorisation_gives_the_keys_back() -> None:
    prompt = make_prompt(5)
    sealed = parse_spec("shadowkv:rank=64,outliers=0,local=4").seal(prompt)
    assert sealed is not None
    keys, values = sealed.rebuild(torch.float32)
    mask = prompt.valid[:, None, :, None]
    torch.testing.assert_close(keys * mask, prompt.keys * mask, rtol=1e-3, atol=1e-3)
    assert torch.equal(values, prompt.values)


@pytest.mark.parametrize("family", ["llama", "llama-yarn"])
def test_taking_positions_off_and_putting_them_on_is_the_identity(family: str) -> None:
    model = tiny(family)
    rope = Rope.of(model)
    plain = torch.randn(2, 3, 50, 32)
    positions = torch.arange(50).expand(2, -1) * 7
    turned = rope.rotate(plain, positions)
    assert float((turned - plain).abs().max()) > 0.5
    torch.testing.assert_close(rope.unrotate(turned, positions), plain, rtol=1e-4, atol=1e-4)
    per_head = positions.unsqueeze(1).expand(-1, 3, -1)
    torch.testing.assert_close(rope.rotate(plain, per_head), turned)


@pytest.mark.parametrize("padding", [8, 64, 80])
def test_a_sequence_has_the_outliers_in_a_batch_that_it_has_alone(padding: int) -> None:
    """Padding is a whole number of chunks; what is put aside for no sequence is lost for none."""
    prompt = make_prompt(6, padding=padding)
    strategy = parse_spec("shadowkv:budget=8,local=4,chunk=4,outliers=0.2,rank=64")
    together = strategy.seal(prompt)
    assert together is not None
    assert together.evicted() is None
    query = torch.randn(2, 2, 2, 32, generator=torch.Generator().manual_seed(9))
    for row, start in enumerate((padding, 0)):
        keys, values, valid = (
            each[row : row + 1, ..., start:, :] for each in (prompt.keys, prompt.values, prompt.valid[..., None])
        )
        alone = strategy.seal(Prompt(keys, values, valid[..., 0], positions_of(valid[..., 0]), MODEL))
        assert alone is not None
        theirs = resident_sets(alone)[0]
        assert resident_sets(together)[row] == [{place + start for place in head} for head in theirs]
        chosen = chosen_sets(together, query)[row]
        assert chosen == [{t + start for t in head} for head in chosen_sets(alone, query[row : row + 1])[0]]
        for found, expected in zip(together.rebuild(torch.float32), alone.rebuild(torch.float32), strict=True):
            torch.testing.assert_close(found[row : row + 1, :, start:], expected, rtol=1e-3, atol=1e-3)


LONG: dict[str, dict[str, Any]] = {
    "longrope": {"short_factor": [1.0] * 16, "long_factor": [1.0 + each for each in range(16)],
                 "original_max_position_embeddings": 128, "factor": 16.0},
    "dynamic": {"factor": 4.0},
}  # fmt: skip


@pytest.mark.parametrize("path", ["torch", "amx"])
@pytest.mark.parametrize("kind", LONG)
def test_a_few_keys_of_a_long_prompt_are_turned_as_the_model_turned_them(kind: str, path: str) -> None:
    """These kinds choose frequencies by the largest position asked for; the oracle is the model's own cache."""
    rope_parameters = LONG[kind] | {"rope_type": kind, "rope_theta": 10000.0}
    model = tiny(max_position_embeddings=128, rope_parameters=rope_parameters)
    stock = DynamicCache(config=model.config)
    with torch.no_grad(), use(path):
        model(**prompts(1, 200), use_cache=True, **handed(stock))
        layer: Any = stock.layers[0]
        keys = layer.keys
        valid = torch.ones(1, 200, dtype=torch.bool)
        store = LowRankKeys.of(Prompt(keys, keys, valid, positions_of(valid), model), 64)
        before = model.get_buffer("model.rotary_emb.inv_freq").clone()
        for places in ([0, 50, 100], [50, 199]):
            found = store.read(torch.tensor(places).expand(1, 2, -1), keys.dtype)
            torch.testing.assert_close(found, keys[:, :, places], rtol=1e-3, atol=1e-3)
        assert torch.equal(model.get_buffer("model.rotary_emb.inv_freq"), before)


@pytest.mark.parametrize("name", STRATEGIES)
def test_every_strategy_has_a_source_a_summary_and_a_spec_that_means_itself(name: str) -> None:
    strategy = parse_spec(name)
    assert strategy.name == name
    assert strategy.source
    assert strategy.summary
    assert strategy_class(name).__doc__
    assert parse_spec(strategy.spec) == strategy
    assert all(f"{field.name}=" in strategy.spec for field in fields(strategy))


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("yakf", "did you mean 'yakv'"),
        ("yakv:bugdet=3", "did you mean 'budget'"),
        ("full:budget=3", "full has no options"),
        ("yakv:budget=many", "is no number"),
        ("yakv:budget=nan", "is no number"),
        ("yakv:local=3.5", "is no whole number"),
        ("yakv:budget=0", "selects nothing"),
        ("yakv:local=-1", "is negative"),
        ("yakv:budget=1,budget=2", "stands twice"),
        ("shadowkv:chunk=0", "holds no token"),
        ("shadowkv:rank=0", "keeps nothing"),
        ("yakv:budget", "no option 'budget'"),
    ],
)
def test_a_wrong_spec_is_an_error_with_a_remedy(spec: str, said: str) -> None:
    with pytest.raises(SpecError, match=said):
        parse_spec(spec)
