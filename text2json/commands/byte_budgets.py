"""Budgets in bytes on the command line: what fits is chosen for a run's strategies, and said."""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Sequence
from typing import TYPE_CHECKING

from text2json.errors import SpecError

if TYPE_CHECKING:
    from text2json.baselines.models import LoadedModel
    from text2json.schemas.sample import Sample


def add_budget_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--device-bytes-per-token", type=float, metavar="B",
                        help="choose each strategy's parameters so that it keeps at most B bytes on the device for "
                             "one prompt token and kv-head, mean over layers; full attention in 16 bits takes 4 times "
                             "the head size")  # fmt: skip
    parser.add_argument("--traffic-bytes-per-token", type=float, metavar="B",
                        help="the same for the bytes that a decoding step moves from host to device")  # fmt: skip


def fitted(
    args: argparse.Namespace, loaded: LoadedModel, specs: Sequence[str], samples: Sequence[Sample]
) -> dict[str, str]:
    """Return spec → the spec to run: itself without a budget, otherwise with the parameters that fit.

    Budgets are for the median prompt; each choice is said on standard error.

    Raises:
        SpecError: a strategy does not fit, or two become the same.
    """
    from text2json.baselines.solver import ByteBudget, geometry_of, solve, told
    from text2json.baselines.strategies import parse_spec
    from text2json.console import note

    budget = ByteBudget(args.device_bytes_per_token, args.traffic_bytes_per_token)
    if not budget or not samples:
        return {spec: spec for spec in specs}
    lengths = [loaded.encode([sample.problem])["input_ids"].shape[1] for sample in samples]
    geometry = geometry_of(loaded.model, int(statistics.median_low(lengths)))
    found: dict[str, str] = {}
    for spec in specs:
        before = parse_spec(spec)
        after = solve(before, geometry, budget)
        if after.spec in found.values():
            raise SpecError(f"{spec} and another strategy become {after.spec}", remedy="name each strategy once")
        found[spec] = after.spec
        note(told(before, after, geometry))
    return found
