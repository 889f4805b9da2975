"""A Hub with one data set, on this machine: what `snapshot_download` asks for, served from a folder."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Hub(ThreadingHTTPServer):
    """Serves `folder` as the data set `identifier`."""

    def __init__(self, identifier: str, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.identifier, self.folder = identifier, folder


class Handler(BaseHTTPRequestHandler):
    """Answers one request."""

    server: Hub

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def _answer(self, *, with_body: bool) -> None:
        path = unquote(urlsplit(self.path).path)
        files = sorted(file for file in self.server.folder.rglob("*") if file.is_file())
        names = {file.relative_to(self.server.folder).as_posix(): file for file in files}
        found = re.fullmatch(rf"/datasets/{self.server.identifier}/resolve/[^/]+/(.+)", path)
        if re.fullmatch(rf"/api/datasets/{self.server.identifier}(/revision/[^/]+)?", path):
            about = {"id": self.server.identifier, "sha": COMMIT, "siblings": [{"rfilename": name} for name in names]}
            self._send(200, json.dumps(about).encode(), {}, with_body=with_body)
        elif re.fullmatch(rf"/api/datasets/{self.server.identifier}/tree/[^/]+", path):
            tree = [
                {"type": "file", "path": name, "size": file.stat().st_size, "oid": "0"} for name, file in names.items()
            ]
            self._send(200, json.dumps(tree).encode(), {}, with_body=with_body)
        elif found is not None and found[1] in names:
            body = names[found[1]].read_bytes()
            head = {"ETag": f'"{sha256(body).hexdigest()}"', "X-Repo-Commit": COMMIT}
            self._send(200, body, head, with_body=with_body)
        else:
            self._send(404, b"{}", {"X-Error-Code": "RepoNotFound"}, with_body=with_body)

    def _send(self, status: int, body: bytes, head: dict[str, str], *, with_body: bool) -> None:
        self.send_response(status)
        for name, value in {**head, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if with_body:
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Stay silent."""


@contextmanager
def serving(identifier: str, folder: Path) -> Iterator[str]:
    """Serve until the block ends; gives the endpoint's address."""
    with Hub(identifier, folder) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()
