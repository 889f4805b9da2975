"""`text2json leaderboard build`: write the static page."""

from __future__ import annotations

import argparse

from text2json.errors import SpecError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("source", metavar="DIR|REPO", help="a local folder, or ORG/NAME of the Hub")


def run(args: argparse.Namespace) -> int:
    """Say that there is nothing yet."""
    raise SpecError("not in this release", remedy="use a later one")
