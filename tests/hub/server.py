"""A Hub on this machine, over HTTP: one server for the Hub and one, another host to clients, for large files."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.hub.faults import Fault, Faults
from tests.hub.routes import Answer, Request, Routes, part_of
from tests.hub.store import Refused, Store


class Handler(BaseHTTPRequestHandler):
    """Reads a request, lets its fault happen, answers it."""

    server: Server
    protocol_version = "HTTP/1.0"  # a connection for each request: nothing is left open at the end

    def _do(self) -> None:
        parts = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, parts.path, parse_qs(parts.query), headers, self._body())
        with self.server.log_lock:
            self.server.log.append(request)
        fault = self.server.faults.take(f"{request.method} {request.path}") or Fault("")
        time.sleep(fault.delay)
        if fault.cut == "before":
            return
        if fault.status:
            self._send(Answer.of({"error": "a fault"}, fault.status, **fault.headers))
            return
        answer = self._answer(request)
        if fault.cut == "after":
            return
        self._send(answer, len(answer.body) // 2 if fault.cut == "middle" else None)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_PATCH = _do

    def _answer(self, request: Request) -> Answer:
        try:
            return self.server.answer(request)
        except Refused as refused:
            head = {"X-Error-Code": refused.code} if refused.code else {}
            return Answer.of({"error": refused.message}, refused.status, **head, **{"X-Error-Message": refused.message})

    def _body(self) -> bytes:
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            chunks = []
            while size := int(self.rfile.readline(), 16):
                chunks.append(self.rfile.read(size))
                self.rfile.readline()
            return b"".join(chunks)
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _send(self, answer: Answer, most: int | None = None) -> None:
        try:
            self.send_response(answer.status)
            for name, value in {**answer.headers, "Content-Length": str(len(answer.body))}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(answer.body[:most])
        except OSError:
            pass  # the client went away

    def log_message(self, format: str, *args: Any) -> None:
        """Stay silent."""


class Server(ThreadingHTTPServer):
    """Answers at a port of its own, and keeps what it was asked."""

    request_queue_size = 64

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.faults = Faults()
        self.log: list[Request] = []
        self.log_lock = threading.Lock()

    @property
    def address(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def answer(self, request: Request) -> Answer:
        """Answer one request."""
        raise NotImplementedError

    def text_of_log(self) -> str:
        """Return all that was sent here, authorisation headers apart."""
        with self.log_lock:
            return "\n".join(
                json.dumps([one.method, one.path, one.query, {**one.headers, "authorization": ""}])
                + one.body.decode("latin-1")
                for one in self.log
            )


class Storage(Server):
    """Where large files lie: by its name another host, to which no token may go."""

    def __init__(self, store: Store) -> None:
        super().__init__()
        self.store = store

    @property
    def address(self) -> str:
        """Where it is."""
        return f"http://localhost:{self.server_address[1]}"

    def answer(self, request: Request) -> Answer:
        """Take or give a file by its hash."""
        oid = request.path.strip("/")
        if request.method == "PUT":
            if hashlib.sha256(request.body).hexdigest() != oid:
                raise Refused(400, "the hash is another")
            with self.store.lock:
                self.store.large[oid] = request.body
            return Answer()
        if oid not in self.store.large:
            raise Refused(404, "no such file")
        return part_of(self.store.large[oid], request, {"ETag": f'"{oid}"', "Accept-Ranges": "bytes"})


class Hub(Server):
    """The Hub.

    Attributes:
        store: what it keeps.
        users: token → name.
        faults: what goes wrong next.
        log: every request.
        storage: the host of large files.
    """

    def __init__(self) -> None:
        super().__init__()
        self.store = Store()
        self.storage = Storage(self.store)
        self.users = {"hf_ownertoken": "owner", "hf_guesttoken": "guest"}
        self.routes = Routes(self.store, self.address, self.storage.address)

    @property
    def endpoint(self) -> str:
        """What `HF_ENDPOINT` and `HfApi(endpoint=)` take."""
        return self.address

    def answer(self, request: Request) -> Answer:
        """Check the token, then answer."""
        given = request.headers.get("authorization")
        if given is not None:
            request.user = self.users.get(given.removeprefix("Bearer "))
            if request.user is None:
                raise Refused(401, "Invalid user token.")
        return self.routes.answer(request)

    def asked(self, method: str, part: str) -> int:
        """Return how many requests of a method had `part` in their path."""
        with self.log_lock:
            return sum(one.method == method and part in one.path for one in self.log)


@contextmanager
def serving() -> Iterator[Hub]:
    """Give a Hub that serves until the block ends."""
    with Hub() as hub, hub.storage:
        threads = [threading.Thread(target=one.serve_forever, args=(0.01,)) for one in (hub, hub.storage)]
        for thread in threads:
            thread.start()
        try:
            yield hub
        finally:
            for one in (hub, hub.storage):
                one.shutdown()
            for thread in threads:
                thread.join()
