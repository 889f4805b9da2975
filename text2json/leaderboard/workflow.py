"""`text2json leaderboard workflow`: print a workflow that verifies a results repository in continuous integration."""

from __future__ import annotations

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare nothing: there are no options."""


def run(args: argparse.Namespace) -> int:
    """Print the file, for `> .github/workflows/verify.yml`."""
    from text2json.console import line

    line(workflow_text().rstrip("\n"))
    return 0


def workflow_text() -> str:
    """Return the file."""
    from importlib.resources import files

    return (files("text2json") / "workflows" / "verify.yml").read_text("utf-8")
