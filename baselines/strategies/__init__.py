"""The strategies, one file each; a new one is a new file and a line here."""

from __future__ import annotations

import importlib
from dataclasses import Field, fields
from typing import TYPE_CHECKING, Any

from text2json.errors import SpecError, did_you_mean

if TYPE_CHECKING:
    from text2json.baselines.strategy import Strategy

HOME = "text2json.baselines.strategies"
STRATEGIES = {
    "full": f"{HOME}.full:Full",
    "full-offload": f"{HOME}.full_offload:FullOffload",
    "oracle": f"{HOME}.oracle:Oracle",
    "shadowkv": f"{HOME}.shadowkv:ShadowKV",
    "yakv": f"{HOME}.yakv:Yakv",
    "yakv-serving": f"{HOME}.yakv_serving:YakvServing",
    "residual-landmarks": f"{HOME}.residual_landmarks:ResidualLandmarks",
    "quest": f"{HOME}.quest:Quest",
    "arkvale": f"{HOME}.arkvale:ArkVale",
    "infinigen": f"{HOME}.infinigen:InfiniGen",
    "lrqk": f"{HOME}.lrqk:Lrqk",
    "streaming-llm": f"{HOME}.streaming_llm:StreamingLLM",
    "snapkv": f"{HOME}.snapkv:SnapKV",
    "quantized": f"{HOME}.quantized:Quantized",
    "ablation": f"{HOME}.ablation:Ablation",
}
"""Name on the command line → its class."""
HALVES = {
    "selection": f"{HOME}.isolated:SelectionAlone",
    "stores": f"{HOME}.isolated:StoresAlone",
}
"""What may stand before a spec and an `@` → the class that takes the strategy."""


def strategy_class(name: str) -> type[Strategy]:
    """Return the class of the strategy `name`.

    Raises:
        SpecError: there is none.
    """
    if name not in STRATEGIES:
        raise SpecError(f"no strategy {name!r}", remedy=did_you_mean(name, STRATEGIES))
    found: type[Strategy] = _imported(STRATEGIES[name])
    return found


def _imported(place: str) -> Any:
    module, _, name = place.partition(":")
    return getattr(importlib.import_module(module), name)


def parse_spec(spec: str) -> Strategy:
    """Return the strategy that a spec such as `shadowkv:rank=96,chunk=8` describes.

    With `selection@` or `stores@` before it, it is one half of that strategy.

    Raises:
        SpecError: the name or an option is unknown, or a value is impossible.
    """
    half, at, whole = spec.partition("@")
    if at:
        if half not in HALVES:
            raise SpecError(f"no part {half!r} of a strategy", remedy=did_you_mean(half, HALVES))
        alone: Strategy = _imported(HALVES[half])(parse_spec(whole))
        return alone
    name, _, rest = spec.partition(":")
    cls = strategy_class(name)
    known = {field.name: field for field in fields(cls)}
    options: dict[str, Any] = {}
    preset: dict[str, Any] = {}
    for part in filter(None, rest.split(",")):
        key, equals, text = part.partition("=")
        if key == "preset" and equals and cls.presets and not preset:
            preset = _preset(cls, text)
            continue
        if key not in known or not equals:
            remedy = did_you_mean(key, known) if known else f"{name} has no options"
            raise SpecError(f"{name}: no option {part!r}", remedy=remedy)
        if key in options:
            raise SpecError(f"{name}: option {key!r} stands twice", remedy="give it once")
        options[key] = _value(cls, known[key], text)
    return cls(**(preset | options))


def _preset(cls: type[Strategy], text: str) -> dict[str, Any]:
    if text not in cls.presets:
        raise SpecError(f"{cls.name}: no preset {text!r}", remedy=did_you_mean(text, cls.presets))
    return dict(cls.presets[text])


def _value(cls: type[Strategy], field: Field[Any], text: str) -> int | float | str:
    name = cls.name
    if field.name in cls.choices:
        if text not in cls.choices[field.name]:
            raise SpecError(f"{name}: {field.name}={text!r}", remedy=did_you_mean(text, cls.choices[field.name]))
        return text
    try:
        number = float(text)
        if field.type == "int":
            return int(text)
        if number != number or abs(number) == float("inf"):
            raise ValueError(text)
    except ValueError:
        kind = "a whole number" if field.type == "int" else "a number"
        raise SpecError(f"{name}: {field.name}={text!r} is no {kind.partition(' ')[2]}",
                        remedy=f"give {kind}; the default is {field.default}") from None  # fmt: skip
    return number
