"""The command line: one program, one file per subcommand.

Results go to standard output, the rest to standard error. Exit status: 0 done, 1 the answer is no or
something failed, 2 bad usage or bad input.
"""

from __future__ import annotations

import argparse
import importlib
import keyword
import os
import sys
from collections.abc import Sequence

from text2json import __version__
from text2json.errors import Text2JSONError

COMMANDS = {
    "demo": "show the whole loop: documents, a model, KV offloading, scores",
    "generate": "write documents with gold records",
    "datasets": "list configurations and frozen versions",
    "verify": "check a folder of documents against its manifest",
    "show": "print one document with its evidence beside the gold",
    "export": "write samples as JSONL in the paper's form",
    "import": "turn JSONL of the paper's form into a data folder",
    "tasks": "list the tasks, or write the samples of one",
    "run": "let a model answer, with a KV-cache strategy",
    "strategies": "list the KV-cache strategies",
    "diagnose": "tell where a strategy loses accuracy, head by head and leaf by leaf",
    "score": "score predictions against gold",
    "table": "put the scores of many runs into one table, strategies by tasks",
    "sweep": "run a declared grid of models, strategies, options and data",
    "compare": "tell whether one run is better than another on the same samples",
    "publish": "put a frozen version of the documents on the Hub",
    "submit": "turn finished runs into leaderboard entries and send them",
    "leaderboard": "verify the entries of a results repository and build its page",
}
"""Subcommand → its line of help; the module is `text2json.commands.<name>`, with a `_` after a word of Python's own."""


def build_parser(argv: Sequence[str]) -> argparse.ArgumentParser:
    """Build the parser; only the subcommand that `argv` names is imported."""
    parser = argparse.ArgumentParser(
        prog="text2json",
        description="Measure how well models pull records out of long text, and what KV offloading costs.",
    )
    parser.add_argument("--version", action="version", version=f"text2json {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    wanted = next((word for word in argv if not word.startswith("-")), None)
    for name, line in COMMANDS.items():
        command = commands.add_parser(name, help=line, description=line[0].upper() + line[1:] + ".")
        if name == wanted:
            module = importlib.import_module(f"text2json.commands.{name}" + "_" * keyword.iskeyword(name))
            module.add_arguments(command)
            command.set_defaults(run=module.run)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    words = sys.argv[1:] if argv is None else list(argv)
    args = build_parser(words).parse_args(words)
    try:
        status: int = args.run(args)
        sys.stdout.flush()
    except Text2JSONError as error:
        print(f"text2json {args.command}: {error}", file=sys.stderr)  # noqa: T201
        return error.exit_status
    except KeyboardInterrupt:
        print(f"text2json {args.command}: interrupted", file=sys.stderr)  # noqa: T201
        return 130
    except BrokenPipeError:  # the reader of our output went away, as `| head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:  # what no part of us foresaw, of a file that the user named
        place = f"{error.filename}: " if error.filename is not None else ""
        reason = error.strerror or " ".join(str(error).split())
        print(f"text2json {args.command}: {place}{reason}", file=sys.stderr)  # noqa: T201
        return 2
    return status
