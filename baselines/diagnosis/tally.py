"""What is added up over the steps of one sample: nothing here grows with the prompt."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from text2json.baselines.diagnosis.evidence import Look, Watched
from text2json.baselines.diagnosis.probe import SUMS, Array, Step

EVIDENCE = ("evidence_steps", "evidence_recall", "evidence_mass", "evidence_mass_read")
"""What is summed over the steps that write a stated value, for each layer and head."""
COURSE = ("mass_read", "mass_prompt", "overlap", "output_error", "output_norm")
"""Of `SUMS`, what is also kept for each step, summed over layers and heads."""


@dataclass
class PieceTally:
    """Sums over the steps that write one piece of evidence's value."""

    steps: int = 0
    looked: int = 0
    """Steps at which some head looks at the piece at all."""
    any_head: float = 0.0
    carried: float = 0.0
    mass: float = 0.0
    mass_read: float = 0.0
    divergence: float = 0.0

    def add(self, look: Look) -> None:
        """Add a step."""
        self.steps += 1
        self.any_head += look.any_head
        self.mass += float(look.mass.sum())
        self.mass_read += float(look.mass_read.sum())
        if not np.isnan(look.carried):
            self.looked += 1
            self.carried += look.carried


@dataclass
class Tally:
    """Sums over one sample's steps on given tokens."""

    figures: Array | None = None
    """(layers, H_q, len(SUMS))."""
    evidence: Array | None = None
    """(layers, H_q, len(EVIDENCE))."""
    course: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in COURSE})
    divergence: list[float] = field(default_factory=list)
    agrees: list[bool] = field(default_factory=list)
    pieces: dict[int, PieceTally] = field(default_factory=lambda: defaultdict(PieceTally))

    def add(self, step: Step, watched: Watched, writes: Sequence[int]) -> None:
        """Add one step.

        Args:
            step: as the probe saw it.
            watched: the sample's evidence.
            writes: the rows of the pieces whose value this step writes.
        """
        if self.figures is None or self.evidence is None:
            self.figures = np.zeros_like(step.figures)
            self.evidence = np.zeros((*step.figures.shape[:2], len(EVIDENCE)))
        self.figures += step.figures
        for name in COURSE:
            self.course[name].append(float(step.figures[..., SUMS.index(name)].sum()))
        shape = step.figures.shape[:2]
        for row, look in zip(writes, watched.look(step, writes), strict=True):
            parts = (np.ones_like(look.recall), look.recall, look.mass, look.mass_read)
            self.evidence += np.stack([part.reshape(shape) for part in parts], -1)
            self.pieces[row].add(look)

    def compare(self, divergence: float, agrees: bool, writes: Sequence[int]) -> None:
        """Add how far a step's logits are from those of exact attention, and whether its likeliest token comes next."""
        self.divergence.append(divergence)
        self.agrees.append(agrees)
        for row in writes:
            self.pieces[row].divergence += divergence
