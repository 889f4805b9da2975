"""Verify what open pull requests would change, before anyone merges them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from text2json.errors import HubError
from text2json.hub import HubClient
from text2json.leaderboard.source import fetch, is_place
from text2json.leaderboard.verification import Row, verify_folder


@dataclass(frozen=True)
class Request:
    """An open pull request and its verdicts."""

    number: int
    title: str
    address: str
    rows: list[Row]


def verify_requests(repo: str, hub: HubClient, *, subset: bool = False) -> Iterator[Request]:
    """Check each open pull request, the oldest first, against the main branch as it is.

    A request may add entries; one that changes or removes files, or adds anything else, is rejected in these places.

    Raises:
        DataError: there are too many files, or too many bytes.
        HubError: the Hub refuses, or cannot be reached.
    """
    opened = hub.ask(lambda: list(hub.api.get_repo_discussions(
        repo, repo_type="dataset", discussion_type="pull_request", discussion_status="open")))  # fmt: skip
    if not opened:
        return
    with tempfile.TemporaryDirectory(prefix="text2json-results-") as folder:
        fetch(repo, hub, "main", Path(folder))
        for one in sorted(opened, key=lambda request: request.num):
            added, rows = changes(repo, hub, f"refs/pr/{one.num}")
            there = {place for place in added if Path(folder, place).exists()}  # merged since, from another request
            rows += [Row(place, problems=("stands already",)) for place in there]
            added -= there
            rows += _verified(repo, hub, f"refs/pr/{one.num}", added, Path(folder), subset)
            yield Request(one.num, one.title, str(one.url), sorted(rows, key=lambda row: row.place))


def changes(repo: str, hub: HubClient, revision: str) -> tuple[set[str], list[Row]]:
    """Return the files of entries that a pull request adds, and a row for everything else that it changes."""
    before, after = _files(repo, hub, _base(repo, hub, revision)), _files(repo, hub, revision)
    added = {place for place in after if place not in before and is_place(place)}
    others = {place: "no file of an entry" for place in after.keys() - before.keys() - added}
    others |= {place: "removes a file that stands" for place in before.keys() - after.keys()}
    others |= {
        place: "changes a file that stands" for place in before.keys() & after.keys() if before[place] != after[place]
    }
    return added, [Row(place, problems=(why,)) for place, why in others.items()]


def _base(repo: str, hub: HubClient, revision: str) -> str:
    """Return the commit of the main branch that a pull request starts from."""
    main, ours = (
        hub.ask(lambda ref=ref: [commit.commit_id for commit in  # type: ignore[misc]
                                 hub.api.list_repo_commits(repo, repo_type="dataset", revision=ref)])
        for ref in ("main", revision)
    )  # fmt: skip
    known = set(main)
    found = next((commit for commit in ours if commit in known), None)
    if found is None:
        raise HubError(f"{repo}, {revision}: it has no commit in common with the main branch")
    return found


def _files(repo: str, hub: HubClient, revision: str) -> dict[str, str]:
    """Return the git id of every file."""
    from huggingface_hub.hf_api import RepoFile

    found = hub.ask(lambda: list(hub.api.list_repo_tree(repo, recursive=True, repo_type="dataset", revision=revision)))
    return {one.path: one.blob_id for one in found if isinstance(one, RepoFile)}


def _verified(repo: str, hub: HubClient, revision: str, added: set[str], root: Path, subset: bool) -> list[Row]:
    folders = {str(PurePosixPath(place).parent) for place in added}
    with _beside(root, added):
        results = fetch(repo, hub, revision, root, only=added.__contains__)
        rows = verify_folder(root, subset=subset, only=folders.__contains__)
    return rows + [Row(place, problems=(why,)) for place, why in results.left_out.items()]


@contextmanager
def _beside(root: Path, places: set[str]) -> Iterator[None]:
    """Let files be added for a while."""
    try:
        yield
    finally:
        for place in places:
            root.joinpath(place).unlink(missing_ok=True)
