"""The exception tree.

::

    Text2JSONError            anything this package raises on purpose
    ├── InputError            bad usage or bad input; the command line exits with 2
    │   ├── DataError         a file or data set that is missing, broken or inconsistent
    │   ├── SpecError         an unknown or impossible strategy, option, configuration or version
    │   └── ModelError        a model that cannot be loaded or served
    ├── CheckFailed           the input was fine and the answer is no; the command line exits with 1
    └── HubError              the Hub cannot be reached, or refuses; the command line exits with 1
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path


class Text2JSONError(Exception):
    """Base of everything that this package raises on purpose."""

    exit_status = 1


class InputError(Text2JSONError):
    """Bad usage or bad input: says where, what and the remedy, in one line.

    Args:
        message: what is wrong.
        file: the file that holds the fault, if there is one.
        line: the line in that file, counted from 1.
        remedy: what the user can do about it.
    """

    exit_status = 2

    def __init__(
        self,
        message: str,
        *,
        file: str | Path | None = None,
        line: int | None = None,
        remedy: str | None = None,
    ) -> None:
        self.message, self.file, self.line, self.remedy = message, file, line, remedy
        place = "" if file is None else f"{file}: " if line is None else f"{file}:{line}: "
        super().__init__(f"{place}{message}" + (f" ({remedy})" if remedy else ""))


class DataError(InputError):
    """A file or data set is missing, broken or inconsistent."""


class SpecError(InputError):
    """A strategy, option, configuration or version is unknown or impossible."""


class ModelError(InputError):
    """A model cannot be loaded, or its attention cannot be served."""


class CheckFailed(Text2JSONError):
    """The input was fine and the answer is no, for example a verification that failed."""


class HubError(Text2JSONError):
    """The Hub cannot be reached, or refuses what was asked."""


@contextmanager
def told_in_a_line() -> Iterator[None]:
    """End a program that is run by `python -m` as the command line ends: with one line and the error's status."""
    try:
        yield
    except Text2JSONError as error:
        print(f"text2json: {error}", file=sys.stderr)  # noqa: T201
        sys.exit(error.exit_status)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return a remedy that names the nearest of `known`, or all of them when none is near."""
    import difflib  # here, since most runs make no such error

    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1)
    return f"did you mean {near[0]!r}?" if near else f"one of: {', '.join(names)}"
