from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

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
from text2json.baselines.joint_factors import JointFactors, descend, factor_jointly
from text2json.baselines.stores import ExactStore
from text2json.baselines.strategies import parse_spec
from text2json.errors import SpecError

Matrix = NDArray[np.float64]


def prefill(q: Matrix, k: Matrix, rank: int) -> tuple[Matrix, Matrix, Matrix, Matrix]:
    """Return A_Q, B_Q, A_K, B_K of one head by the paper's formulae, two rounds from the largest channels."""
    columns = np.argsort(-(np.abs(q).sum(0) + np.abs(k).sum(0)), kind="stable")[:rank]
    a_q, a_k = q[:, columns], k[:, columns]
    inv = np.linalg.inv
    for _ in range(2):
        b_q, b_k = inv(a_q.T @ a_q) @ a_q.T @ q, inv(a_k.T @ a_k) @ a_k.T @ k
        a_q = q @ (k.T @ a_k + b_q.T) @ inv(a_k.T @ a_k + b_q @ b_q.T)
        a_k = k @ (q.T @ a_q + b_k.T) @ inv(a_q.T @ a_q + b_k @ b_k.T)
    return a_q, inv(a_q.T @ a_q) @ a_q.T @ q, a_k, inv(a_k.T @ a_k) @ a_k.T @ k


def step(
    b_q: Matrix, b_k: Matrix, a: Matrix, exact: Matrix, q: Matrix, k: Matrix
) -> tuple[Matrix, Matrix, Matrix, float]:  # fmt: skip
    """Return the projected query, the bases after one step by the paper's formulae, and the shorter projection's norm.

    `a` and `exact` are the active set.
    """
    inv = np.linalg.inv
    k_hat = k @ b_k.T @ inv(b_k @ b_k.T)
    for _ in range(2):
        gram = b_q @ b_q.T + a.T @ a + np.outer(k_hat, k_hat)
        q_hat = (q @ b_q.T + q @ exact.T @ a + (q @ k) * k_hat) @ inv(gram)
        k_hat = (k @ b_k.T + (q @ k) * q_hat) @ inv(b_k @ b_k.T + np.outer(q_hat, q_hat))
    for basis, hat, row in ((b_q, q_hat, q), (b_k, k_hat, k)):
        slope = np.outer(hat, hat @ basis - row)
        basis -= (slope**2).sum() / ((hat @ slope) ** 2).sum() * slope
    return q_hat, b_q, b_k, float(min(np.linalg.norm(q_hat), np.linalg.norm(k_hat)))


