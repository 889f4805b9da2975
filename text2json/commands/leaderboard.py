"""`text2json leaderboard`: verify the entries of a results repository, build its page, print the entries' schema."""

from __future__ import annotations

import argparse
import importlib

ACTIONS = {
    "verify": "score every entry anew and say what could be checked",
    "build": "write the static page",
    "schema": "print the JSON Schema of an entry",
    "workflow": "print a workflow that verifies a results repository in continuous integration",
}
"""Action → its line of help; the module is `text2json.leaderboard.<name>`, which declares its options and runs."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the actions."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    for name, text in ACTIONS.items():
        action = actions.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
        module = importlib.import_module(f"text2json.leaderboard.{name}")
        module.add_arguments(action)
        action.set_defaults(act=module.run)


def run(args: argparse.Namespace) -> int:
    """Do what was asked."""
    status: int = args.act(args)
    return status
