"""The evidence of a sample in tokens, and how much of it a step read."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from text2json.baselines.diagnosis.probe import Array, Step
from text2json.baselines.diagnosis.tokens import PromptTokens
from text2json.metrics.intensity import stated
from text2json.schemas.sample import Sample

CARRYING = 0.5
"""The heads that carry a piece of evidence are the fewest that hold this share of all heads' attention on it."""
_PATH = re.compile(r"\[(\d+)\]\.?(.*?)((?:\[\d+\])*)$")


@dataclass(frozen=True)
class Piece:
    """One thing that the gold holds: a leaf, or an item of a list.

    Args:
        record: place of its record in the gold.
        field: the leaf's path in it.
        item: its place in the list, or None.
        spans: the tokens of each place in the prompt that states it; any one of them is enough.
    """

    record: int
    field: str
    item: int | None
    spans: tuple[tuple[int, ...], ...]


def pieces(sample: Sample, prompt: PromptTokens) -> list[Piece]:
    """Return the evidence of a sample, in tokens of its prompt; what the prompt does not state is left out."""
    found = []
    for path, spans in stated(sample):
        match = _PATH.fullmatch(path) or _PATH.fullmatch(f"[0].{path}")
        tokens = tuple(tuple(within) for start, end in spans if (within := prompt.within(start, end)))
        if match is not None and tokens:
            items = re.findall(r"\d+", match[3])
            found.append(Piece(int(match[1]), match[2], int(items[0]) if items else None, tokens))
    return found


class Watched:
    """All evidence of one sample as rows of masks over the tokens that it stands in.

    Args:
        pieces: of the sample.
    """

    def __init__(self, pieces: Sequence[Piece]) -> None:
        self.pieces = list(pieces)
        spans = [(row, span) for row, piece in enumerate(self.pieces) for span in piece.spans]
        self.tokens = sorted({token for _, span in spans for token in span})
        """The prompt's tokens to watch; M of them."""
        rank = {token: place for place, token in enumerate(self.tokens)}
        self.owner = np.array([row for row, _ in spans], dtype=np.intp)
        self.masks = np.zeros((len(spans), len(self.tokens)))
        for row, (_, span) in enumerate(spans):
            self.masks[row, [rank[token] for token in span]] = 1

    @cached_property
    def members(self) -> Array:
        """(pieces, M) which tokens are a piece's, in any of its spans."""
        found = np.zeros((len(self.pieces), len(self.tokens)))
        np.maximum.at(found, self.owner, self.masks)
        return found

    def look(self, step: Step, rows: Sequence[int]) -> list[Look]:
        """Return what a step read of the pieces `rows`."""
        read = step.read.reshape(-1, len(self.tokens))
        mass = step.mass.reshape(read.shape)
        return [self._look(row, read, mass) for row in rows]

    def _look(self, row: int, read: NDArray[np.bool_], mass: Array) -> Look:
        masks = self.masks[self.owner == row]
        sizes = masks.sum(1)
        recall = (read @ masks.T / sizes).max(1)
        together = float((read.any(0) @ masks.T / sizes).max())
        member = self.members[row]
        on_it = mass @ member
        carrying = carriers(on_it)
        return Look(
            recall=recall,
            mass=on_it,
            mass_read=(mass * read) @ member,
            any_head=together,
            carried=float(recall[carrying].mean()) if carrying.any() else float("nan"),
        )


@dataclass(frozen=True)
class Look:
    """What one step read of one piece of evidence; heads are those of all layers in a row.

    Args:
        recall: (heads,) share of its best-read span that each head read.
        mass: (heads,) exact attention on it.
        mass_read: (heads,) the part of that on tokens that were read.
        any_head: share of its best-read span that some head read.
        carried: mean recall of the heads that carry it; NaN where none looks at it.
    """

    recall: Array
    mass: Array
    mass_read: Array
    any_head: float
    carried: float


def carriers(mass: Array, share: float = CARRYING) -> NDArray[np.bool_]:
    """Return which heads carry the evidence: the fewest that together hold `share` of the mass (heads,) on it."""
    order = np.argsort(-mass, kind="stable")
    sorted_mass = mass[order]
    before = np.cumsum(sorted_mass) - sorted_mass
    chosen = (before < share * mass.sum()) & (sorted_mass > 0)
    found = np.zeros(len(mass), dtype=np.bool_)
    found[order[chosen]] = True
    return found


def writing_steps(
    pieces: Sequence[Piece],
    places: Mapping[tuple[int, str, int | None], tuple[int, int]],
    spans: Sequence[tuple[int, int]],
) -> dict[int, list[int]]:
    """Return decoding step → rows of the pieces whose value it writes.

    The step that reads token j writes token j + 1; the first token of an output comes from the prefill.

    Args:
        pieces: of the sample.
        places: (record, field, item) → start and end of the characters that write it.
        spans: of the output's tokens.
    """
    steps: dict[int, list[int]] = {}
    for row, piece in enumerate(pieces):
        place = places.get((piece.record, piece.field, piece.item)) or places.get((piece.record, piece.field, None))
        if place is None:
            continue
        for token, (start, end) in enumerate(spans):
            if token > 0 and start < place[1] and end > place[0]:
                steps.setdefault(token - 1, []).append(row)
    return steps
