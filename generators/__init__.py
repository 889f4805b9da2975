"""Documents with gold records and the exact places of every fact."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from text2json.errors import SpecError, did_you_mean
from text2json.generators.knobs import Knobs, configuration
from text2json.generators.splits import SPLITS
from text2json.schemas.sample import Sample

MAKERS = {
    "synthetic": "text2json.generators.composition",
    "curated": "text2json.generators.curated",
    "demo": "text2json.generators.demo.composition",
}
"""What composes a configuration's documents."""


@cache
def _compose(maker: str) -> Callable[[str, Knobs, str, int, int], Sample]:
    if maker not in MAKERS:
        raise SpecError(f"no maker {maker!r}", remedy=did_you_mean(maker, MAKERS))
    found: Callable[[str, Knobs, str, int, int], Sample] = importlib.import_module(MAKERS[maker]).compose
    return found


def generate(
    config: str, *, split: str = "test", seed: int = 0, samples: int | None = None, start: int = 0, **knobs: Any
) -> Iterator[Sample]:
    """Yield the samples `start`, `start` + 1, ... of a configuration; each is the same wherever it is made.

    Args:
        config: a configuration's name.
        split: `train` or `test`; they share no entity and no sentence pattern.
        seed: another seed gives other documents.
        samples: how many; the configuration's own number unless given.
        start: the number of the first sample.
        **knobs: settings that differ from the configuration's, as in `records=(1, 2)`.

    Raises:
        SpecError: the configuration, split or a knob is unknown or impossible.
    """
    settings = configuration(config, **knobs)
    if split not in SPLITS:
        raise SpecError(f"no split {split!r}", remedy=did_you_mean(split, SPLITS))
    count = settings.samples if samples is None else samples
    compose = _compose(settings.maker)
    return (compose(config, settings, split, seed, number) for number in range(start, start + count))
