"""`text2json submit`: turn finished runs into leaderboard entries and send them."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from text2json.hub import HubClient
    from text2json.leaderboard.submission import Parcel

YOU = "(the name of your account)"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("runs", metavar="RUN", nargs="+", type=Path, help="run folders, or folders that hold some")
    target = parser.add_mutually_exclusive_group(required=True)
    target.add_argument("--repo", metavar="ORG/NAME", help="results repository (a dataset) that gets a pull request")
    target.add_argument("--to", type=Path, metavar="DIR", help="write the entries below a local folder instead")
    parser.add_argument("--dry-run", action="store_true", help="check and show what would be sent; send nothing")
    parser.add_argument("--endpoint", metavar="URL", help="another Hub (default: HF_ENDPOINT, or huggingface.co)")
    parser.add_argument("--submitter", metavar="NAME", help="who sends them (default: the account of the token)")
    parser.add_argument("--model", metavar="ORG/NAME[@REV]", help="what the model is called, where it was a folder")
    parser.add_argument("--licence", default="CC-BY-4.0", help="of the predictions (default: %(default)s)")
    parser.add_argument("--notes", default="", help="anything that readers should know")
    parser.add_argument("--date", metavar="YYYY-MM-DD", help="of the entries (default: today, UTC)")
    parser.add_argument("--subset", action="store_true",
                        help="enter a run of the first documents of a configuration as one of its own")  # fmt: skip
    parser.add_argument("--eval-results", metavar="ORG/DATASET",
                        help="also open a pull request with the full-attention figures on each model's own page, "
                             "for the benchmark dataset of that name")  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Check the runs, then write or send their entries and say where they are.

    Raises:
        CheckFailed: a run is not whole.
        DataError: a run is broken.
        HubError: the Hub refuses, or cannot be reached.
        SpecError: an option is missing or does not fit.
    """
    from text2json.console import line, note
    from text2json.drafts import check_folder
    from text2json.errors import SpecError
    from text2json.hub import HubClient
    from text2json.leaderboard.entries import write_entry
    from text2json.leaderboard.submission import preview

    check_statement(args)
    if args.to is not None:
        check_folder(args.to)
    if args.to is not None and args.submitter is None:
        raise SpecError("nobody to name in the entries", remedy="give --submitter NAME")
    if args.to is not None and args.eval_results is not None:
        raise SpecError("--eval-results is for the Hub", remedy="give --repo instead of --to, or leave it out")
    hub = HubClient(args.endpoint, told=note)
    parcels = packed(args, hub)
    if args.to is not None and not args.dry_run:
        for one in parcels:
            line(str(write_entry(one.entry, one.predictions, args.to)))
        return 0
    line(preview(parcels))
    if args.dry_run:
        line("\nnothing was sent")
        return 0
    send_all(args, hub, parcels)
    return 0


def check_statement(args: argparse.Namespace) -> None:
    """Hold what stands beside the runs to the schema of an entry.

    Raises:
        SpecError: an option has a value that no entry can have.
    """
    from datetime import datetime, timezone

    from pydantic import ValidationError

    from text2json.errors import SpecError
    from text2json.schemas.entry import LeaderboardEntry

    told = {"licence": args.licence, "notes": args.notes}
    if args.submitter is not None:
        told["submitter"] = {"name": args.submitter}
    if args.date is not None:
        told["date"] = args.date
    if args.model is not None:
        name, _, revision = args.model.partition("@")
        told["model"] = {"name": name, "revision": revision or None}
    try:
        LeaderboardEntry.model_validate(told)
    except ValidationError as error:  # at least of what comes from the runs
        for one in error.errors():
            if one["loc"][0] in told:
                raise SpecError(f"--{one['loc'][0]}: {one['msg']}", remedy="give another") from None
    if args.date is not None and args.date > datetime.now(timezone.utc).date().isoformat():
        raise SpecError(f"--date {args.date} is after today", remedy="leave it out, which means today")


def packed(args: argparse.Namespace, hub: HubClient) -> list[Parcel]:
    """Return an entry of each run, every one checked before anything is sent; a run that stands twice goes once."""
    from text2json.console import progress
    from text2json.leaderboard.entries import Statement, entry_of
    from text2json.leaderboard.submission import Parcel
    from text2json.schemas.entry import PREDICTIONS_FILE, Submitter
    from text2json.tasks.table import find_runs

    folders = find_runs(args.runs)
    asks = args.submitter is None and not args.dry_run
    name = hub.ask(lambda: str(hub.api.whoami()["name"])) if asks else args.submitter or YOU
    statement = Statement(Submitter(name=name), args.model, args.licence, args.notes, args.date, args.subset)
    parcels: dict[str, Parcel] = {}
    with progress("check", len(folders)) as advance:
        for folder in folders:
            entry = entry_of(folder, statement)
            parcels.setdefault(entry.id, Parcel(entry, folder / PREDICTIONS_FILE))
            advance(1)
    return list(parcels.values())


def send_all(args: argparse.Namespace, hub: HubClient, parcels: list[Parcel]) -> None:
    """Open the pull requests and say where they are."""
    from text2json.console import line
    from text2json.leaderboard.submission import send

    outcome = send(hub, args.repo, parcels)
    line("")
    for name, place in sorted(outcome.known.items()):
        line(f"{name} is there already: {place}")
    line(f"pull request: {outcome.opened}" if outcome.opened else "nothing new, and nothing was opened")
    if args.eval_results is not None:
        from text2json.leaderboard.eval_results import send_references

        for model, address in send_references(hub, [one.entry for one in parcels], args.eval_results):
            line(f"{model}: {address or 'its page has these figures already'}")
