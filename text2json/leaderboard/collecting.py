"""Which entries a site lists, and how far each was checked: anew, by verdicts from before, or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from text2json.errors import CheckFailed, Text2JSONError
from text2json.leaderboard.documents import documents
from text2json.leaderboard.entries import file_facts, read_entry
from text2json.leaderboard.layout import entry_folders
from text2json.leaderboard.row_page import Marks, spread
from text2json.leaderboard.site import Listed
from text2json.leaderboard.verdicts import Verdict
from text2json.leaderboard.verification import Row
from text2json.metrics.predictions import read_predictions
from text2json.schemas.entry import ENTRY_FILE, PREDICTIONS_FILE, LeaderboardEntry
from text2json.schemas.sample import Sample


def believed(root: Path, advance: Callable[[int], None]) -> Iterator[Row]:
    """Yield every entry below `root` as it is; an id counts once."""
    folders, strays = entry_folders(root)
    seen: set[str] = set()
    for folder in folders:
        place = folder.relative_to(root).as_posix()
        try:
            entry = read_entry(folder / ENTRY_FILE)
            twice = (f"its id {entry.id} stands twice",) if entry.id in seen else ()
            seen.add(entry.id)
            yield Row(place, entry, problems=twice)
        except Text2JSONError as error:
            yield Row(place, problems=(str(error).replace(f"{root}/", ""),))
        advance(1)
    for stray in strays:
        place, _, problem = stray.partition(": ")
        yield Row(place, problems=(problem,))


def judged(root: Path, verdicts: Mapping[str, Verdict], advance: Callable[[int], None]) -> Iterator[Row]:
    """Yield the entries below `root` with the verdicts that they were given before; without one, none is listed."""
    for row in believed(root, advance):
        verdict = verdicts.get(row.place)
        if row.entry is None or not row.ok:
            yield row
        elif verdict is None:
            yield Row(row.place, problems=("it has no verdict",))
        elif not verdict.ok:
            yield Row(row.place, problems=tuple(verdict.problems))
        else:
            try:
                _check_same(root / row.place, row.entry, verdict)
                yield Row(row.place, row.entry, accuracy=verdict.accuracy, memory=verdict.memory, time=verdict.time)
            except Text2JSONError as error:
                yield Row(row.place, problems=(str(error).replace(f"{root}/", ""),))


def _check_same(folder: Path, entry: LeaderboardEntry, verdict: Verdict) -> None:
    if entry.id != verdict.id or entry.predictions != file_facts(folder / PREDICTIONS_FILE):
        raise CheckFailed("it is no longer what its verdict is about; verify it anew")


def list_rows(rows: Sequence[Row], root: Path, samples: int, home: str | None = None) -> list[Listed]:
    """Return what a site lists of the rows that stand.

    Args:
        rows: with their verdicts.
        root: holds the folder `results`; it is read until the site is written.
        samples: how many documents an entry's page shows.
        home: address of the repository's files, if it has one.
    """
    return [
        Listed(
            row.entry, Marks(row.accuracy, row.memory, row.time), _shown(root / row.place, row.entry, samples),
            None if home is None else f"{home}/{row.place}",
        )
        for row in rows if row.entry is not None and row.ok
    ]  # fmt: skip


def _shown(
    folder: Path, entry: LeaderboardEntry, samples: int
) -> Callable[[], tuple[Sequence[Sample], Mapping[str, str]]]:
    """Return what reads the documents of an entry's page and their answers; nothing where either cannot be had."""

    def read() -> tuple[Sequence[Sample], Mapping[str, str]]:
        try:
            file_facts(folder / PREDICTIONS_FILE)  # no symbolic link, not too large
            return spread(documents(entry.dataset), samples), read_predictions(folder / PREDICTIONS_FILE)
        except Text2JSONError:
            return (), {}

    return read
