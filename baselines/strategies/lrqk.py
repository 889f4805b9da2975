"""LRQK: queries and keys factored together; the factors' products pick tokens for each query head."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from text2json.baselines.footprint import Footprint, Geometry
from text2json.baselines.joint_factors import JointFactors, factor_jointly
from text2json.baselines.knobs import Knob, whole_numbers
from text2json.baselines.parts import take
from text2json.baselines.prompt import Prompt
from text2json.baselines.rules import each_head
from text2json.baselines.sealed import Residents, Sealed, window
from text2json.baselines.stores import ExactStore
from text2json.baselines.strategy import Option, SparseStrategy
from text2json.errors import SpecError

PLACE, PROJECTED = 8, 4
"""Bytes of an active key's place, and of a number of the projected query."""


@dataclass(frozen=True)
class Lrqk(SparseStrategy):
    """A joint low-rank factorisation of each query head's queries and keys, found at prefill, refined at every step.

    A step projects the new query and key by small least squares against the exact keys that the step before read,
    moves both bases by one gradient step, and takes the tokens whose factors have the largest product with the
    projected query. Keys and values are exact, on the host, fetched for each query head.

    Preset `paper` starts from random columns and reads 2,048 tokens beside the last 64; preset `comparison` (the
    default) is what arXiv 2604.08426 compares with: it starts from the channels of largest magnitude and reads
    0.25765625 % (a budget of 0.09765625 % and another 0.16 % whose reason is not stated); its rank is 32 for Qwen 3
    and 16 for Llama. Generated tokens, which the published cache moves to the host after 64 more, stay on the device
    here, and the active keys of a projection are those fetched before and the prompt's last.

    Args:
        budget: see `SparseStrategy`; for each query head.
        local: the last tokens, always exact.
        rank: columns of the factors; at most the head size and the prompt's tokens.
        init: topcol or randn.
        seed: of randn.
    """

    budget: float = 0.0025765625
    local: int = 64
    rank: int = 32
    init: str = "topcol"
    seed: int = 42

    name: ClassVar[str] = "lrqk"
    source: ClassVar[str] = "arXiv 2510.23649, section 3"
    summary: ClassVar[str] = "joint factors of queries and keys select, per query head; keys and values on the host"
    presets: ClassVar[Mapping[str, Mapping[str, Option]]] = {
        "comparison": {},
        "paper": {"budget": 2048, "init": "randn"},
    }
    choices: ClassVar[Mapping[str, tuple[str, ...]]] = {"init": ("topcol", "randn")}

    def __post_init__(self) -> None:
        SparseStrategy.__post_init__(self)
        if self.rank < 1:
            raise SpecError(f"lrqk: rank={self.rank} keeps nothing", remedy="give 16 or 32")
        if self.seed < 0:
            raise SpecError(f"lrqk: seed={self.seed} is negative", remedy="give 0 or more")

    @property
    def prompt_queries(self) -> int:
        """All of them."""
        return -1

    def seal(self, prompt: Prompt) -> Sealed | None:
        """Factor queries and keys; start with the tokens that the last query would read as the active ones."""
        if self.covers(prompt):
            return None
        if prompt.queries is None:
            raise SpecError("lrqk needs the prompt's queries", remedy="use it through tiered_cache")
        dtype, border = prompt.keys.dtype, max(0, prompt.length - self.local)
        queries, keys = self.heads(prompt, prompt.queries)
        rank = min(self.rank, keys.shape[3], int(prompt.tokens.min()))
        a_q, b_q, a_k, b_k = factor_jointly(queries, keys, rank, self.init, self.seed)
        residents = Residents.at(prompt, *window(prompt, border))
        selection = self.selection(prompt, prompt.valid[:, :border], self.counts(prompt), each_head)
        nothing = keys.new_zeros(*keys.shape[:2], 0, keys.shape[3], dtype=dtype)
        places = torch.zeros(*keys.shape[:2], 0, dtype=torch.long, device=keys.device)
        bases = b_q.to(dtype), b_k.to(dtype)
        index = JointFactors("device", "index", a_k.to(dtype), *bases, nothing, places, border, residents)
        sealed = Sealed(
            index=index,
            keys=ExactStore("host", "keys", prompt.keys[:, :, :border].contiguous()),
            values=ExactStore("host", "values", prompt.values[:, :, :border].contiguous()),
            residents=residents,
            selection=selection,
            unit=1,
        )
        index.projected = a_q[:, :, -1:]
        like_step = prompt.keys.new_zeros(*prompt.keys.shape[:2], queries.shape[1] // prompt.keys.shape[1], rank)
        tokens, chosen = sealed.select(like_step, 1.0)
        index.fetched(tokens, chosen, take(keys, tokens).to(dtype))
        index.projected = None
        return sealed

    def footprint(self, geometry: Geometry) -> Footprint:
        """Return factors, bases, active keys and the projected query of each query head; keys and values on the host.

        Factors are of the whole prompt: those of the window take part in the projection.
        """
        tokens, heads = geometry.tokens, geometry.query_heads
        if self.covers_tokens(tokens):
            return geometry.full
        border = max(0, tokens - self.local)
        rank = min(self.rank, geometry.size, tokens)
        count = min(self.count(tokens), border)
        factors = (tokens + 2 * geometry.size) * rank * geometry.element + rank * PROJECTED
        active = count * (geometry.row + PLACE)
        device = heads * (factors + active) + geometry.residents(tokens - border)
        return Footprint(device, geometry.rows(border), geometry.rows(count) * geometry.group)

    def device_knob(self, geometry: Geometry) -> Knob:
        """Return the rank."""
        return whole_numbers("rank", min(geometry.size, geometry.tokens))

    def heads(self, prompt: Prompt, queries: Tensor) -> tuple[Tensor, Tensor]:
        """Return queries and keys (B, H_q, N, D) in float32, keys repeated for each query head, zero at padding."""
        group = queries.shape[1] // prompt.keys.shape[1]
        known = prompt.valid[:, None, :, None]
        return queries.float() * known, prompt.keys.repeat_interleave(group, 1).float() * known
