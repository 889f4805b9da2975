"""The Hub's routes that the clients of huggingface_hub 1.x and 2.x and of datasets ask for.

Written down from what these clients send and read; the answers hold what they need, and no more.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote

from tests.hub.store import Discussion, File, Refused, Repo, Store, now

LARGE = re.compile(r"\.(parquet|safetensors|arrow|zip)$")
KINDS = {"models": "model", "datasets": "dataset", "spaces": "space"}


@dataclass
class Request:
    """What a client sent."""

    method: str
    path: str
    """As it was sent, still quoted."""
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes
    user: str | None = None

    def json(self) -> Any:
        """Return the body's value."""
        return json.loads(self.body)

    def writer(self) -> str:
        """Return who writes."""
        if self.user is None:
            raise Refused(401, "Invalid username or password.")
        return self.user


@dataclass
class Answer:
    """What the client gets."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, value: Any, status: int = 200, **headers: str) -> Answer:
        """Answer with JSON."""
        return cls(json.dumps(value).encode(), status, {"Content-Type": "application/json", **headers})


class Routes:
    """Answers requests from what the store holds."""

    def __init__(self, store: Store, endpoint: str, storage: str, page: int = 1000) -> None:
        self.store, self.endpoint, self.storage, self.page = store, endpoint, storage, page

    def answer(self, request: Request) -> Answer:
        """Find the route and do what it asks."""
        for pattern, method, name in ROUTES:
            found = re.fullmatch(pattern, request.path)
            if found is not None and request.method in method.split("|"):
                with self.store.lock:
                    answer: Answer = getattr(self, name)(
                        request, **{k: unquote(v or "") for k, v in found.groupdict().items()}
                    )
                    return answer
        raise Refused(404, f"no route {request.method} {request.path}")

    def _repo(self, kinds: str, id: str) -> Repo:
        return self.store.repo(KINDS[kinds or "models"], id)

    def _url(self, repo: Repo) -> str:
        prefix = "" if repo.kind == "model" else f"{repo.kind}s/"
        return f"{self.endpoint}/{prefix}{repo.id}"

    def whoami(self, request: Request) -> Answer:
        """Say whose token it is."""
        return Answer.of({"type": "user", "name": request.writer(), "fullname": request.user, "orgs": []})

    def create(self, request: Request) -> Answer:
        """Make a repository; 409 carries its address too."""
        asked, user = request.json(), request.writer()
        kind, identifier = asked.get("type", "model"), f"{asked.get('organization') or user}/{asked['name']}"
        url = self._url(Repo(kind, identifier, set()))
        try:
            self.store.create(kind, identifier, user, **{k: asked[k] for k in ("sdk", "private") if k in asked})
        except Refused as refused:
            return Answer.of({"error": refused.message, "url": url}, 409)
        return Answer.of({"url": url, "name": identifier, "id": identifier})

    def validate_yaml(self, request: Request) -> Answer:
        """Find every card's head good."""
        return Answer.of({"errors": [], "warnings": []})

    def info(self, request: Request, kinds: str, id: str, rev: str = "main") -> Answer:
        """Say what a repository is."""
        repo = self._repo(kinds, id)
        commit = repo.resolve(rev or "main")
        siblings = [
            {"rfilename": path, "size": len(file.content), "blobId": file.oid, **_lfs(file)}
            if request.query.get("blobs") else {"rfilename": path}
            for path, file in sorted(commit.files.items())
        ]  # fmt: skip
        return Answer.of({
            "_id": "0" * 24, "id": repo.id, "modelId": repo.id, "author": repo.id.partition("/")[0], "sha": commit.oid,
            "private": False, "disabled": False, "gated": False, "downloads": 0, "likes": 0, "tags": [],
            "createdAt": now(), "lastModified": commit.date, "siblings": siblings, "usedStorage": 0,
            **({"sdk": repo.settings.get("sdk")} if repo.kind == "space" else {}),
        })  # fmt: skip

    def tree(self, request: Request, kinds: str, id: str, rev: str, path: str = "") -> Answer:
        """List files, a page at a time."""
        commit = self._repo(kinds, id).resolve(rev)
        prefix = path.strip("/") + "/" if path.strip("/") else ""
        inside = {name: file for name, file in sorted(commit.files.items()) if name.startswith(prefix)}
        if prefix and not inside:
            raise Refused(404, f"{path} does not exist", "EntryNotFound")
        recursive = request.query.get("recursive", ["False"])[0].lower() in ("1", "true")
        items: list[dict[str, Any]] = []
        for folder in sorted({"/".join(name.split("/")[:depth]) for name in inside
                              for depth in range(1, name.count("/") + 1)}):  # fmt: skip
            if folder.startswith(prefix) and (recursive or "/" not in folder[len(prefix) :]):
                items.append({"type": "directory", "path": folder, "oid": "0" * 40, "size": 0})
        items += [_item(name, file) for name, file in inside.items() if recursive or "/" not in name[len(prefix) :]]
        start = int(request.query.get("cursor", ["0"])[0])
        answer = Answer.of(items[start : start + self.page])
        if start + self.page < len(items):
            more = f"recursive={recursive}&expand=False&cursor={start + self.page}"
            answer.headers["Link"] = f'<{self.endpoint}{request.path}?{more}>; rel="next"'
        return answer

    def paths_info(self, request: Request, kinds: str, id: str, rev: str) -> Answer:
        """Say what stands at some paths."""
        commit = self._repo(kinds, id).resolve(rev)
        json_body = request.headers.get("content-type", "").startswith("application/json")
        paths = request.json()["paths"] if json_body else parse_qs(request.body.decode()).get("paths", [])
        found: list[dict[str, Any]] = []
        for path in paths:
            if path in commit.files:
                found.append(_item(path, commit.files[path]))
            elif any(name.startswith(f"{path.rstrip('/')}/") for name in commit.files):
                found.append({"type": "directory", "path": path, "oid": "0" * 40, "size": 0})
        return Answer.of(found)

    def refs(self, request: Request, kinds: str, id: str) -> Answer:
        """List branches, tags and pull requests."""
        repo = self._repo(kinds, id)

        def listed(prefix: str) -> list[dict[str, str]]:
            return [{"name": ref.removeprefix(prefix), "ref": ref, "targetCommit": oid}
                    for ref, oid in repo.refs.items() if ref.startswith(prefix)]  # fmt: skip

        found = {"branches": listed("refs/heads/"), "converts": [], "tags": listed("refs/tags/")}
        if request.query.get("include_prs"):
            found["pullRequests"] = listed("refs/pr/")
        return Answer.of(found)

    def commits(self, request: Request, kinds: str, id: str, rev: str) -> Answer:
        """List a branch's commits, the newest first."""
        repo = self._repo(kinds, id)
        found, commit = [], repo.resolve(rev)
        while True:
            found.append({"id": commit.oid, "title": commit.title, "message": "", "date": commit.date,
                          "authors": [{"user": commit.author}]})  # fmt: skip
            if commit.parent is None:
                return Answer.of(found)
            commit = repo.commits[commit.parent]

    def preupload(self, request: Request, kinds: str, id: str, rev: str) -> Answer:
        """Say which files go to the storage for large files."""
        request.writer()
        commit = self._repo(kinds, id).resolve(rev)
        files = []
        for asked in request.json()["files"]:
            large = bool(LARGE.search(asked["path"])) or asked["size"] > 10 << 20
            known = commit.files.get(asked["path"])
            oid = {} if known is None or known.large != large else {"oid": known.etag}
            mode = "lfs" if large else "regular"
            files.append({"path": asked["path"], "uploadMode": mode, "shouldIgnore": False, **oid})
        return Answer.of({"files": files})

    def batch(self, request: Request, kinds: str, id: str) -> Answer:
        """Say where large files go that are not here yet."""
        request.writer()
        self._repo(kinds, id)
        objects = []
        for asked in request.json()["objects"]:
            upload = {"upload": {"href": f"{self.storage}/{asked['oid']}", "header": {}}}
            objects.append(asked | ({} if asked["oid"] in self.store.large else {"actions": upload}))
        return Answer.of({"transfer": "basic", "objects": objects})

    def commit(self, request: Request, kinds: str, id: str, rev: str) -> Answer:
        """Change files, all or none, on a branch or as a pull request."""
        repo, user = self._repo(kinds, id), request.writer()
        lines = [json.loads(line) for line in request.body.splitlines() if line.strip()]
        head = lines[0]["value"]
        as_request = bool(request.query.get("create_pr"))
        if not as_request and user not in repo.members:
            raise Refused(403, "you have no right to write here")
        current, wanted = repo.resolve(rev), head.get("parentCommit")
        if not as_request and wanted not in (None, current.oid):
            raise Refused(412, "A commit has happened since. Please refresh and try again.")
        base = current if wanted is None else repo.resolve(wanted)
        files = self._changed(base.files, lines[1:])
        if not as_request:
            ref = next(name for name in (rev, f"refs/heads/{rev}") if name in repo.refs)
            made = repo.commit(ref, base, files, head["summary"], user)
            return Answer.of(self._committed(repo, made.oid))
        opened = Discussion(
            len(repo.discussions) + 1, head["summary"], head.get("description", ""), user, now(), base.oid
        )
        repo.discussions.append(opened)
        made = repo.commit(opened.ref, base, files, head["summary"], user)
        address = f"{self._url(repo)}/discussions/{opened.number}"
        return Answer.of(self._committed(repo, made.oid) | {"pullRequestUrl": address})

    def _committed(self, repo: Repo, oid: str) -> dict[str, Any]:
        return {"success": True, "commitOid": oid, "commitUrl": f"{self._url(repo)}/commit/{oid}", "hookOutput": ""}

    def _changed(self, before: dict[str, File], lines: list[dict[str, Any]]) -> dict[str, File]:
        files = dict(before)
        for line in lines:
            key, value = line["key"], line["value"]
            path = value["path"]
            if ".." in path.split("/") or path.startswith("/"):
                raise Refused(400, f"the path {path} is not allowed")
            if key == "file":
                try:
                    files[path] = File(base64.b64decode(value["content"], validate=True))
                except binascii.Error:
                    raise Refused(400, f"{path} is no base64") from None
            elif key == "lfsFile":
                if value["oid"] not in self.store.large:
                    raise Refused(400, f"{path} was not uploaded")
                files[path] = File(self.store.large[value["oid"]], large=True)
            else:
                gone = [name for name in files if name == path or name.startswith(path.rstrip("/") + "/")]
                if not gone:
                    raise Refused(404, "A file with this name doesn't exist", "EntryNotFound")
                files = {name: file for name, file in files.items() if name not in gone}
        return files

    def tag(self, request: Request, kinds: str, id: str, rev: str) -> Answer:
        """Make or take away a tag."""
        repo, user = self._repo(kinds, id), request.writer()
        if user not in repo.members:
            raise Refused(403, "you have no right to write here")
        if request.method == "DELETE":
            repo.refs.pop(f"refs/tags/{rev}")
            return Answer.of({})
        name = f"refs/tags/{request.json()['tag']}"
        if name in repo.refs:
            raise Refused(409, "Tag reference exists already")
        repo.refs[name] = repo.resolve(rev).oid
        return Answer.of({})

    def discussions(self, request: Request, kinds: str, id: str) -> Answer:
        """List pull requests, the newest first, a page at a time."""
        repo, size = self._repo(kinds, id), min(self.page, 10)
        status, author = request.query.get("status", ["all"])[0], request.query.get("author", [""])[0]
        found = [one for one in reversed(repo.discussions)
                 if status in ("all", one.status) and author in ("", one.author)]  # fmt: skip
        start = size * int(request.query.get("p", ["0"])[0])
        page = [self._told(repo, one) for one in found[start : start + size]]
        return Answer.of({"discussions": page, "count": len(found), "start": start})

    def discussion(self, request: Request, kinds: str, id: str, number: str) -> Answer:
        """Tell of one pull request."""
        repo = self._repo(kinds, id)
        found = repo.discussion(int(number))
        changes = {"base": "refs/heads/main", "mergeCommitId": found.merge}
        return Answer.of({
            **self._told(repo, found), "changes": changes, "filesWithConflicts": [], "diff": "",
            "events": [{"id": "0", "type": "comment", "createdAt": found.date, "author": {"name": found.author},
                        "data": {"edited": False, "hidden": False, "latest": {"raw": found.description}}}],
        })  # fmt: skip

    def merge(self, request: Request, kinds: str, id: str, number: str) -> Answer:
        """Merge a pull request."""
        repo, user = self._repo(kinds, id), request.writer()
        if user not in repo.members:
            raise Refused(403, "you have no right to write here")
        repo.merge(int(number), user)
        return Answer.of({})

    def status(self, request: Request, kinds: str, id: str, number: str) -> Answer:
        """Close or open a pull request again."""
        repo, user = self._repo(kinds, id), request.writer()
        found = repo.discussion(int(number))
        found.status = request.json()["status"]
        event = {"id": "1", "type": "status-change", "createdAt": now(), "author": {"name": user},
                 "data": {"status": found.status}}  # fmt: skip
        return Answer.of({"newStatus": event})

    def _told(self, repo: Repo, one: Discussion) -> dict[str, Any]:
        return {
            "num": one.number, "title": one.title, "author": {"name": one.author}, "createdAt": one.date,
            "status": one.status, "isPullRequest": True, "repo": {"name": repo.id, "type": repo.kind},
        }  # fmt: skip

    def resolve(self, request: Request, kinds: str, id: str, rev: str, path: str) -> Answer:
        """Give a file; a large one lies with another host."""
        commit = self._repo(kinds, id).resolve(rev)
        if path not in commit.files:
            raise Refused(404, f"{path} does not exist", "EntryNotFound")
        file = commit.files[path]
        head = {"X-Repo-Commit": commit.oid, "ETag": f'"{file.etag}"', "Accept-Ranges": "bytes"}
        if file.large:
            self.store.large.setdefault(file.sha256, file.content)
            head |= {"X-Linked-Size": str(len(file.content)), "X-Linked-Etag": f'"{file.etag}"',
                     "Location": f"{self.storage}/{file.sha256}"}  # fmt: skip
            return Answer(b"", 302, head)
        return part_of(file.content, request, head)


