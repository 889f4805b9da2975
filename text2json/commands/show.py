"""`text2json show`: print one document with its evidence beside the gold."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("data", metavar="DATA", help="folder, folder:config, folder:config/split, file or Hub id")
    parser.add_argument("--id", help="which sample (default: the first)")
    parser.add_argument("--html", type=Path, metavar="FILE", help="write a page instead")
    parser.add_argument("--color", choices=["auto", "always", "never"], default="auto",
                        help="mark evidence in colour (default: on a terminal)")  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Print the document, or write the page."""
    import os
    import sys

    from text2json.commands.arguments import check_target
    from text2json.console import line
    from text2json.drafts import whole_file
    from text2json.showing import find_sample, html_page, terminal_text
    from text2json.web_page import write_text

    check_target(args.html, args.data)
    sample = find_sample(args.data, args.id)
    if args.html is not None:
        with whole_file(args.html) as draft:
            write_text(draft, html_page(sample))
        line(f"{args.html}: {sample.id}")
        return 0
    coloured = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    line(terminal_text(sample, color=args.color == "always" or (args.color == "auto" and coloured)))
    return 0
