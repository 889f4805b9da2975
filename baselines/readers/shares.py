"""Gradients of a batch whose rows are shared out among threads.

At this size two threads on each product gain little: on an AVX2 processor one model went through 1,190 tokens a second,
forward and back, with two threads, 800 with one, and two processes of one thread each through 1,600 in all.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import torch
from torch import Tensor
from transformers import PreTrainedModel

from text2json.baselines.readers.attention import seen
from text2json.baselines.readers.batches import IGNORED, Batch

Measure = Callable[[PreTrainedModel, Batch], tuple[Tensor, Tensor, Tensor]]
"""What returns a batch's loss, that of its hints, and (B, M) whether each place is right."""


class Shares:
    """Computes with `threads` twins of a model, which have its weights and gradients of their own."""

    def __init__(self, model: PreTrainedModel, threads: int) -> None:
        self.model = model
        self.twins = [model, *(copy.deepcopy(model) for _ in range(threads - 1))]
        self.pool = ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,))

    def learn(self, measure: Measure, batch: Batch, hints: float) -> tuple[Tensor, Tensor, Tensor]:
        """Add a batch's gradients to those of the model, hints weighing `hints`; return what `measure` does."""
        shares = split(batch, len(self.twins))
        learned = [float((share.targets != IGNORED).sum()) for share in shares]
        weights = [count / sum(learned) for count in learned]
        for twin in self.twins[1:]:  # what a checkpoint or an optimiser brought
            for own, same in zip(twin.parameters(), self.model.parameters(), strict=True):
                own.data, own.grad = same.data, None
        found = list(self.pool.map(partial(one_share, measure, hints), self.twins, shares, weights))
        for twin in self.twins[1:]:
            for own, same in zip(twin.parameters(), self.model.parameters(), strict=True):
                if own.grad is not None:
                    same.grad = own.grad if same.grad is None else same.grad.add_(own.grad)
        losses, shown, right = zip(*found, strict=True)
        return sum(losses, torch.zeros(())), sum(shown, torch.zeros(())), torch.cat(right)


def split(batch: Batch, parts: int) -> list[Batch]:
    """Return the batch's rows in at most `parts` batches of about the same number."""
    per_row = [batch.ids, batch.positions, batch.places, batch.targets, batch.hints.transpose(0, 1)]
    shares = zip(*(tensor.tensor_split(parts) for tensor in per_row), strict=True)
    return [
        Batch(ids, positions, places, targets, hints.transpose(0, 1))
        for ids, positions, places, targets, hints in shares
        if len(ids)
    ]


def one_share(
    measure: Measure, hints: float, model: PreTrainedModel, batch: Batch, weight: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Leave the gradients of one share in `model`; return its losses, weighted, and what is right."""
    seen(model).on = hints > 0
    loss, shown, right = measure(model, batch)
    (weight * (loss + hints * shown)).backward()
    return weight * loss.detach(), weight * shown.detach(), right
