"""Put a data folder of a frozen version on the Hub: card, manifest, Parquet by configuration, and a tag."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from text2json.errors import CheckFailed, DataError
from text2json.hub import Conflict, HubClient, MissingFile, Transient
from text2json.manifest import MANIFEST, Manifest, read_manifest
from text2json.verification import verify

if TYPE_CHECKING:
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete

CARD, EVAL = "README.md", "eval.yaml"
DATA_FILE = re.compile(r"[^/]+/(train|test)\.parquet")


@dataclass(frozen=True)
class Edition:
    """A data folder that is ready to be published.

    Attributes:
        folder: what `text2json generate --version` wrote.
        manifest: its manifest.
        version: the frozen version whose documents it holds, which becomes the tag.
    """

    folder: Path
    manifest: Manifest
    version: str

    def files(self) -> dict[str, Path | bytes]:
        """Return place in the repository → file, or its content where it is made here."""
        data = {
            f"{config}/{split}.parquet": self.folder / config / f"{split}.parquet"
            for config, splits in self.manifest.configs.items()
            for split in splits
        }
        return {CARD: self.folder / CARD, MANIFEST: self.folder / MANIFEST, EVAL: eval_yaml(self).encode(), **data}


def edition_of(folder: Path, advance: Callable[[int], None] = lambda _: None) -> Edition:
    """Check a data folder and return it, ready to be published.

    Raises:
        DataError: it is no data folder, or of no frozen version.
        CheckFailed: its documents are not what its manifest says.
    """
    manifest = read_manifest(folder / MANIFEST)
    if manifest.version is None:
        raise DataError("of no frozen version, so that nobody could make it again", file=folder,
                        remedy="write it with `text2json generate CONFIG --version`")  # fmt: skip
    if not (folder / CARD).is_file():
        raise DataError("no card", file=folder / CARD, remedy="write the folder again with `text2json generate`")
    problems = [part.problem for part in verify(folder, advance) if part.problem]
    if problems:
        raise CheckFailed(problems[0])
    return Edition(folder, manifest, manifest.version)


def eval_yaml(edition: Edition) -> str:
    """Return what declares the data set as a benchmark to the Hub: a task for each configuration with a test split."""
    import yaml

    tasks = [
        {"id": config, "config": config, "split": "test"}
        for config, splits in sorted(edition.manifest.configs.items())
        if "test" in splits
    ]
    about = {
        "name": "text2json",
        "description": "Structured records from long text: record F1 in percent, scored by `text2json score`.",
        "evaluation_framework": "text2json",
        "tasks": tasks,
    }
    text: str = yaml.safe_dump(about, sort_keys=False)
    return text


def publish(hub: HubClient, edition: Edition, repo: str, *, private: bool = False) -> bool:
    """Publish, and tell whether there was anything to do.

    The files are one commit on the main branch; the tag follows. Whoever is interrupted in between publishes again:
    what is there already stays.

    Args:
        hub: where.
        edition: what.
        repo: the data set's name there; made if there is none.
        private: whether a repository that is made here is private.

    Raises:
        CheckFailed: this version is published there with other documents.
        HubError: the Hub cannot be reached, or refuses.
    """
    number = 0
    while True:
        try:
            return _publish(hub, edition, repo, private)
        except Transient as error:
            hub.wait(error, number)
        except Conflict as error:  # somebody else wrote there in between: look again
            hub.wait(Transient(str(error)), number)
        number += 1


def _publish(hub: HubClient, edition: Edition, repo: str, private: bool) -> bool:
    hub.once(lambda: hub.api.create_repo(repo, repo_type="dataset", private=private or None, exist_ok=True))
    if is_published(hub, edition, repo):
        return False
    head = hub.ask(lambda: hub.api.repo_info(repo, repo_type="dataset")).sha
    changes = operations(hub, edition, repo, head)
    done = hub.once(lambda: hub.api.create_commit(
        repo, changes, repo_type="dataset", commit_message=f"Version {edition.version}", parent_commit=head
    ))  # fmt: skip
    hub.once(lambda: hub.api.create_tag(repo, tag=edition.version, revision=done.oid, repo_type="dataset"))
    return True


def is_published(hub: HubClient, edition: Edition, repo: str) -> bool:
    """Tell whether the repository has this version, with these documents.

    Raises:
        CheckFailed: it has it with others.
    """
    refs = hub.ask(lambda: hub.api.list_repo_refs(repo, repo_type="dataset"))
    if edition.version not in {tag.name for tag in refs.tags}:
        return False
    try:
        file = hub.ask(lambda: hub.api.hf_hub_download(
            repo, MANIFEST, repo_type="dataset", revision=edition.version))  # fmt: skip
        theirs = read_manifest(Path(file)).configs
    except MissingFile:
        theirs = {}
    if theirs != edition.manifest.configs:
        raise CheckFailed(
            f"{repo} has version {edition.version} already, with other configurations or documents; a published "
            "version stays as it is (publish to another repository, or cut a new version)"
        )
    return True


def operations(
    hub: HubClient, edition: Edition, repo: str, revision: str | None
) -> list[CommitOperationAdd | CommitOperationDelete]:
    """Return what changes in the repository: our files, without data files that another version left."""
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete

    files = edition.files()
    there = hub.ask(lambda: hub.api.list_repo_files(repo, repo_type="dataset", revision=revision))
    added = [
        CommitOperationAdd(place, content if isinstance(content, bytes) else str(content))
        for place, content in files.items()
    ]
    left = [CommitOperationDelete(place) for place in there if DATA_FILE.fullmatch(place) and place not in files]
    return [*added, *left]
