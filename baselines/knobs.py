"""Knobs: what the solver may turn. Each is a row of settings, from the one with the fewest bytes to the most."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

Setting = Mapping[str, int | float | str]


@dataclass(frozen=True)
class Knob:
    """`count` settings, `at(0)` to `at(count - 1)`; bytes never fall from one to the next."""

    count: int
    at: Callable[[int], Setting]


def listed(settings: Iterable[Setting]) -> Knob:
    """Return a knob of few settings."""
    kept = list(settings)
    return Knob(len(kept), kept.__getitem__)


def whole_numbers(option: str, most: int, least: int = 1) -> Knob:
    """Return a knob that sets `option` to `least`, ..., `most`."""
    return Knob(most - least + 1, lambda place: {option: least + place})


def shares(option: str, tokens: int, unit: int = 1, least: int = 1) -> Knob:
    """Return a knob that sets `option` to the shares of a prompt of `tokens` that are `least`, `least` + 1, ... units.

    A share aims at half a token above the whole unit, so that neither rounding nor six decimals miss it.
    """

    def at(place: int) -> Setting:
        return {option: round(min((unit * (least + place) + 0.5) / tokens, 0.999999), 9)}

    return Knob(max(1, tokens // unit - least + 1), at)