def part_of(content: bytes, request: Request, head: dict[str, str]) -> Answer:
    """Return all of `content`, or the range that was asked for."""
    asked = re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("range", ""))
    if asked is None:
        return Answer(content, 200, head)
    low, high = int(asked[1]), min(int(asked[2] or len(content) - 1), len(content) - 1)
    head = head | {"Content-Range": f"bytes {low}-{high}/{len(content)}"}
    return Answer(content[low : high + 1], 206, head)


def _lfs(file: File) -> dict[str, Any]:
    about = {"oid": file.sha256, "sha256": file.sha256, "size": len(file.content), "pointerSize": 130}
    return {"lfs": about} if file.large else {}


def _item(path: str, file: File) -> dict[str, Any]:
    return {"type": "file", "path": path, "oid": file.oid, "size": len(file.content), **_lfs(file)}


API = r"/api/(?P<kinds>models|datasets|spaces)/(?P<id>[^/]+/[^/]+)"
PAGE = r"/(?:(?P<kinds>datasets|spaces)/)?(?P<id>[^/]+/[^/]+?)"
ROUTES = [
    (r"/api/whoami-v2", "GET", "whoami"),
    (r"/api/repos/create", "POST", "create"),
    (r"/api/validate-yaml", "POST", "validate_yaml"),
    (API, "GET|HEAD", "info"),
    (API + r"/revision/(?P<rev>[^/]+)", "GET|HEAD", "info"),
    (API + r"/tree/(?P<rev>[^/]+)(?:/(?P<path>.*))?", "GET", "tree"),
    (API + r"/paths-info/(?P<rev>[^/]+)", "POST", "paths_info"),
    (API + r"/refs", "GET", "refs"),
    (API + r"/commits/(?P<rev>[^/]+)", "GET", "commits"),
    (API + r"/preupload/(?P<rev>[^/]+)", "POST", "preupload"),
    (API + r"/commit/(?P<rev>[^/]+)", "POST", "commit"),
    (API + r"/tag/(?P<rev>[^/]+)", "POST|DELETE", "tag"),
    (API + r"/discussions", "GET", "discussions"),
    (API + r"/discussions/(?P<number>\d+)", "GET", "discussion"),
    (API + r"/discussions/(?P<number>\d+)/merge", "POST", "merge"),
    (API + r"/discussions/(?P<number>\d+)/status", "POST", "status"),
    (PAGE + r"\.git/info/lfs/objects/batch", "POST", "batch"),
    (PAGE + r"/resolve/(?P<rev>[^/]+)/(?P<path>.+)", "GET|HEAD", "resolve"),
]  # fmt: skip
"""Path, methods, and the method of `Routes` that answers."""
