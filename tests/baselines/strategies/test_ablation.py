from __future__ import annotations

import pytest
import torch

from tests.baselines.test_strategies import chosen_sets, make_prompt
from tests.baselines.tiny import prompts, tiny
from text2json.baselines.cache import handed, tiered_cache
from text2json.baselines.sealed import Sealed
from text2json.baselines.strategies import parse_spec
from text2json.errors import SpecError


def seal(spec: str, seed: int = 3, padding: int = 16) -> Sealed:
    sealed = parse_spec(spec).seal(make_prompt(seed, padding=padding))
    assert sealed is not None
    return sealed


def query() -> torch.Tensor:
    return torch.randn(2, 2, 3, 32, generator=torch.Generator().manual_seed(9))


@pytest.mark.parametrize(
    ("ablation", "method"),
    [
        ("ablation:budget=12,local=10", "oracle:budget=12,local=10"),
        ("ablation:budget=24,local=12,chunk=8,padding", "shadowkv:budget=24,local=12,chunk=8,outliers=0"),
        ("ablation:budget=12,local=10,bits=2,keys=higgs,values=higgs", "yakv:budget=12,local=10"),
    ],
)
def test_put_together_as_a_method_it_selects_as_the_method(ablation: str, method: str) -> None:
    ours, theirs = seal(ablation.replace(",padding", "")), seal(method)
    assert chosen_sets(ours, query()) == chosen_sets(theirs, query())
    if "yakv" in method:
        places = torch.arange(40).expand(2, 2, -1)
        for mine, its in ((ours.keys, theirs.keys), (ours.values, theirs.values)):
            assert torch.equal(mine.read(places, torch.float32), its.read(places, torch.float32))
            assert mine.moved_bytes_per_token == its.moved_bytes_per_token


def test_without_an_index_everything_is_read_and_only_the_stores_lose() -> None:
    prompt = make_prompt(5, padding=0)
    sealed = seal("ablation:index=none,local=4", 5, 0)
    tokens, chosen = sealed.select(query(), 1.0)
    assert tokens.shape[2] == 96
    assert bool(chosen.all())
    keys, values = sealed.rebuild(torch.float32)
    assert torch.equal(keys, prompt.keys)
    assert torch.equal(values, prompt.values)
    errors = []
    for rank in (0.25, 0.5, 1):
        keys, values = seal(f"ablation:index=none,local=4,keys=low-rank,rank={rank}", 5, 0).rebuild(torch.float32)
        assert torch.equal(values, prompt.values)
        errors.append(float((keys - prompt.keys).square().mean()))
    assert errors[0] > errors[1] > errors[2]
    assert errors[2] < 1e-6


@pytest.mark.parametrize("chunk", [3, 8])
def test_without_an_index_a_chunk_means_nothing(chunk: int) -> None:
    """Exact stores that are read whole are stock attention."""
    model, inputs = tiny(), prompts(2, 80, padding=(11,))
    greedy = {"max_new_tokens": 4, "do_sample": False, "return_dict_in_generate": True, "output_logits": True}
    cache = tiered_cache(model, f"ablation:index=none,local=9,chunk={chunk}")
    with torch.inference_mode():
        found = model.generate(**inputs, **handed(cache), **greedy, pad_token_id=0)  # type: ignore[operator]
        stock = model.generate(**inputs, **greedy, pad_token_id=0)  # type: ignore[operator]
    torch.testing.assert_close(torch.stack(found.logits), torch.stack(stock.logits), rtol=1e-3, atol=1e-3)
    assert cache.ledger.steps == 3


def test_more_bits_choose_more_like_the_exact_means() -> None:
    exact = chosen_sets(seal("ablation:budget=24,local=4,chunk=2"), query())
    shared = []
    for bits in (1, 2, 4, 8, 16):
        found = chosen_sets(seal(f"ablation:budget=24,local=4,chunk=2,bits={bits}"), query())
        shared.append(sum(len(a & b) for ours, its in zip(found, exact, strict=True)
                          for a, b in zip(ours, its, strict=True)))  # fmt: skip
    assert shared == sorted(shared)
    assert shared[0] < shared[2] < shared[4] == 2 * 2 * 24


@pytest.mark.parametrize("chunk", [1, 3, 8])
@pytest.mark.parametrize("bits", [1, 8])
@pytest.mark.parametrize("keys", ["exact", "low-rank", "higgs", "int", "fp8", "nvfp4"])
def test_every_composition_generates(chunk: int, bits: int, keys: str) -> None:
    model, inputs = tiny(), prompts(2, 80, padding=(11,))
    values = "exact" if keys == "low-rank" else keys
    cache = tiered_cache(model, f"ablation:budget=24,local=8,chunk={chunk},bits={bits},keys={keys},values={values}")
    with torch.inference_mode():
        tokens = model.generate(  # type: ignore[operator]
            **inputs, **handed(cache), max_new_tokens=3, do_sample=False, pad_token_id=0
        )
    assert tokens.shape == (2, 83)
    assert cache.ledger.steps == 2
    assert cache.ledger.moved_bytes_per_step > 0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("chunk=0", "holds no token"),
        ("bits=3", "one of 1, 2, 4, 8, 16"),
        ("rank=0", "keeps nothing"),
        ("keys=higgs,key_bits=8", "no HIGGS grid of 8 bits"),
        ("values=low-rank", "values='low-rank'"),
    ],
)
def test_impossible_options_are_refused(options: str, said: str) -> None:
    with pytest.raises(SpecError, match=said):
        parse_spec(f"ablation:{options}")
