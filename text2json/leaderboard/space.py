"""Publish the site as a static Space of the Hub: its files in one commit, and nothing else of the Space touched."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from text2json.hub import HubClient

if TYPE_CHECKING:
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete

FILES = ("index.html", "leaderboard.csv", "leaderboard.json")
_ENTRY_PAGE = re.compile(r"entries/[0-9a-f]{16}\.html")


def publish_space(hub: HubClient, space: str, site: Path, *, title: str, dataset: str | None = None) -> str:
    """Make the Space hold the site, and return its address.

    The commit is atomic, and what is there already is not sent again, so that a try after a lost connection is safe.

    Args:
        hub: where.
        space: ORG/NAME; made if it does not exist.
        site: what `write_site` wrote.
        title: of the Space.
        dataset: the results repository on the same Hub that the site was built from, if it was.

    Raises:
        HubError: the Hub refuses, or cannot be reached.
        SpecError: the Space's name is none.
    """
    address = hub.ask(lambda: hub.api.create_repo(space, repo_type="space", space_sdk="static", exist_ok=True))
    card = space_card(title, dataset)

    def commit() -> None:
        there = set(hub.api.list_repo_files(space, repo_type="space"))
        hub.api.create_commit(
            space, _operations(site, card, there), repo_type="space", commit_message="Build the leaderboard"
        )

    hub.ask(commit)
    return str(address)


def space_card(title: str, dataset: str | None) -> str:
    """Return the README.md that tells the Hub how to show the Space."""
    head = {"title": title, "sdk": "static", "app_file": "index.html", "pinned": False, "license": "cc-by-4.0"}
    if dataset is not None:
        head["datasets"] = [dataset]
    text = yaml.safe_dump(head, sort_keys=False, allow_unicode=True)
    return f"---\n{text}---\n\nWritten by `text2json leaderboard build`, which overwrites what is changed here.\n"


def _operations(site: Path, card: str, there: set[str]) -> list[CommitOperationAdd | CommitOperationDelete]:
    """Return what makes the Space hold the site, and removes the pages of entries that are gone."""
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete

    names = (path.relative_to(site).as_posix() for path in site.rglob("*") if path.is_file())
    files = {name: site / name for name in names if name in FILES or _ENTRY_PAGE.fullmatch(name)}
    gone = sorted(name for name in there - files.keys() if _ENTRY_PAGE.fullmatch(name))
    return [
        CommitOperationAdd("README.md", card.encode()),
        *(CommitOperationAdd(name, str(files[name])) for name in sorted(files)),
        *(CommitOperationDelete(name) for name in gone),
    ]
