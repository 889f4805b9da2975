"""`text2json leaderboard build`: write the static page."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from text2json.leaderboard.verify import add_source_arguments

if TYPE_CHECKING:
    from text2json.leaderboard.site import Listed
    from text2json.schemas.entry import LeaderboardEntry
    from text2json.schemas.sample import Sample


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "source", metavar="DIR|REPO", help="a local folder that holds `results`, or ORG/NAME of the Hub"
    )
    add_source_arguments(parser)
    parser.add_argument("--out", type=Path, required=True, metavar="SITE", help="folder to write; open its index.html")
    parser.add_argument("--title", help="of the first page")
    parser.add_argument("--samples", type=int, default=5, metavar="N",
                        help="documents with answers on each entry's page (default: %(default)s)")  # fmt: skip
    parser.add_argument("--subset", action="store_true",
                        help="list entries on the first documents of a configuration, too")  # fmt: skip
    parser.add_argument("--unchecked", action="store_true",
                        help="score nothing anew: list every entry as self-reported")  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Check the entries, write the site, say where it is; 1 if an entry was rejected, which is then not listed."""
    from text2json.console import line, note, progress
    from text2json.hub import HubClient
    from text2json.leaderboard.layout import entry_folders
    from text2json.leaderboard.site import TITLE, write_site
    from text2json.leaderboard.source import results_of
    from text2json.safe import plain

    with results_of(args.source, HubClient(args.endpoint, told=note), args.revision) as results:
        count = len(entry_folders(results.root)[0])
        with progress("check", count) as advance:
            listed, problems = collect(
                results.root, unchecked=args.unchecked, subset=args.subset, samples=args.samples, advance=advance
            )
        problems += [f"{place}: {why}" for place, why in sorted(results.left_out.items())]
        for problem in problems:
            note(f"not listed: {plain(problem)}")
        with progress("write", len(listed)) as advance:  # the pages' documents and answers are read now
            write_site(args.out, listed, title=args.title or TITLE, advance=advance)
    line(f"{len(listed)} entries, {len(problems)} not listed: {args.out / 'index.html'}")
    return int(bool(problems))


def collect(
    root: Path,
    *,
    unchecked: bool = False,
    subset: bool = False,
    samples: int = 5,
    advance: Callable[[int], None] = lambda _: None,
) -> tuple[list[Listed], list[str]]:
    """Return what a site lists of the entries below `root`, and why it does not list the others.

    Args:
        root: holds the folder `results`.
        unchecked: believe every entry that can be read.
        subset: whether the first documents of a configuration are enough for an entry.
        samples: how many documents an entry's page shows.
        advance: called with 1 after each entry.

    Raises:
        DataError: there are no results.
    """
    from text2json.leaderboard.site import Listed
    from text2json.leaderboard.verification import verify_folder

    if unchecked:
        return _believed(root, samples, advance)
    listed, problems = [], []
    for row in verify_folder(root, subset=subset, advance=advance):
        if row.entry is None or not row.ok:
            problems.append(f"{row.place}: {'; '.join(row.problems)}")
            continue
        measured = row.memory if row.memory == row.time else f"{row.memory} and {row.time}"
        shown = _shown(root / row.place, row.entry, samples)
        listed.append(Listed(row.entry, row.accuracy, shown, measured))
    return listed, problems


def _believed(root: Path, samples: int, advance: Callable[[int], None]) -> tuple[list[Listed], list[str]]:
    """Return the entries that can be read, whatever they say of themselves, but for one id only once."""
    from text2json.errors import Text2JSONError
    from text2json.leaderboard.entries import read_entry
    from text2json.leaderboard.layout import entry_folders
    from text2json.leaderboard.site import Listed
    from text2json.schemas.entry import ENTRY_FILE

    folders, problems = entry_folders(root)
    listed: dict[str, Listed] = {}
    for folder in folders:
        try:
            entry = read_entry(folder / ENTRY_FILE)
        except Text2JSONError as error:
            problems.append(str(error))
        else:
            if entry.id in listed:
                problems.append(f"{folder}: its id {entry.id} stands twice")
            else:
                listed[entry.id] = Listed(entry, "self-reported", _shown(folder, entry, samples))
        advance(1)
    return list(listed.values()), problems


def _shown(
    folder: Path, entry: LeaderboardEntry, samples: int
) -> Callable[[], tuple[Sequence[Sample], Mapping[str, str]]]:
    """Return what reads the documents of an entry's page and their answers; nothing where either cannot be had."""

    def read() -> tuple[Sequence[Sample], Mapping[str, str]]:
        from text2json.errors import Text2JSONError
        from text2json.leaderboard.documents import documents
        from text2json.leaderboard.entries import file_facts
        from text2json.leaderboard.row_page import spread
        from text2json.metrics.predictions import read_predictions
        from text2json.schemas.entry import PREDICTIONS_FILE

        try:
            file_facts(folder / PREDICTIONS_FILE)  # no symbolic link, not too large
            return spread(documents(entry.dataset), samples), read_predictions(folder / PREDICTIONS_FILE)
        except Text2JSONError:
            return (), {}

    return read
