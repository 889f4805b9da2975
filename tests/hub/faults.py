"""Faults of a network and a busy server, by request."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass, field


@dataclass
class Fault:
    """What happens to the next requests that match.

    Args:
        pattern: of `METHOD /path`.
        status: answer with this error instead; 0 for none.
        headers: of that answer.
        delay: seconds to wait before anything.
        cut: close the connection `before` the request is done, `after` it without an answer, or in the `middle` of it.
        times: how many requests; then all is well.
    """

    pattern: str
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    cut: str = ""
    times: int = 1


class Faults:
    """The faults to come, the first that matches at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._coming: list[Fault] = []

    def add(self, pattern: str, **what: object) -> None:
        """Let the next requests that match go wrong; see `Fault`."""
        with self._lock:
            self._coming.append(Fault(pattern, **what))  # type: ignore[arg-type]

    def take(self, request: str) -> Fault | None:
        """Return the fault of this request, if it has one."""
        with self._lock:
            for fault in self._coming:
                if fault.times > 0 and re.search(fault.pattern, request):
                    fault.times -= 1
                    return fault
        return None

    def clear(self) -> None:
        """Let all be well."""
        with self._lock:
            self._coming.clear()

    @property
    def left(self) -> int:
        """How many requests are still to go wrong."""
        with self._lock:
            return sum(fault.times for fault in self._coming)
