"""Send entries to a results repository on the Hub: one commit as one pull request, or nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from text2json.console import table
from text2json.hub import HubClient, Transient
from text2json.safe import plain
from text2json.schemas.entry import ENTRY_FILE, PREDICTIONS_FILE, LeaderboardEntry

if TYPE_CHECKING:
    from huggingface_hub import CommitInfo, CommitOperationAdd


@dataclass(frozen=True)
class Parcel:
    """One entry and the prediction file that goes with it."""

    entry: LeaderboardEntry
    predictions: Path

    def operations(self) -> list[CommitOperationAdd]:
        """Return the two files to add."""
        from huggingface_hub import CommitOperationAdd

        folder = self.entry.folder.as_posix()
        return [
            CommitOperationAdd(f"{folder}/{ENTRY_FILE}", self.entry.text().encode()),
            CommitOperationAdd(f"{folder}/{PREDICTIONS_FILE}", str(self.predictions)),
        ]


@dataclass(frozen=True)
class Outcome:
    """What became of a submission.

    Attributes:
        opened: the address of the pull request that it opened; None if there was nothing to send.
        known: entries that are there already → where: an address of a file or of a pull request.
    """

    opened: str | None
    known: dict[str, str]


def preview(parcels: Sequence[Parcel]) -> str:
    """Return what would be sent, for a person to look at."""
    rows = [
        [plain(one.entry.model.name), plain(one.entry.strategy.spec), one.entry.dataset.label,
         f"{one.entry.scores.records.f1:.3f}", f"{one.entry.figures.device_bytes_per_token:,.0f}",
         f"{one.entry.predictions.bytes + len(one.entry.text().encode()):,}"]
        for one in parcels
    ]  # fmt: skip
    told = table(["model", "strategy", "config", "record F1", "device B/token", "bytes to send"], rows)
    files = [f"{one.entry.folder}/{name}" for one in parcels for name in (ENTRY_FILE, PREDICTIONS_FILE)]
    return "\n".join([told, "", *files])


def send(hub: HubClient, repo: str, parcels: Sequence[Parcel]) -> Outcome:
    """Open one pull request with all entries that the repository does not have yet.

    The commit is atomic, so that a lost connection leaves all of it or nothing. Whether it arrived is looked up before
    each further try, on the main branch and in every open pull request, so that none is opened twice.

    Raises:
        HubError: the Hub cannot be reached, or refuses.
    """
    number = 0
    while True:
        known = present(hub, repo, [one.entry for one in parcels])
        left = [one for one in parcels if one.entry.id not in known]
        if not left:
            return Outcome(None, known)
        try:
            opened = hub.once(lambda left=left: _commit(hub, repo, left))  # type: ignore[misc]
            return Outcome(opened.pr_url, known)
        except Transient as error:
            hub.wait(error, number)
            number += 1


def _commit(hub: HubClient, repo: str, parcels: Sequence[Parcel]) -> CommitInfo:
    operations = [operation for one in parcels for operation in one.operations()]
    return hub.api.create_commit(
        repo, operations, repo_type="dataset", create_pr=True,
        commit_message=title(parcels), commit_description=description(parcels),
    )  # fmt: skip


def title(parcels: Sequence[Parcel]) -> str:
    """Return the pull request's title."""
    first = parcels[0].entry
    what = f"{first.model.name}, {first.strategy.name}, {first.dataset.label}"
    return f"Add {what} ({first.id})" + (f" and {len(parcels) - 1} more" if len(parcels) > 1 else "")


def description(parcels: Sequence[Parcel]) -> str:
    """Return the pull request's text: what the entries say, and how to check it."""
    lines = ["| model | strategy | configuration | record F1 |", "| --- | --- | --- | --- |"]
    for one in parcels:
        entry = one.entry
        cells = (entry.model.name, entry.strategy.spec, f"{entry.dataset.label}@{entry.dataset.version}")
        shown = " | ".join(f"`{plain(cell).replace('|', '/').replace('`', '')}`" for cell in cells)
        low, high = entry.scores.records.f1_interval
        lines.append(f"| {shown} | {entry.scores.records.f1:.3f} ({low:.3f} to {high:.3f}) |")
    check = "`text2json leaderboard verify REPO --revision refs/pr/N` scores the predictions anew."
    return "\n".join([*lines, "", check])


def present(hub: HubClient, repo: str, entries: Sequence[LeaderboardEntry]) -> dict[str, str]:
    """Return the entries that a repository has, or that an open pull request brings: id → where.

    Raises:
        HubError: the Hub cannot be reached, or there is no such repository.
    """
    paths = {f"{entry.folder}/{ENTRY_FILE}": entry.id for entry in entries}
    known = {
        paths[path]: f"{hub.api.endpoint}/datasets/{repo}/blob/main/{path}"
        for path in _existing(hub, repo, list(paths), "main")
    }
    opened = hub.ask(lambda: list(hub.api.get_repo_discussions(
        repo, repo_type="dataset", discussion_type="pull_request", discussion_status="open")))  # fmt: skip
    for request in opened:
        left = [path for path, name in paths.items() if name not in known]
        if not left:
            break
        for path in _existing(hub, repo, left, f"refs/pr/{request.num}"):
            known[paths[path]] = request.url
    return known


def _existing(hub: HubClient, repo: str, paths: list[str], revision: str) -> list[str]:
    return hub.ask(lambda: [
        found.path for found in hub.api.get_paths_info(repo, paths, revision=revision, repo_type="dataset")
    ])  # fmt: skip
