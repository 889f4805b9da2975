"""`text2json strategies`: list the KV-cache strategies."""

from __future__ import annotations

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--format", choices=["text", "json"], default="text", help="of the list (default: text)")


def run(args: argparse.Namespace) -> int:
    """Print each strategy with its defaults, what it does and where it comes from."""
    import json

    from text2json.baselines.strategies import STRATEGIES, parse_spec
    from text2json.console import line

    strategies = [parse_spec(name) for name in STRATEGIES]
    if args.format == "json":
        line(json.dumps([{"name": strategy.name, "defaults": strategy.spec, "summary": strategy.summary,
                          "source": strategy.source} for strategy in strategies], indent=2))  # fmt: skip
        return 0
    for strategy in strategies:
        line(f"{strategy.name:<10} {strategy.summary}")
        line(f"{'':<10} {strategy.spec}")
        line(f"{'':<10} {strategy.source}\n")
    line("A spec sets options, as in yakv:budget=0.125,local=32; a budget below 1 is a share of the prompt's tokens.")
    return 0
