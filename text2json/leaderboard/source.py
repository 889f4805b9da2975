"""Get the entries of a results repository: a local folder, or files of the Hub, fetched one by one under limits."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from text2json.errors import DataError
from text2json.hub import HubClient
from text2json.leaderboard.entries import MOST_ENTRY_BYTES, MOST_PREDICTION_BYTES
from text2json.leaderboard.layout import DEPTH, FILES
from text2json.schemas.entry import ENTRY_FILE, RESULTS, folder_name

MOST_FILES = 20_000
MOST_BYTES = 4 << 30
"""Of all entries together."""
AT_ONCE = 8


@dataclass(frozen=True)
class Results:
    """A folder that holds `results`, and what was left where it is: place → why."""

    root: Path
    left_out: dict[str, str]


@contextmanager
def results_of(source: str, hub: HubClient, revision: str | None = None) -> Iterator[Results]:
    """Give the results of a local folder as it is, or those of the Hub in a folder that goes away afterwards.

    Raises:
        DataError: there is no such folder, or the repository is too large.
        HubError: the Hub refuses, or cannot be reached.
    """
    if Path(source).is_dir():
        if revision is not None:
            raise DataError("a local folder has no --revision", file=source, remedy="leave it out")
        yield Results(Path(source), {})
        return
    if source.count("/") != 1 or source.startswith((".", "/", "~")):
        raise DataError("no such folder", file=source, remedy="give a folder, or ORG/NAME of the Hub")
    with tempfile.TemporaryDirectory(prefix="text2json-results-") as folder:
        yield fetch(source, hub, revision or "main", Path(folder))


def fetch(
    repo: str, hub: HubClient, revision: str, target: Path, *, only: Callable[[str], bool] = lambda _: True
) -> Results:
    """Fetch a repository's entries to `target`.

    The names come from strangers: only those that an entry can have are fetched, so that none leads elsewhere, and no
    file that is larger than an entry's may be.

    Args:
        repo: its name.
        hub: where it is.
        revision: a branch, a commit or a pull request's branch.
        target: an existing folder.
        only: which of its files are looked at.

    Raises:
        DataError: there are too many files, or too many bytes.
        HubError: the Hub refuses, or cannot be reached.
    """
    commit = hub.ask(lambda: hub.api.repo_info(repo, repo_type="dataset", revision=revision).sha)
    sizes = {place: size for place, size in hub.ask(lambda: _listed(repo, hub, commit)).items() if only(place)}
    wanted = {place: size for place, size in sizes.items() if is_place(place)}
    left_out = {place: "no file of an entry" for place in sizes if place not in wanted}
    for place, size in list(wanted.items()):
        most = MOST_ENTRY_BYTES if place.endswith(ENTRY_FILE) else MOST_PREDICTION_BYTES
        if size > most:
            left_out[place] = f"{size:,} bytes, over the limit of {most:,}"
            del wanted[place]
    if len(wanted) > MOST_FILES or sum(wanted.values()) > MOST_BYTES:
        raise DataError(f"{len(wanted):,} files with {sum(wanted.values()):,} bytes, over the limit of {MOST_FILES:,} "
                        f"and {MOST_BYTES:,}", file=repo, remedy="split the repository")  # fmt: skip

    def get(place: str) -> None:
        hub.ask(lambda: hub.api.hf_hub_download(
            repo, place, repo_type="dataset", revision=commit, local_dir=target))  # fmt: skip

    (target / RESULTS).mkdir(exist_ok=True)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for done in [pool.submit(get, place) for place in wanted]:
            done.result()
    return Results(target, left_out)


def is_place(place: str) -> bool:
    """Tell whether a file of this name can be one of an entry's."""
    top, *folders, name = place.split("/")
    safe = all(part == folder_name(part) for part in folders)
    return top == RESULTS and len(folders) == DEPTH and name in FILES and safe


def _listed(repo: str, hub: HubClient, revision: str | None) -> dict[str, int]:
    """Return the sizes of all files below `results`, in bytes."""
    from huggingface_hub.hf_api import RepoFile

    found = hub.api.list_repo_tree(repo, recursive=True, repo_type="dataset", revision=revision)
    return {one.path: one.size for one in found if isinstance(one, RepoFile) and one.path.startswith(f"{RESULTS}/")}
