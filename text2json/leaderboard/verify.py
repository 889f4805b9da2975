"""`text2json leaderboard verify`: score every entry anew and say what could be checked."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from text2json.leaderboard.verification import Row


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "source", metavar="DIR|REPO", help="a local folder that holds `results`, or ORG/NAME of the Hub"
    )
    add_source_arguments(parser)
    parser.add_argument("--subset", action="store_true",
                        help="let entries on the first documents of a configuration stand")  # fmt: skip
    parser.add_argument("--open", action="store_true",
                        help="verify what each open pull request of the repository would change instead")  # fmt: skip
    parser.add_argument("--reproduce", nargs="+", metavar="MODEL", default=[],
                        help="run the entries of these models again; no other model is loaded")  # fmt: skip
    parser.add_argument("--documents", type=int, metavar="N",
                        help="run again on the N longest documents only, rounded up to whole batches")  # fmt: skip
    parser.add_argument("--format", choices=["text", "json"], default="text", help="of the verdicts (default: text)")


def add_source_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what names a version of a repository on the Hub."""
    parser.add_argument("--revision", metavar="REV", help="of the repository: a branch, a commit, or refs/pr/N")
    parser.add_argument("--endpoint", metavar="URL", help="another Hub (default: HF_ENDPOINT, or huggingface.co)")


def run(args: argparse.Namespace) -> int:
    """Print a line for each entry; 1 if one is rejected.

    Raises:
        DataError: there are no results.
        HubError: the Hub refuses, or cannot be reached.
        SpecError: the options do not fit each other.
    """
    import json

    from text2json.console import line
    from text2json.errors import SpecError

    if args.open and (args.revision or args.reproduce):
        raise SpecError("--open looks at all open pull requests, and runs nothing again",
                        remedy="leave out --revision and --reproduce, or --open")  # fmt: skip
    groups = of_requests(args) if args.open else {"": of_repository(args)}
    every = [row for rows in groups.values() for row in rows]
    bad = sum(not row.ok for row in every)
    if args.format == "json":
        told_rows = [
            row.to_dict() | ({"request": title} if title else {}) for title, rows in groups.items() for row in rows
        ]
        line(json.dumps({"ok": not bad, "rows": told_rows}, indent=2))
        return int(bad > 0)
    for title, rows in groups.items():
        if title:
            line(title)
        for row in rows:
            line(told(row))
    line(f"{len(every) - bad} entries stand, {bad} rejected")
    return int(bad > 0)


def of_repository(args: argparse.Namespace) -> list[Row]:
    """Return the rows of one version of a repository, or of a folder."""
    from text2json.console import note, progress
    from text2json.hub import HubClient
    from text2json.leaderboard.layout import entry_folders
    from text2json.leaderboard.source import results_of
    from text2json.leaderboard.verification import Row, verify_folder

    with (
        results_of(args.source, HubClient(args.endpoint, told=note), args.revision) as results,
        progress("verify", len(entry_folders(results.root)[0])) as advance,
    ):
        rows = verify_folder(results.root, subset=args.subset, advance=advance)
        if args.reproduce:
            rows = reproduced(rows, results.root, args.reproduce, args.documents)
    return rows + [Row(place, problems=(why,)) for place, why in sorted(results.left_out.items())]


def of_requests(args: argparse.Namespace) -> dict[str, list[Row]]:
    """Return the rows of each open pull request, by its number, title and address."""
    from text2json.console import note
    from text2json.hub import HubClient
    from text2json.leaderboard.pull_requests import verify_requests
    from text2json.safe import plain

    found = verify_requests(args.source, HubClient(args.endpoint, told=note), subset=args.subset)
    return {plain(f"pull request {one.number}: {one.title} {one.address}"): one.rows for one in found}


def reproduced(rows: list[Row], root: Path, models: list[str], most: int | None) -> list[Row]:
    """Run entries again and return the rows with what that showed."""
    from text2json.console import progress
    from text2json.leaderboard.reproduction import Reproducer

    reproducer = Reproducer(models, most)
    again = [row for row in rows if row.ok and row.entry is not None and row.entry.model.name in models]
    with progress("reproduce", len(again)) as advance:
        found = {}
        for row in again:
            found[row.place] = reproducer.check(row, root)
            advance(1)
    return [found.get(row.place, row) for row in rows]


def told(row: Row) -> str:
    """Return a row's verdict in a line."""
    from text2json.safe import plain

    if not row.ok:
        return f"REJECTED {plain(row.place)}: {plain('; '.join(row.problems))}"
    marks: dict[str, list[str]] = {}
    for name in ("accuracy", "memory", "time"):
        marks.setdefault(getattr(row, name), []).append(name)
    said = "; ".join(f"{mark}: {', '.join(names)}" for mark, names in marks.items())
    return f"ok {plain(row.place)}: {said}" + "".join(f"; {plain(note)}" for note in row.notes)
