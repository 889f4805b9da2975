"""`text2json leaderboard schema`: print the JSON Schema of an entry."""

from __future__ import annotations

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare nothing: there are no options."""


def run(args: argparse.Namespace) -> int:
    """Print what the models give, which is what the shipped file must hold."""
    from text2json.console import line
    from text2json.schemas.entry import schema_text

    line(schema_text().rstrip("\n"))
    return 0
