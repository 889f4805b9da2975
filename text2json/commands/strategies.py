"""`text2json strategies`: list the KV-cache strategies."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from text2json.commands.arguments import positive

if TYPE_CHECKING:
    from text2json.baselines.footprint import Geometry
    from text2json.baselines.strategy import Strategy

NOTES = """\
Bytes are per prompt token and kv-head, mean over layers, by formula, for the geometry of Llama-3.1-8B in 16 bits
(32 layers, 8 kv-heads, 32 query heads of 128 channels) and a prompt of {tokens:,} tokens; full attention takes 512.
Moved bytes are those of one decoding step, nothing reused.

A spec sets options, as in yakv:budget=0.125,local=32 or yakv:preset=code; a budget below 1 is a share of the prompt's
tokens. `text2json run --device-bytes-per-token` and `--traffic-bytes-per-token` choose them to fit.

Decoding steps in main memory are computed by: {kernels}."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--tokens", type=positive, default=32_768, metavar="N",
                        help="prompt tokens that the bytes are for (default: 32768)")  # fmt: skip
    parser.add_argument("--format", choices=["text", "json"], default="text", help="of the list (default: text)")


def run(args: argparse.Namespace) -> int:
    """Print each strategy with its defaults, its bytes, what it does and where it comes from."""
    import json

    from text2json.baselines.footprint import Geometry
    from text2json.baselines.kernels import library
    from text2json.baselines.strategies import STRATEGIES, parse_spec
    from text2json.console import line

    geometry = Geometry(heads=8, group=4, size=128, tokens=args.tokens, layers=32)  # Llama-3.1-8B
    found = [described(parse_spec(name), geometry) for name in STRATEGIES]
    if args.format == "json":
        line(json.dumps({"geometry": vars(geometry), "kernels": library.name(), "strategies": found}, indent=2))
        return 0
    for each in found:
        show(each)
    line(NOTES.format(tokens=args.tokens, kernels=library.name()))
    return 0


def described(strategy: Strategy, geometry: Geometry) -> dict[str, Any]:
    """Return what is to be known of a strategy, as plain values."""
    footprint = strategy.mean_footprint(geometry)
    return {
        "name": strategy.name,
        "summary": strategy.summary,
        "defaults": strategy.spec,
        "presets": {name: dict(options) for name, options in strategy.presets.items()},
        "device_bytes_per_token": round(footprint.device, 3),
        "host_bytes_per_token": round(footprint.host, 3),
        "moved_bytes_per_token": round(footprint.moved, 3),
        "source": strategy.source,
        "docs": f"docs/strategies/{strategy.name}.md",
    }


def show(each: dict[str, Any]) -> None:
    """Print one strategy."""
    from text2json.console import line

    line(f"{each['name']:<19} {each['summary']}")
    details = [
        f"defaults: {each['defaults']}",
        f"bytes: device {each['device_bytes_per_token']:.2f}, host {each['host_bytes_per_token']:.2f}, "
        f"moved {each['moved_bytes_per_token']:.2f}",
        f"source: {each['source']}",
    ]
    if each["presets"]:
        details.insert(1, f"presets: {', '.join(each['presets'])}")
    for detail in details:
        line(f"{'':<19} {detail}")
    line("")
