"""A decoding step's kernels, run again as they are: of all that they are told, a query and a few tokens change."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from text2json.baselines.kernels.calls import SPARE, AttendJob, even, spacing
from text2json.baselines.kernels.library import Chain, level, links_of, run_links, threads


@dataclass
class Replay:
    """A chain that ran once, in the state that it took for granted.

    Attributes:
        chain: its jobs, which point at tensors that it keeps.
        links: the same, as a call is told of them.
        attends: the last job; its last segment are the generated tokens.
        asked: where the query stands.
        counted: where the chain counts what it reads.
        settings: what all steps have in common.
        spare: the most generated tokens that there is memory for.
        state: of every part that is read, its attributes and what they were.
    """

    chain: Chain
    links: ctypes.Array[Any]
    attends: Any
    asked: list[tuple[Any, str]]
    counted: Tensor
    settings: tuple[Any, ...]
    spare: int
    state: list[tuple[dict[str, Any], str, Any]]

    @classmethod
    def of(cls, chain: Chain, query: Tensor, counted: Tensor, scaling: float, parts: Sequence[object]) -> Replay | None:
        """Keep a step's chain, or return None where it does not ask and attend with the query as it stands.

        Args:
            chain: of a step that ended with attention, the generated tokens last.
            query: (B, H_q, 1, D) it was asked with.
            counted: what the step counted.
            scaling: of q·k.
            parts: whose attributes must be the same next time.
        """
        place = query.data_ptr()
        asked = [(job, "query") for _, job in chain.jobs if getattr(job, "query", None) == place]
        attends = chain.jobs[-1][1]
        if len(asked) < 2 or asked[-1][0] is not attends or not isinstance(attends, AttendJob):
            return None
        generated: Any = attends.segment[attends.segments - 1]
        state = [(vars(part), name, value) for part in parts for name, value in vars(part).items()]
        settings = settings_of(query, scaling)
        return cls(chain, links_of(chain.jobs), attends, asked, counted, settings, generated.length + SPARE, state)

    def run(self, query: Tensor, keys: Tensor, values: Tensor, scaling: float) -> Tensor | None:
        """Return the attention (B, H_q, 1, D) from query (B, H_q, 1, D); None where the chain does not fit any more.

        Args:
            query: of this step.
            keys: (B, H, N, D) of the generated tokens.
            values: the same.
            scaling: of q·k.
        """
        if keys.shape[2] > self.spare or not (query.is_contiguous() and even(keys) and even(values)):
            return None
        if settings_of(query, scaling) != self.settings:
            return None
        if not all(found.get(name) is value for found, name, value in self.state):
            return None
        output = torch.empty_like(query)
        place = query.data_ptr()
        for job, name in self.asked:
            setattr(job, name, place)
        self.attends.out = output.data_ptr()
        generated = self.attends.segment[self.attends.segments - 1]
        generated.keys, generated.values, generated.length = keys.data_ptr(), values.data_ptr(), keys.shape[2]
        generated.key_rows, generated.value_rows = spacing(keys), spacing(values)
        run_links(self.links)
        return output

    def __reduce__(self) -> tuple[type[None], tuple[()]]:
        """Vanish from copies: a copy's tensors lie elsewhere, and its next step makes a chain of its own."""
        return type(None), ()


def settings_of(query: Tensor, scaling: float) -> tuple[Any, ...]:
    """Return what a chain was made for: the query's form, the threads that memory is for, and the kernels in use."""
    graph = query.requires_grad and torch.is_grad_enabled()
    return query.shape, query.dtype, query.device, graph, scaling, threads(), level()
