"""Training batches: documents and random rows, cut to few fixed shapes so that a compiled step is reused."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from text2json.baselines.readers.hints import KINDS
from text2json.baselines.readers.rows import RandomRows, Row

IGNORED = -100
HINTS = 256
"""Most hints of a kind that a row takes, evenly out of more."""
EXCLUDING = 20
"""Tokens before the end of a sentence that excludes an entity which noise leaves alone."""
QUESTION = 110
"""Tokens of a prompt that hold what is asked for, about; noise leaves them alone."""


@dataclass(frozen=True)
class Batch:
    """One step's input: `ids` and their `positions` (B, T), targets of the `places` (B, M) that are learned, and hints.

    `hints` is (kinds, B, N, 3): a token that looks, and the range of tokens that it should look at; zeros for none.
    """

    ids: Tensor
    positions: Tensor
    places: Tensor
    targets: Tensor
    hints: Tensor

    def trimmed(self) -> Batch:
        """Return the batch without places and hints that no row has; its shapes are then not those of other batches."""
        places = int((self.targets != IGNORED).sum(1).max())
        hints = int((self.hints[..., 2] > 0).sum(2).max())
        return replace(
            self, places=self.places[:, :places], targets=self.targets[:, :places], hints=self.hints[:, :, :hints]
        )


class Tokens(NamedTuple):
    """A tokenised sample: prompt and answer in one, the prompt's length, and hints (n, 4)."""

    ids: np.ndarray
    prompt: int
    hints: np.ndarray


def collate(rows: Sequence[Row], *, length: int, pad: int, skips: Callable[[Row], np.ndarray] | None = None) -> Batch:
    """Right-pad `rows` to `length`; a row's learned places are cut to half of it, which every row kind obeys.

    Args:
        rows: what is learned from.
        length: tokens of each padded row.
        pad: the token that pads.
        skips: how many positions to leave out before each token of a row; none unless given.
    """
    room = length // 2 + 8
    ids = np.full((len(rows), length), pad, dtype=np.int64)
    places = np.zeros((len(rows), room), dtype=np.int64)
    targets = np.full((len(rows), room), IGNORED, dtype=np.int64)
    most = min(length // 4, HINTS)
    hints = np.zeros((len(KINDS), len(rows), most, 3), dtype=np.int64)
    positions = np.tile(np.arange(length, dtype=np.int64), (len(rows), 1))
    for number, row in enumerate(rows):
        tokens, learn, shown = row
        if skips is not None:
            left_out = skips(row).cumsum()
            positions[number, : len(tokens)] += left_out
            positions[number, len(tokens) :] += left_out[-1]
        ids[number, : len(tokens)] = tokens
        learned = np.flatnonzero(learn)[:room]
        places[number, : len(learned)] = learned - 1  # the token before it predicts a token
        targets[number, : len(learned)] = np.asarray(tokens)[learned]
        for kind in range(len(KINDS)):
            wanted = shown[shown[:, 0] == kind, 1:]
            wanted = wanted[:: max(1, -(-len(wanted) // most))]
            hints[kind, number, : len(wanted)] = wanted
    return Batch(*map(torch.from_numpy, (ids, positions, places, targets, hints)))


@dataclass(frozen=True)
class Documents:
    """Tokenised samples, grouped by the smallest of `lengths` that holds them."""

    groups: dict[int, list[Tokens]]

    @classmethod
    def group(cls, samples: Sequence[Tokens], lengths: Sequence[int]) -> Documents:
        """Sort samples into groups; what exceeds the largest length is left out."""
        groups: dict[int, list[Tokens]] = {length: [] for length in lengths}
        for sample in samples:
            fit = next((length for length in lengths if len(sample.ids) <= length), None)
            if fit is not None:
                groups[fit].append(sample)
        return cls({length: group for length, group in groups.items() if group})

    def length(self, rng: np.random.Generator) -> int:
        """Choose a group, each with the weight of its tokens."""
        lengths = list(self.groups)
        weights = np.array([len(self.groups[length]) * length for length in lengths], dtype=float)
        return int(rng.choice(lengths, p=weights / weights.sum()))

    def row(self, rng: np.random.Generator, length: int, noise: float = 0.0) -> Row:
        """Draw a sample of the group `length`; in every other one, a share of its words, up to `noise`, is replaced."""
        group = self.groups[length]
        ids, prompt, hints = group[int(rng.integers(len(group)))]
        if noise and rng.random() < 0.5:
            ids = noisy(rng, ids, prompt, rng.uniform(0, noise), spared(hints))
        return Row(ids.tolist(), [False] * prompt + [True] * (len(ids) - prompt), hints)


def spared(hints: np.ndarray) -> np.ndarray:
    """Return the tokens that say that an entity is excluded, without which an answer would not follow from its text."""
    ends = np.unique(hints[hints[:, 0] == KINDS.index("excluded"), 2])
    return (ends[ends > 0, None] - np.arange(EXCLUDING)).ravel()


def noisy(
    rng: np.random.Generator, ids: np.ndarray, prompt: int, share: float, kept: Sequence[int] | np.ndarray = ()
) -> np.ndarray:
    """Return a sample in which other tokens of its text replace a share of those that its answer does not hold.

    What is said around a value then differs each time, so that no exact wording is learned by heart. The tokens `kept`
    stay as they are.
    """
    free = np.flatnonzero(~np.isin(ids[:prompt], ids[prompt:]))
    free = np.setdiff1d(free[free >= QUESTION], np.asarray(kept, dtype=np.int64))
    changed = free[rng.random(len(free)) < share]
    ids = ids.copy()
    ids[changed] = ids[rng.choice(free, len(changed))]
    return ids


def skipping(rng: np.random.Generator, row: Row, reach: int) -> np.ndarray:
    """Return, for every other row, up to four leaps over positions, so that it ends before position `reach`.

    Far positions are then met at the cost of short rows (positional skip-wise training, D. Zhu et al. 2023, arXiv
    2309.10400).
    """
    skips = np.zeros(len(row.tokens), dtype=np.int64)
    room = reach - len(skips)
    prompt = row.learn.index(True)
    if room <= 0 or prompt <= QUESTION or rng.random() < 0.5:
        return skips
    cuts = rng.integers(QUESTION, prompt, int(rng.integers(1, 5)))
    leaps = rng.dirichlet(np.ones(len(cuts))) * rng.uniform(0, room)
    np.add.at(skips, cuts, leaps.astype(np.int64))
    return skips


def make_batch(
    rng: np.random.Generator,
    *,
    documents: Documents | None,
    rows: RandomRows,
    random_share: float,
    lengths: Sequence[int],
    batch_tokens: int,
    pad: int,
    noise: float = 0.0,
    reach: int = 0,
) -> Batch:
    """Return one batch of about `batch_tokens` tokens, `random_share` of its rows random."""
    length = int(rng.choice(np.asarray(lengths))) if documents is None else documents.length(rng)
    drawn = []
    for _ in range(max(1, batch_tokens // length)):
        if documents is None or rng.random() < random_share:
            drawn.append(rows.draw(rng, length if rng.random() < 0.5 else int(rng.integers(length // 3, length))))
        else:
            drawn.append(documents.row(rng, length, noise))
    skips = (lambda row: skipping(rng, row, reach)) if reach else None
    return collate(drawn, length=length, pad=pad, skips=skips)
