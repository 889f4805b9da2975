"""Equal bytes: from a strategy to the parameters that fit each byte budget of a sweep."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from text2json.errors import SpecError
from text2json.sweeps.declaration import Equal, Value

if TYPE_CHECKING:
    from text2json.baselines.models import LoadedModel
    from text2json.schemas.sample import Sample

Resolve = Callable[[str], Sequence[tuple[str, dict[str, Value]]]]
"""From a spec to the specs that are run in its place, each with the budget that it fits."""


def as_it_is(spec: str) -> Sequence[tuple[str, dict[str, Value]]]:
    """Return a strategy with its own parameters."""
    return [(spec, {})]


def fitted(equal: Equal | None, loaded: LoadedModel, samples: Sequence[Sample]) -> Resolve:
    """Return what fits each strategy to each budget, for the median prompt; what does not fit is told and left out."""
    if equal is None or not samples:
        return as_it_is
    from text2json.baselines.solver import geometry_of

    lengths = [loaded.encode([sample.problem])["input_ids"].shape[1] for sample in samples]
    geometry = geometry_of(loaded.model, int(statistics.median_low(lengths)))

    def resolve(spec: str) -> Sequence[tuple[str, dict[str, Value]]]:
        from text2json.baselines.solver import ByteBudget, solve
        from text2json.baselines.strategies import parse_spec
        from text2json.console import note

        found = []
        for budget in budgets(equal):
            try:
                limit = ByteBudget(**{kind: float(amount) for kind, amount in budget.items()})
                found.append((solve(parse_spec(spec), geometry, limit).spec, budget))
            except SpecError as error:
                note(f"left out: {error}")
        return found

    return resolve


def budgets(equal: Equal) -> list[dict[str, Value]]:
    """Return every combination of budgets, each as columns of the table."""
    kinds = {kind: amounts for kind, amounts in (("device", equal.device), ("traffic", equal.traffic)) if amounts}
    return [dict(zip(kinds, amounts, strict=True)) for amounts in itertools.product(*kinds.values())]
