"""What a person sees in a terminal: results on standard output, progress on standard error."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager


def line(text: str) -> None:
    """Print one line of results."""
    print(text)  # noqa: T201


def note(text: str) -> None:
    """Print one line that is no result."""
    print(text, file=sys.stderr, flush=True)  # noqa: T201


@contextmanager
def progress(title: str, total: int, *, ticking: bool = True) -> Iterator[Callable[[int], None]]:
    """Show a bar with the time left on a terminal's standard error, and nothing elsewhere.

    Args:
        title: what stands before the bar.
        total: items to come.
        ticking: move the clock between items too, which takes a thread.

    Yields:
        A function that moves the bar by a number of items.
    """
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
               TextColumn("left"), TimeRemainingColumn())  # fmt: skip
    with Progress(*columns, console=Console(stderr=True), auto_refresh=ticking) as bars:
        task = bars.add_task(title, total=total)

        def advance(count: int) -> None:
            bars.advance(task, count)
            if not ticking:
                bars.refresh()

        yield advance


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a plain text table: the first column to the left, the others to the right."""
    widths = [max(len(cell) for cell in cells) for cells in zip(columns, *rows, strict=True)]

    def render(cells: Sequence[str]) -> str:
        first, *rest = (f"{cell:<{width}}" if index == 0 else f"{cell:>{width}}"
                        for index, (cell, width) in enumerate(zip(cells, widths, strict=True)))  # fmt: skip
        return "  ".join([first, *rest]).rstrip()

    return "\n".join([render(columns), "  ".join("-" * width for width in widths), *map(render, rows)])
