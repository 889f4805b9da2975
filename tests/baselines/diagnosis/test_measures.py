"""Each formula of docs/diagnosis.md against a slow and plain one."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from text2json.baselines.diagnosis.exact import Exact, attend
from text2json.baselines.diagnosis.measures import divergence, group_weights, overlap, restricted

SHAPES = {"seed": st.integers(0, 10_000), "heads": st.integers(1, 3), "group": st.integers(1, 3),
          "length": st.integers(1, 30), "recent": st.integers(1, 4)}  # fmt: skip


def make(seed: int, heads: int, group: int, length: int, recent: int, size: int = 4) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator)

    return {
        "query": draw(heads, group, size), "keys": draw(heads, length, size), "values": draw(heads, length, size),
        "recent_keys": draw(heads, recent, size), "recent_values": draw(heads, recent, size),
        "read": torch.rand(heads, group, length, generator=generator) < 0.5,
    }  # fmt: skip


def exact_of(parts: dict[str, Tensor], scaling: float = 0.7) -> Exact:
    prompt, recent = (parts["keys"], parts["values"]), (parts["recent_keys"], parts["recent_values"])
    return attend(parts["query"], scaling, prompt, recent)


@given(**SHAPES)
def test_exact_attention_is_softmax_over_prompt_and_generated_tokens(
    seed: int, heads: int, group: int, length: int, recent: int
) -> None:
    parts = make(seed, heads, group, length, recent)
    found = exact_of(parts)
    for h in range(heads):
        for g in range(group):
            query = parts["query"][h, g].tolist()
            keys = [*parts["keys"][h].tolist(), *parts["recent_keys"][h].tolist()]
            powers = [math.exp(0.7 * sum(q * k for q, k in zip(query, key, strict=True))) for key in keys]
            weights = [power / sum(powers) for power in powers]
            assert found.weights[h, g].tolist() == pytest.approx(weights[:length], abs=1e-5)
            assert found.recent[h, g].tolist() == pytest.approx(weights[length:], abs=1e-5)
            values = [*parts["values"][h].tolist(), *parts["recent_values"][h].tolist()]
            mixed = [sum(w * v[d] for w, v in zip(weights, values, strict=True)) for d in range(4)]
            assert found.output[h, g].tolist() == pytest.approx(mixed, abs=1e-4)


@given(**SHAPES)
def test_restricted_attention_forgets_what_was_not_read(
    seed: int, heads: int, group: int, length: int, recent: int
) -> None:
    parts = make(seed, heads, group, length, recent)
    found = restricted(exact_of(parts), parts["read"], parts["values"], parts["recent_values"])
    for h in range(heads):
        for g in range(group):
            kept = parts["read"][h, g]
            keys = torch.cat([parts["keys"][h, kept], parts["recent_keys"][h]])
            values = torch.cat([parts["values"][h, kept], parts["recent_values"][h]])
            plain = (0.7 * keys @ parts["query"][h, g]).softmax(0) @ values
            torch.testing.assert_close(found[h, g], plain, rtol=1e-4, atol=1e-4)


@given(
    st.lists(st.tuples(st.sampled_from([0.1, 0.2, 0.3, 0.4]), st.booleans(), st.booleans()), min_size=1, max_size=20)
)
def test_overlap_is_the_best_that_any_order_of_equal_weights_allows(rows: list[tuple[float, bool, bool]]) -> None:
    candidates = [candidate for _, candidate, _ in rows]
    selected = [candidate and chosen for _, candidate, chosen in rows]
    weights = [weight for weight, _, _ in rows]
    count = sum(selected)
    # equal weights: those that were selected come first
    order = sorted((i for i, ok in enumerate(candidates) if ok), key=lambda i: (-weights[i], not selected[i]))
    expected = sum(selected[i] for i in order[:count]) / count if count else 1.0
    found = overlap(torch.tensor([weights]), torch.tensor([selected]), torch.tensor([candidates]))
    assert found.tolist() == [pytest.approx(expected)]


@given(**SHAPES)
def test_the_oracle_ranks_by_softmax_over_candidates_and_the_groups_maximum(
    seed: int, heads: int, group: int, length: int, recent: int
) -> None:
    parts = make(seed, heads, group, length, recent)
    exact = exact_of(parts)
    candidates = parts["read"][:, 0].clone()
    candidates[:, 0] = True
    found = group_weights(exact.weights, candidates, heads)
    if group == 1:  # the order is the same with or without the norm
        torch.testing.assert_close(found, exact.weights[:, 0])
        return
    scores = 0.7 * parts["query"] @ parts["keys"].mT
    plain = scores.masked_fill(~candidates.unsqueeze(1), float("-inf")).softmax(-1).amax(1)
    torch.testing.assert_close(found * candidates, plain, rtol=1e-4, atol=1e-6)
    alone = group_weights(exact.weights, candidates.repeat_interleave(group, 0), heads * group)
    torch.testing.assert_close(alone, exact.weights.flatten(0, 1))


@given(st.integers(0, 10_000), st.integers(1, 5), st.integers(2, 50))
def test_divergence_is_torchs_and_never_negative(seed: int, rows: int, words: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    ours, theirs = (3 * torch.randn(rows, words, generator=generator) for _ in range(2))
    found = divergence(ours, theirs)
    plain = functional.kl_div(theirs.log_softmax(-1), ours.log_softmax(-1), reduction="none", log_target=True).sum(-1)
    torch.testing.assert_close(found, plain, rtol=1e-4, atol=1e-5)
    assert bool((found >= -1e-6).all())
    assert divergence(ours, ours).abs().max() == 0