@settings(max_examples=20)
@given(shape=SHAPES, budget=st.integers(1, 29), rank=st.integers(1, 8))
def test_tokens_are_picked_as_the_formulae_say_over_several_steps(
    shape: dict[str, Any], budget: int, rank: int
) -> None:
    prompt = make_prompt(**(shape | {"ties": False}))
    assert prompt.queries is not None
    rank, border = min(rank, shape["size"] - 1), shape["length"] - 10
    sealed = seal(f"lrqk:budget={budget},local=10,rank={rank}", prompt)
    index: Any = sealed.index
    heads = shape["heads"] * shape["group"]
    state: dict[tuple[int, int], list[Any]] = {}
    for b in range(shape["batch"]):
        valid = prompt.valid[b].numpy()
        for head in range(heads):
            q = prompt.queries[b, head].double().numpy() * valid[:, None]
            k = prompt.keys[b, head // shape["group"]].double().numpy() * valid[:, None]
            a_q, b_q, a_k, b_k = prefill(q, k, rank)
            weights = raw((a_k[:border] @ a_q[-1]).tolist(), valid[:border].tolist())
            found = {int(t) for t, key in zip(index.places[b, head], index.active[b, head], strict=True) if key.any()}
            assert_top(found, weights, budget, tolerance=2e-3)
            state[b, head] = [b_q, b_k, a_k, k, found]
    for number in range(3):
        query, key = random_query(prompt, 50 + number), random_query(prompt, 90 + number)[:, :, :1]
        index.observe(query, key, None)
        tokens, chosen = sealed.select(query, shape["size"] ** -0.5)
        read = chosen_sets(sealed, query)
        keys = sealed.keys.read(tokens.view(shape["batch"], shape["heads"], -1), torch.float32)
        index.fetched(tokens, chosen, keys.view(*tokens.shape, shape["size"]))
        for (b, head), (b_q, b_k, a_k, k, active) in state.items():
            places = sorted(active) + [t for t in range(border, shape["length"]) if prompt.valid[b, t]]
            q_row = query[b].flatten(0, 1)[head].double().numpy()
            k_row = key[b, head // shape["group"], 0].double().numpy()
            q_hat, b_q, b_k, shortest = step(b_q, b_k, a_k[places], k[places], q_row, k_row)
            assume(shortest > 5e-3)  # the step divides by it, and float32 would differ from the reference's float64
            weights = raw((a_k[:border] @ q_hat).tolist(), prompt.valid[b, :border].tolist())
            assert_top(read[b][head], weights, budget, tolerance=5e-3)
            state[b, head] = [b_q, b_k, a_k, k, read[b][head]]


@settings(max_examples=15)
@given(shape=SHAPES, budget=st.integers(1, 29))
def test_equal_keys_and_few_tokens_neither_fail_nor_leave_the_formula(shape: dict[str, Any], budget: int) -> None:
    """Dependent columns make the Gram matrices singular; what is read is still the top of the factors' products."""
    prompt = make_prompt(**(shape | {"ties": True}))
    sealed = seal(f"lrqk:budget={budget},local=10", prompt)
    query = random_query(prompt)
    index = sealed.index
    assert isinstance(index, JointFactors)
    index.observe(query, random_query(prompt, 3)[:, :, :1], None)
    scores = index.scores(query).flatten(1, 2)
    assert bool(torch.isfinite(scores).all())
    assert index.projected is not None
    expected = torch.einsum("bhr,bhnr->bhn", index.projected[:, :, 0], index.factors[:, :, : scores.shape[2]])
    torch.testing.assert_close(scores, expected, rtol=1e-3, atol=1e-3)
    for b, row in enumerate(chosen_sets(sealed, query)):
        for head, found in enumerate(row):
            weights = raw((scores[b, head] * shape["size"] ** -0.5).tolist(), sealed.selection.allowed[b, 0].tolist())
            assert_top(found, weights, budget)


def test_a_full_rank_gives_queries_and_keys_back() -> None:
    generator = torch.Generator().manual_seed(0)
    queries, keys = (torch.randn(1, 2, 50, 8, generator=generator) for _ in range(2))
    for init in ("topcol", "randn"):
        a_q, b_q, a_k, b_k = factor_jointly(queries, keys, 8, init, 1)
        torch.testing.assert_close(a_q @ b_q, queries, rtol=1e-2, atol=1e-2)
        torch.testing.assert_close(a_k @ b_k, keys, rtol=1e-2, atol=1e-2)


def test_low_rank_products_come_back_from_a_rank_that_holds_them() -> None:
    generator = torch.Generator().manual_seed(1)
    left, right = torch.randn(2, 60, 5, generator=generator), torch.randn(5, 16, generator=generator)
    queries, keys = (rows[None, None] @ right for rows in left)
    a_q, _, a_k, _ = factor_jointly(queries, keys, 5, "topcol", 0)
    exact = queries @ keys.mT
    assert float((a_q @ a_k.mT - exact).norm() / exact.norm()) < 0.05


def test_the_best_step_fits_the_new_row_exactly() -> None:
    """Along its gradient a rank-one least squares problem ends at zero error."""
    generator = torch.Generator().manual_seed(2)
    basis, factor, row = (torch.randn(1, 1, *shape, generator=generator) for shape in ((4, 8), (1, 4), (1, 8)))
    torch.testing.assert_close(factor @ descend(basis, factor, row), row, rtol=1e-3, atol=1e-3)


def test_a_short_factor_takes_a_long_step_and_a_factor_of_zero_none() -> None:
    basis, row = torch.ones(1, 1, 1, 3), torch.tensor([[[[3.0, 0.0, -2.0]]]])
    for factor in (1e-2, 1e-4, -1e-4):
        torch.testing.assert_close(factor * descend(basis, torch.full((1, 1, 1, 1), factor), row), row)
    assert torch.equal(descend(basis, torch.zeros(1, 1, 1, 1), row), basis)


def test_a_step_equals_its_simulation_and_full_precision_comes_back() -> None:
    prompt = make_prompt(4)
    spec = "lrqk:budget=12,local=10,rank=8"
    check_step_equals_simulation(prompt, spec)
    keys, values = seal(spec, prompt).rebuild(torch.float32)
    assert torch.equal(keys, prompt.keys)
    assert torch.equal(values, prompt.values)
    assert resident_sets(seal(spec, prompt))[1][0] == set(range(90, 100))


def test_bytes_are_those_of_the_formula_and_of_the_tensors() -> None:
    """Factors 2 r G a token and kv-head: 256 for r = 32 and G = 4; both bases and the active keys beside them."""
    prompt = make_prompt(5, batch=1, heads=2, group=4, size=128, length=464, padding=0, dtype=torch.bfloat16)
    sealed = seal("lrqk:budget=40", prompt)
    index = sealed.index
    assert isinstance(index, JointFactors)
    assert index.factors.nbytes == 256 * 2 * 464
    assert index.query_basis.nbytes + index.key_basis.nbytes == 2 * 2 * 32 * 128 * 8
    assert index.active.nbytes == 2 * 128 * 8 * 40
    assert isinstance(sealed.keys, ExactStore)
    assert sealed.keys.nbytes + sealed.values.nbytes == 512 * 2 * 400
    tokens, chosen = sealed.select(random_query(prompt), 1.0)
    assert sealed.moved_bytes(tokens, chosen)[0] == 512 * 8 * 40


@pytest.mark.parametrize("options", ["rank=0", "seed=-1", "init=svd", "budget=0", "local=-1"])
def test_impossible_options_are_errors(options: str) -> None:
    with pytest.raises(SpecError):
        parse_spec(f"lrqk:{options}")
