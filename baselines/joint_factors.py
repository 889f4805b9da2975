"""LRQK's index: queries and keys factored together into few columns, and kept up to date while tokens are generated.

For each query head, Q ≈ A_Q B_Q and K ≈ A_K B_K with r columns in A, so that Q Kᵀ ≈ A_Q A_Kᵀ; found by alternating
least squares of ‖Q Kᵀ - A_Q A_Kᵀ‖² + ‖Q - A_Q B_Q‖² + ‖K - A_K B_K‖² (arXiv 2510.23649, section 3).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from text2json.baselines.indexes import Index
from text2json.baselines.parts import take
from text2json.baselines.sealed import Residents

ITERATIONS = 2
"""Of both least squares; the published code may stop after the first when it moved little, which couples a batch."""
RIDGE = 1e-6
"""Share of a Gram matrix's mean diagonal that is added to it, so that dependent columns can be solved for."""


def solve(gram: Tensor, rhs: Tensor, *, left: bool = True) -> Tensor:
    """Return gram⁻¹ rhs, or rhs gram⁻¹, for symmetric gram (..., r, r)."""
    size = gram.shape[-1]
    mean = gram.diagonal(dim1=-2, dim2=-1).mean(-1)[..., None, None].clamp(min=1e-20)
    found: Tensor = torch.linalg.solve(gram + RIDGE * mean * torch.eye(size, device=gram.device), rhs, left=left)
    return found


def bases(factor: Tensor, rows: Tensor) -> Tensor:
    """Return B (..., r, D) with the least ‖rows - factor B‖."""
    return solve(factor.mT @ factor, factor.mT @ rows)


def first_columns(queries: Tensor, keys: Tensor, rank: int, init: str, seed: int) -> tuple[Tensor, Tensor]:
    """Return where the iteration starts, two (B, H_q, N, r): random, or the channels of largest summed magnitude."""
    if init == "randn":
        generator = torch.Generator().manual_seed(seed)
        drawn = torch.randn(2, *queries.shape[1:3], rank, generator=generator).to(queries.device)
        known = (queries != 0).any(-1, keepdim=True) | (keys != 0).any(-1, keepdim=True)
        return drawn[0] * known, drawn[1] * known
    sums = queries.abs().sum(2, keepdim=True) + keys.abs().sum(2, keepdim=True)
    places = sums.topk(rank, dim=-1).indices.expand(-1, -1, queries.shape[2], -1)
    return queries.gather(3, places), keys.gather(3, places)


def factor_jointly(queries: Tensor, keys: Tensor, rank: int, init: str, seed: int) -> tuple[Tensor, ...]:
    """Return A_Q, B_Q, A_K, B_K of queries and keys (B, H_q, N, D) in float32, zero at padding."""
    a_q, a_k = first_columns(queries, keys, rank, init, seed)
    for _ in range(ITERATIONS):
        b_q, b_k = bases(a_q, queries), bases(a_k, keys)
        a_q = queries @ solve(a_k.mT @ a_k + b_q @ b_q.mT, keys.mT @ a_k + b_q.mT, left=False)
        a_k = keys @ solve(a_q.mT @ a_q + b_k @ b_k.mT, queries.mT @ a_q + b_k.mT, left=False)
    return a_q, bases(a_q, queries), a_k, bases(a_k, keys)


def descend(basis: Tensor, factor: Tensor, row: Tensor) -> Tensor:
    """Return the basis (..., r, D) after one gradient step on ‖row - factor basis‖² with the best step length.

    A factor of zero has no gradient and leaves the basis as it is; a small one, as a query that the basis hardly
    holds has it, needs a long step, so nothing is added to the denominator.
    """
    gradient = factor.mT @ (factor @ basis - row)
    norm = gradient.square().sum((-2, -1), keepdim=True)
    along = (factor @ gradient).square().sum((-2, -1), keepdim=True)
    return basis - norm / along.clamp(min=1e-30) * gradient


@dataclass
class JointFactors(Index):
    """The prompt's key factors with both bases, and the exact keys that the last step fetched.

    `factors` (B, H_q, N, r); `query_basis`, `key_basis` (B, H_q, r, D); `active` (B, H_q, S, D) exact keys, zero where
    none was chosen, at `places` (B, H_q, S). The first `border` tokens are scored; `residents` hold the others.
    """

    keeps_fetched: ClassVar[bool] = True

    factors: Tensor
    query_basis: Tensor
    key_basis: Tensor
    active: Tensor
    places: Tensor
    border: int
    residents: Residents
    projected: Tensor | None = None
    """(B, H_q, 1, r) the query of the step at hand."""

    def observe(self, query: Tensor, key: Tensor, predicted: Tensor | None) -> None:
        """Project the new query and key against the active keys, then move both bases towards them."""
        q = query.flatten(1, 2).unsqueeze(2).float()
        k = key.repeat_interleave(query.shape[2], 1).float()
        b_q, b_k = self.query_basis.float(), self.key_basis.float()
        a, exact = self.active_set(query.shape[2])
        product = q @ k.mT
        q_side, q_gram = q @ b_q.mT + (q @ exact.mT) @ a, b_q @ b_q.mT + a.mT @ a
        k_side, k_gram = k @ b_k.mT, b_k @ b_k.mT
        k_hat = solve(k_gram, k_side, left=False)
        for _ in range(ITERATIONS):
            q_hat = solve(q_gram + k_hat.mT @ k_hat, q_side + product @ k_hat, left=False)
            k_hat = solve(k_gram + q_hat.mT @ q_hat, k_side + product @ q_hat, left=False)
        self.projected = q_hat
        self.query_basis = descend(b_q, q_hat, q).to(self.query_basis.dtype)
        self.key_basis = descend(b_k, k_hat, k).to(self.key_basis.dtype)

    def active_set(self, group: int) -> tuple[Tensor, Tensor]:
        """Return factors (B, H_q, M, r) and exact keys (B, H_q, M, D) of what the last step read from the prompt."""
        window = (self.residents.keys * self.residents.valid.unsqueeze(-1)).repeat_interleave(group, 1)
        chosen = (self.active != 0).any(-1, keepdim=True)
        near = self.factors[:, :, self.border :] * (window != 0).any(-1, keepdim=True)
        factors = torch.cat([take(self.factors, self.places) * chosen, near], 2)
        return factors.float(), torch.cat([self.active, window], 2).float()

    def fetched(self, tokens: Tensor, chosen: Tensor, keys: Tensor) -> None:
        """Keep the step's exact keys for the next one."""
        self.active, self.places = keys * chosen.unsqueeze(-1), tokens

    def scores(self, query: Tensor) -> Tensor:
        """Return the projected query's products with the key factors."""
        projected = self.projected
        if projected is None:
            q, basis = query.flatten(1, 2).unsqueeze(2).float(), self.query_basis.float()
            projected = solve(basis @ basis.mT, q @ basis.mT, left=False)
        scores = projected @ self.factors[:, :, : self.border].float().mT
        return scores.view(*query.shape[:3], self.border)
