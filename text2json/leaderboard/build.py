"""`text2json leaderboard build`: write the static page, and publish it as a Space."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from text2json.leaderboard.verify import add_source_arguments

if TYPE_CHECKING:
    from text2json.leaderboard.verification import Row


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "source", metavar="DIR|REPO", help="a local folder that holds `results`, or ORG/NAME of the Hub"
    )
    add_source_arguments(parser)
    parser.add_argument("--out", type=Path, required=True, metavar="SITE", help="folder to write; open its index.html")
    parser.add_argument("--space", metavar="ORG/NAME", help="publish the page as this static Space of the Hub, too")
    parser.add_argument("--title", help="of the first page")
    parser.add_argument("--samples", type=int, default=5, metavar="N",
                        help="documents with answers on each entry's page (default: %(default)s)")  # fmt: skip
    parser.add_argument("--subset", action="store_true",
                        help="list entries on the first documents of a configuration, too")  # fmt: skip
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--verdicts", type=Path, metavar="FILE",
                     help="score nothing anew: mark entries as `verify --format json` did in this file")  # fmt: skip
    how.add_argument("--unchecked", action="store_true",
                     help="score nothing anew: list every entry as self-reported")  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Check the entries, write the site, say where it is; 1 if an entry was rejected, which is then not listed.

    Raises:
        DataError: there are no results, or the verdicts cannot be read.
        SpecError: the options make no sense.
        HubError: the Hub refuses, or cannot be reached.
    """
    from text2json.console import line, note, progress
    from text2json.drafts import check_folder
    from text2json.errors import SpecError
    from text2json.hub import HubClient
    from text2json.leaderboard.collecting import list_rows
    from text2json.leaderboard.site import TITLE, write_site
    from text2json.leaderboard.source import results_of
    from text2json.leaderboard.space import publish_space
    from text2json.safe import plain

    if args.samples < 0:
        raise SpecError(f"--samples {args.samples} is negative", remedy="give 0 or more")
    check_folder(args.out)
    hub, local = HubClient(args.endpoint, told=note), Path(args.source).is_dir()
    home = None if local else f"{hub.api.endpoint}/datasets/{args.source}/tree/{args.revision or 'main'}"
    with results_of(args.source, hub, args.revision) as results:
        rows = check(results.root, args)
        problems = [f"{row.place}: {'; '.join(row.problems)}" for row in rows if not row.ok]
        problems += [f"{place}: {why}" for place, why in sorted(results.left_out.items())]
        for problem in problems:
            note(f"not listed: {plain(problem)}")
        listed = list_rows(rows, results.root, args.samples, home)
        with progress("write", len(listed)) as advance:  # the pages' documents and answers are read now
            write_site(args.out, listed, title=args.title or TITLE, advance=advance)
    line(f"{len(listed)} entries, {len(problems)} not listed: {args.out / 'index.html'}")
    if args.space is not None:
        dataset = None if local else args.source
        line(publish_space(hub, args.space, args.out, title=args.title or TITLE, dataset=dataset))
    return int(bool(problems))


def check(root: Path, args: argparse.Namespace) -> list[Row]:
    """Return a row for each entry, and for each file that is none of an entry."""
    from text2json.console import progress
    from text2json.leaderboard.collecting import believed, judged
    from text2json.leaderboard.layout import entry_folders
    from text2json.leaderboard.verdicts import read_verdicts
    from text2json.leaderboard.verification import verify_folder

    verdicts = None if args.verdicts is None else read_verdicts(args.verdicts)
    with progress("check", len(entry_folders(root)[0])) as advance:
        if args.unchecked:
            return list(believed(root, advance))
        if verdicts is not None:
            return list(judged(root, verdicts, advance))
        return verify_folder(root, subset=args.subset, advance=advance)
