"""From a budget in bytes to a strategy's own parameters, so that strategies are compared at equal memory or traffic.

Both budgets are bytes for one prompt token and one kv-head, mean over the model's full-attention layers, so that one
figure serves any model: full attention in 16 bits takes 4 d, which is 512 at a head size of 128.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace

from transformers import PreTrainedModel
from transformers.cache_utils import DynamicCache, DynamicLayer

from text2json.baselines.footprint import Geometry
from text2json.baselines.knobs import Knob
from text2json.baselines.strategies.isolated import Isolated
from text2json.baselines.strategy import Strategy, text_of
from text2json.errors import SpecError

ROUNDS = 16
"""In which both budgets must have settled."""
SCANNED = 2048
"""Settings up to which every one is tried, since bytes may waver a little from one to the next."""


@dataclass(frozen=True)
class ByteBudget:
    """What a strategy may take; None where it may take any.

    Args:
        device: bytes on the device for one prompt token and kv-head.
        traffic: bytes from host to device in one decoding step for one prompt token and kv-head, nothing reused.
    """

    device: float | None = None
    traffic: float | None = None

    def __post_init__(self) -> None:
        for name, amount in (("device", self.device), ("traffic", self.traffic)):
            if amount is not None and not 0 < amount < float("inf"):
                raise SpecError(f"a budget of {amount} {name} bytes per token",
                                remedy="give bytes for one prompt token and kv-head, as in 40")  # fmt: skip

    def __bool__(self) -> bool:
        return self.device is not None or self.traffic is not None


def geometry_of(model: PreTrainedModel, tokens: int) -> Geometry:
    """Return the geometry of the model's full-attention layers over a prompt of `tokens`."""
    config = model.config.get_text_config(decoder=True)
    query_heads = config.num_attention_heads
    heads = getattr(config, "num_key_value_heads", None) or query_heads
    layers = sum(type(layer) is DynamicLayer for layer in DynamicCache(config=model.config).layers)
    return Geometry(
        heads=heads,
        group=query_heads // heads,
        size=getattr(config, "head_dim", None) or config.hidden_size // query_heads,
        tokens=tokens,
        element=model.dtype.itemsize,
        layers=layers,
    )


def solve(strategy: Strategy, geometry: Geometry, budget: ByteBudget) -> Strategy:
    """Return the strategy with the best parameters that fit: its budget by traffic, its index by device bytes.

    What the solver chooses replaces what was set; all else stays. A page's size changes what a step moves, and a step's
    active keys lie on the device, so the two are chosen in turn until neither changes. Yardsticks keep
    their device bytes, and their traffic where nothing of it can be chosen.

    Raises:
        SpecError: nothing fits.
    """
    if isinstance(strategy, Isolated):
        return replace(strategy, of=solve(strategy.of, geometry, budget))
    for _ in range(ROUNDS):
        before = strategy
        strategy = _fit_traffic(strategy, geometry, budget.traffic)
        strategy = _fit_device(strategy, geometry, budget.device)
        if strategy == before:
            return strategy
    raise SpecError(f"{strategy.name} finds no parameters that fit both budgets", remedy="give one of them")


def _fit_traffic(strategy: Strategy, geometry: Geometry, most: float | None) -> Strategy:
    knob = strategy.traffic_knob(geometry)
    if most is None or (knob is None and strategy.reference):
        return strategy
    return _fit(strategy, knob, geometry, "moved", most)


def _fit_device(strategy: Strategy, geometry: Geometry, most: float | None) -> Strategy:
    if most is None or strategy.reference:
        return strategy
    return _fit(strategy, strategy.device_knob(geometry), geometry, "device", most)


def _fit(strategy: Strategy, knob: Knob | None, geometry: Geometry, kind: str, most: float) -> Strategy:
    """Return the strategy with the last setting of `knob` that takes at most `most` bytes of a kind."""

    def at(place: int) -> Strategy | None:
        try:
            found: Strategy = replace(strategy, **dict(knob.at(place)))  # type: ignore[union-attr]
        except SpecError:  # impossible beside the other options
            return None
        return found

    def fits(made: Strategy | None) -> bool:
        if made is None or (knob is not None and kind == "moved" and _whole(made, geometry)):
            return False  # full attention moves nothing, but nobody asks for it by a budget of traffic
        return _amount(made, geometry, kind) <= most

    if kind == "moved" and knob is not None and _whole(at(0), geometry):
        return strategy  # the prompt is too short for any selection

    if knob is None:
        if fits(strategy):
            return strategy
        least: Strategy | None = strategy
    elif knob.count <= SCANNED:
        made = [at(place) for place in range(knob.count)]
        best = next((each for each in reversed(made) if fits(each)), None)
        if best is not None:
            return best
        possible = [each for each in made if each is not None]
        least = min(possible, key=lambda each: _amount(each, geometry, kind), default=None)
    else:
        if fits(at(0)):
            found = at(_last(knob.count, lambda place: fits(at(place))))
            assert found is not None
            return found
        least = at(0)
    needed = f"; it needs {_amount(least, geometry, kind):.2f} at the least" if least is not None else ""
    word = "device" if kind == "device" else "traffic"
    raise SpecError(
        f"{strategy.name} does not fit {most:g} {word} bytes per token at {geometry.tokens:,} tokens{needed}",
        remedy="raise the budget, or set fewer residents or whole layers",
    )


def _whole(strategy: Strategy | None, geometry: Geometry) -> bool:
    """Tell whether a strategy leaves such a prompt whole on the device."""
    return strategy is None or strategy.footprint(geometry) == geometry.full


def _amount(strategy: Strategy, geometry: Geometry, kind: str) -> float:
    amount: float = getattr(strategy.mean_footprint(geometry), kind)
    return amount


def _last(count: int, fits: Callable[[int], bool]) -> int:
    """Return the last of `count` places that fits, where the first does and all after the last do not."""
    low, high = 0, count
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low


def told(before: Strategy, after: Strategy, geometry: Geometry) -> str:
    """Return one line: what the solver chose, and what that takes."""
    if isinstance(before, Isolated) and isinstance(after, Isolated):
        return f"{after.name}@{told(before.of, after.of, geometry)}"
    chosen = [f"{field.name}={text_of(getattr(after, field.name))}" for field in fields(after)
              if getattr(before, field.name) != getattr(after, field.name)]  # fmt: skip
    choice = ", ".join(chosen) or ("a yardstick, left as it is" if after.reference else "as it is")
    found = after.mean_footprint(geometry)
    return (
        f"{after.name}: {choice}: {found.device:.2f} device, {found.host:.2f} host and {found.moved:.2f} moved bytes "
        f"per token and kv-head at {geometry.tokens:,} tokens"
    )
