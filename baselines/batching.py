"""Which samples are answered together, and how many."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from text2json.baselines.machine import free_bytes
from text2json.baselines.models import LoadedModel, model_facts
from text2json.schemas.sample import Sample

MOST = 32
"""Beyond it, answers of unlike lengths keep each other waiting."""
SHARE = 0.5
"""Of the free memory that caches may take; weights are loaded already."""
COPIES = 3
"""A prompt's keys and values while it is sealed: as read, as handed over, and as they are being put on tiers."""


def batches(samples: Sequence[Sample], size: int) -> Iterator[list[Sample]]:
    """Yield batches of like prompt length, the longest first, so that a lack of memory shows at once."""
    ordered = sorted(samples, key=lambda sample: (-len(sample.problem), sample.id))
    for start in range(0, len(ordered), size):
        yield ordered[start : start + size]


def fitting_size(loaded: LoadedModel, samples: Sequence[Sample], new_tokens: int) -> int:
    """Return how many of `samples` fit in memory together, at most `MOST`; 1 where free memory is unknown."""
    free = free_bytes(loaded.model.device)
    if free is None or not samples:
        return 1
    longest = max(samples, key=lambda sample: len(sample.problem))
    tokens = int(loaded.encode([longest.problem])["input_ids"].shape[1]) + new_tokens
    each = COPIES * tokens * model_facts(loaded).full_bytes_per_token
    return max(1, min(MOST, len(samples), int(free * SHARE / each)))
