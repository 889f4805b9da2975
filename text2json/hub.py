"""What is asked of the Hub, with patience: what is busy or broken for a moment is asked again.

The token is looked up by huggingface_hub (`HF_TOKEN`, or what `hf auth login` saved). It goes to the configured
endpoint and nowhere else; nothing here reads, keeps or prints it.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from time import sleep
from typing import TYPE_CHECKING, TypeVar

from text2json.errors import HubError, SpecError
from text2json.safe import plain

if TYPE_CHECKING:
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError

T = TypeVar("T")

AGAIN = (408, 429, 500, 502, 503, 504)
"""Statuses after which the same question may have an answer."""
LONGEST_WAIT = 300.0
"""Seconds; who is told to wait for longer gives up and says so."""


class Transient(Exception):
    """What may go well the next time; says why, and after how many seconds."""

    def __init__(self, reason: str, wait: float | None = None) -> None:
        super().__init__(reason)
        self.wait = wait


class Conflict(HubError):
    """Somebody else was faster."""


class Offline(HubError):
    """The user wants the Hub not to be asked."""


class Missing(HubError):
    """There is no such repository or revision."""


class MissingFile(Missing):
    """The repository has no such file."""


@dataclass(frozen=True)
class HubClient:
    """One Hub.

    Args:
        endpoint: its address; `HF_ENDPOINT` or huggingface.co unless given.
        tries: how often something is asked before it fails.
        first_wait: seconds before the second try, doubled each time; what the Hub asks for comes first.
        timeout: seconds without a byte after which a request counts as lost.
        told: called with a line that says why it takes long.
    """

    endpoint: str | None = None
    tries: int = 5
    first_wait: float = 1.0
    timeout: float = 60.0
    told: Callable[[str], None] = lambda _: None

    @cached_property
    def api(self) -> HfApi:
        """huggingface_hub's own client."""
        from huggingface_hub import HfApi

        return HfApi(endpoint=self.endpoint)

    def ask(self, question: Callable[[], T]) -> T:
        """Return the answer to a question that may be put several times.

        Raises:
            HubError: it has none, or the Hub cannot be reached.
            Conflict: somebody else was faster.
            SpecError: the repository's name is none.
        """
        for number in range(self.tries):
            try:
                return self.once(question)
            except Transient as error:
                self.wait(error, number)
        raise AssertionError  # the last `wait` raises

    def wait(self, error: Transient, number: int) -> None:
        """Wait before another try.

        Raises:
            HubError: that was the last one, or the wait would be too long.
        """
        seconds = self.first_wait * 2**number if error.wait is None else error.wait
        if number + 1 >= self.tries or seconds > LONGEST_WAIT:
            later = f"try again in {seconds:.0f} seconds" if error.wait else "try again later"
            raise HubError(f"{error} ({later}; nothing was half done)") from error
        self.told(f"{error}; trying again in {seconds:.0f} seconds")
        sleep(seconds)

    def once(self, question: Callable[[], T]) -> T:
        """Put a question once.

        Raises:
            Transient: it may go well the next time.
            HubError: it will not.
        """
        from huggingface_hub.errors import HFValidationError, LocalTokenNotFoundError

        try:
            with limited_waiting(self.timeout):
                return question()
        except LocalTokenNotFoundError:
            raise HubError("no token for the Hub (run `hf auth login`, or set HF_TOKEN)") from None
        except HFValidationError as error:
            raise SpecError(f"no repository's name: {_line(error)}", remedy="a name looks like ORG/NAME") from None
        except expected_errors() as error:
            raise meaning(error) from error


def transport_errors() -> tuple[type[Exception], ...]:
    """Return what broken connections raise: httpx2's errors under huggingface_hub 2, httpx's under 1."""
    from huggingface_hub import get_session

    library = importlib.import_module(type(get_session()).__module__.partition(".")[0])
    return (library.TransportError,)


def expected_errors() -> tuple[type[Exception], ...]:
    """Return everything that the client raises where the network, the Hub or a disk is at fault."""
    from huggingface_hub.errors import HfHubHTTPError

    return (HfHubHTTPError, OSError, RuntimeError, *transport_errors())


@contextmanager
def limited_waiting(seconds: float) -> Iterator[None]:
    """Let the client's requests fail after a silence, for a while; it would wait for ever by itself."""
    from huggingface_hub import get_session

    session = get_session()
    before, session.timeout = session.timeout, seconds
    try:
        yield
    finally:
        session.timeout = before


def meaning(error: Exception) -> Exception:
    """Return what an error of the client comes down to: a `Transient`, a `Conflict` or a `HubError`."""
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError, OfflineModeIsEnabled

    while isinstance(error.__cause__, Exception) and not isinstance(error, (HfHubHTTPError, *transport_errors())):
        error = error.__cause__  # what an upload or a download wraps
    if isinstance(error, HfHubHTTPError):
        return _refusal(error)
    if isinstance(error, LocalEntryNotFoundError | OfflineModeIsEnabled):
        return Offline("the Hub must not be asked, since HF_HUB_OFFLINE is set, and the file is not in the cache")
    if isinstance(error, transport_errors()):
        return Transient(f"the Hub cannot be reached: {type(error).__name__}: {_line(error)}")
    if isinstance(error, OSError) and error.errno is not None and not isinstance(error, ConnectionError):
        return HubError(f"cannot be written: {error.strerror}: {error.filename}")
    return Transient(f"the Hub's answer is broken: {type(error).__name__}: {_line(error)}")


def _refusal(error: HfHubHTTPError) -> Exception:
    """Return what a status means."""
    from huggingface_hub.errors import EntryNotFoundError, RepositoryNotFoundError, RevisionNotFoundError

    status, said = error.response.status_code, plain(error.server_message or "") or _line(error)
    place = plain(error.response.request.url.path)
    if isinstance(error, RepositoryNotFoundError):
        return Missing(f"{place}: no such repository, or it is private (check its name and your token)")
    if isinstance(error, RevisionNotFoundError):
        return Missing(f"{place}: no such revision")
    if isinstance(error, EntryNotFoundError):
        return MissingFile(f"{place}: no such file")
    if status in AGAIN:
        return Transient(f"the Hub is busy (status {status})", _retry_after(error.response.headers.get("Retry-After")))
    if status == 401:
        return HubError("the Hub does not know the token (run `hf auth login`, or set HF_TOKEN)")
    if status == 403:
        return HubError(f"the token has no right to do this: {said}")
    if status in (409, 412):
        return Conflict(f"somebody else was faster: {said}")
    return HubError(f"the Hub refuses (status {status}): {said}")


def _retry_after(text: str | None) -> float | None:
    """Return the seconds that the Hub asks to wait for; a date is left to our own waiting."""
    return float(text) if text is not None and text.strip().isdigit() else None


def _line(error: Exception) -> str:
    """Return an error's first line, made safe for a terminal."""
    return plain((str(error).strip() or type(error).__name__).splitlines()[0])
