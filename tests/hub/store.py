"""What a Hub keeps: repositories with commits, branches, tags and pull requests, and large files apart."""

from __future__ import annotations

import hashlib
import threading
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

MAIN = "refs/heads/main"


class Refused(Exception):
    """An answer with an error status."""

    def __init__(self, status: int, message: str, code: str = "", body: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.code, self.body = status, message, code, body or {}


@dataclass(frozen=True)
class File:
    """One file of a commit."""

    content: bytes
    large: bool = False
    """Kept in the storage for large files, as the Hub keeps Parquet."""

    @property
    def oid(self) -> str:
        """The git id of what git keeps, which for a large file is a pointer."""
        kept = self.content if not self.large else f"oid sha256:{self.sha256}\nsize {len(self.content)}\n".encode()
        return hashlib.sha1(b"blob %d\0" % len(kept) + kept).hexdigest()

    @property
    def sha256(self) -> str:
        """The hash of the content."""
        return hashlib.sha256(self.content).hexdigest()

    @property
    def etag(self) -> str:
        """What clients compare."""
        return self.sha256 if self.large else self.oid


@dataclass(frozen=True)
class Commit:
    """All files at one time."""

    oid: str
    parent: str | None
    files: dict[str, File]
    title: str
    author: str
    date: str


@dataclass
class Discussion:
    """A pull request."""

    number: int
    title: str
    description: str
    author: str
    date: str
    base: str
    """The commit that it starts from."""
    status: str = "open"
    merge: str | None = None

    @property
    def ref(self) -> str:
        """Its branch."""
        return f"refs/pr/{self.number}"


@dataclass
class Repo:
    """One repository; whoever writes holds the store's lock."""

    kind: str
    """`model`, `dataset` or `space`."""
    id: str
    members: set[str]
    """Who may write to it; everyone may open pull requests."""
    commits: dict[str, Commit] = field(default_factory=dict)
    refs: dict[str, str] = field(default_factory=dict)
    discussions: list[Discussion] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=dict)

    def resolve(self, revision: str) -> Commit:
        """Return the commit of a branch, tag, pull request or commit id."""
        for name in (revision, f"refs/heads/{revision}", f"refs/tags/{revision}"):
            if name in self.refs:
                return self.commits[self.refs[name]]
        if revision in self.commits:
            return self.commits[revision]
        raise Refused(404, f"Revision {revision} not found", "RevisionNotFound")

    def commit(self, ref: str, parent: Commit | None, files: dict[str, File], title: str, author: str) -> Commit:
        """Let `ref` point to a new commit."""
        seed = f"{self.id}/{len(self.commits)}/{title}"
        oid = hashlib.sha1(seed.encode()).hexdigest()
        made = Commit(oid, None if parent is None else parent.oid, files, title, author, now())
        self.commits[oid] = made
        self.refs[ref] = oid
        return made

    def merge(self, number: int, author: str) -> Commit:
        """Bring what a pull request changed onto the main branch."""
        request = self.discussion(number)
        if request.status != "open":
            raise Refused(409, f"the pull request is {request.status}")
        base, head = self.commits[request.base].files, self.resolve(request.ref).files
        main = self.resolve("main")
        changed = {path for path in base.keys() | head.keys() if base.get(path) != head.get(path)}
        clashes = [path for path in changed if main.files.get(path) not in (base.get(path), head.get(path))]
        if clashes:
            raise Refused(409, f"conflicts in {', '.join(sorted(clashes))}")
        files = {path: file for path, file in main.files.items() if path not in changed}
        files |= {path: head[path] for path in changed if path in head}
        merged = self.commit(MAIN, main, files, request.title, author)
        request.status, request.merge = "merged", merged.oid
        return merged

    def discussion(self, number: int) -> Discussion:
        """Return one pull request."""
        if not 1 <= number <= len(self.discussions):
            raise Refused(404, "no such discussion")
        return self.discussions[number - 1]


class Store:
    """Everything that the Hub keeps."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.repos: dict[tuple[str, str], Repo] = {}
        self.large: dict[str, bytes] = {}
        """SHA-256 → content that was uploaded apart."""

    def create(self, kind: str, identifier: str, owner: str, **settings: Any) -> Repo:
        """Make a repository with one commit; the Hub puts `.gitattributes` there."""
        with self.lock:
            if (kind, identifier) in self.repos:
                raise Refused(409, "You already created this repo")
            repo = Repo(kind, identifier, {owner}, settings=settings)
            repo.commit(MAIN, None, {".gitattributes": File(b"*.parquet filter=lfs\n")}, "initial commit", owner)
            self.repos[kind, identifier] = repo
            return repo

    def repo(self, kind: str, identifier: str) -> Repo:
        """Return a repository."""
        if (kind, identifier) not in self.repos:
            raise Refused(404, "Repository Not Found", "RepoNotFound")
        return self.repos[kind, identifier]

    def add_folder(self, kind: str, identifier: str, folder: Path, tag: str = "") -> Repo:
        """Make a repository of what a folder holds, and tag it."""
        repo = self.create(kind, identifier, identifier.partition("/")[0])
        files = {
            path.relative_to(folder).as_posix(): File(path.read_bytes(), large=path.suffix == ".parquet")
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }
        with self.lock:
            made = repo.commit(MAIN, repo.resolve("main"), files, "upload", "someone")
            repo.refs |= {f"refs/tags/{tag}": made.oid} if tag else {}
        return repo


def now() -> str:
    """Return the time as the Hub writes it."""
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.000Z")
