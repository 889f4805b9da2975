"""Check entries: what can be computed anew is, and each row says what could not."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from math import isclose
from pathlib import Path
from typing import Any, Literal

from text2json import __version__
from text2json.errors import CheckFailed, DataError, Text2JSONError
from text2json.leaderboard.entries import (
    MOST_ENTRY_BYTES,
    file_facts,
    read_entry,
    read_limited,
    rescore,
    scores_of,
    strategy_of,
)
from text2json.leaderboard.layout import entry_folders
from text2json.manifest import versions
from text2json.metrics.report import Report
from text2json.schemas.entry import ENTRY_FILE, PREDICTIONS_FILE, EntryScores, LeaderboardEntry

Mark = Literal["self-reported", "re-scored", "reproduced"]
"""How far a figure was checked: not at all, from the predictions, or by running the model again."""
TOLERANCE = 1e-9
"""Of figures that follow from the same counts; sums of floats may end a little differently elsewhere."""
VERSION = r"[0-9][0-9A-Za-z.+!-]{0,50}"
"""What a release may be called: no place for a sentence, since signatures are shown."""


@dataclass(frozen=True)
class Row:
    """One entry with its verdict.

    Attributes:
        place: its folder below the root, or the file that is none of an entry.
        entry: None where it cannot be read.
        report: its score, computed anew; None where that failed.
        problems: why it is rejected; empty if it is not.
        notes: what else a reader should know.
        accuracy: how far the scores were checked.
        memory: how far bytes on the tiers and between them were.
        time: how far seconds were.
    """

    place: str
    entry: LeaderboardEntry | None = None
    report: Report | None = field(default=None, repr=False)
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    accuracy: Mark = "self-reported"
    memory: Mark = "self-reported"
    time: Mark = "self-reported"

    @property
    def ok(self) -> bool:
        """Whether the entry stands."""
        return not self.problems

    def to_dict(self) -> dict[str, Any]:
        """Return the verdict as plain values for JSON."""
        return {
            "place": self.place, "id": None if self.entry is None else self.entry.id, "ok": self.ok,
            "problems": list(self.problems), "notes": list(self.notes),
            "accuracy": self.accuracy, "memory": self.memory, "time": self.time,
        }  # fmt: skip


def verify_folder(
    root: Path,
    *,
    subset: bool = False,
    only: Callable[[str], bool] = lambda _: True,
    advance: Callable[[int], None] = lambda _: None,
) -> list[Row]:
    """Check every entry below `root` and return a row for each, and for each file that is none of an entry.

    Args:
        root: holds the folder `results`.
        subset: whether the first documents of a configuration are enough for an entry.
        only: which places are checked; the others are only looked at as entries of the same run.
        advance: called with 1 after each entry.

    Raises:
        DataError: there are no results.
    """
    folders, strays = entry_folders(root)
    rows = []
    for folder in folders:
        asked = only(folder.relative_to(root).as_posix())
        rows.append(check_entry(folder, root, subset=subset) if asked else _unchecked(folder, root))
        advance(1)
    found = [*_without_twins(rows), *(Row(*_split(stray)) for stray in strays)]
    return [row for row in found if only(row.place)]


def _unchecked(folder: Path, root: Path) -> Row:
    try:
        return Row(folder.relative_to(root).as_posix(), read_entry(folder / ENTRY_FILE))
    except Text2JSONError as error:
        return Row(folder.relative_to(root).as_posix(), problems=(_without_root(str(error), root),))


def _split(stray: str) -> tuple[str, None, None, tuple[str, ...]]:
    place, _, problem = stray.partition(": ")
    return place, None, None, (problem,)


def check_entry(folder: Path, root: Path, *, subset: bool = False) -> Row:
    """Check one entry by itself."""
    row = Row(folder.relative_to(root).as_posix())
    try:
        _check_format(folder / ENTRY_FILE)
        entry = read_entry(folder / ENTRY_FILE)
        row = replace(row, entry=entry)
        problems = [*_check_claims(entry, row.place, subset=subset), *_check_file(entry, folder / PREDICTIONS_FILE)]
        if problems:
            return replace(row, problems=tuple(problems))
        _, report = rescore(folder / PREDICTIONS_FILE, entry.dataset)
    except Text2JSONError as error:
        return replace(row, problems=(_without_root(str(error), root),))
    wrong, notes = _check_scores(entry.scores, scores_of(report))
    mark: Mark = "self-reported" if wrong else "re-scored"
    return replace(row, report=report, problems=tuple(wrong), notes=(*notes, *_note_date(entry)), accuracy=mark)


def _without_root(text: str, root: Path) -> str:
    return text.replace(f"{root.as_posix().rstrip('/')}/", "")


def _check_format(file: Path) -> None:
    """Refuse an entry of another format before its fields are looked at."""
    try:
        value = json.loads(read_limited(file, MOST_ENTRY_BYTES))
    except (ValueError, RecursionError):
        raise DataError("no JSON", file=file, remedy="make the entry anew from its run folder") from None
    found = value.get("format") if isinstance(value, dict) else None
    known = LeaderboardEntry.model_fields["format"].default
    if found != known:
        raise CheckFailed(f"{file}: wrong version: format {str(found)[:100]!r}, this release reads {known!r}")


def _check_claims(entry: LeaderboardEntry, place: str, *, subset: bool) -> Iterator[str]:
    """Say what an entry says wrongly of itself."""
    if entry.id != entry.computed_id:
        yield f"tampered: its id is {entry.id}, its content gives {entry.computed_id}"
    if entry.folder.as_posix() != place:
        yield f"misplaced: it belongs to {entry.folder}"
    if entry.strategy != strategy_of(entry.strategy.spec):
        yield f"tampered: the strategy's options are not those of its spec {entry.strategy.spec!r}"
    if entry.dataset.version not in versions():
        yield f"wrong version: dataset version {entry.dataset.version!r} is unknown to this release"
    if entry.dataset.samples < entry.dataset.of and not subset:
        yield (f"partial: the first {entry.dataset.samples} of {entry.dataset.of} documents of "
               f"{entry.dataset.config}; --subset lets it in as {entry.dataset.label}")  # fmt: skip


def _note_date(entry: LeaderboardEntry) -> Iterator[str]:
    """Say that an entry is from the future; no ground to reject it, since clocks differ and nothing rests on it."""
    if entry.date > (today := datetime.now(timezone.utc).date().isoformat()):
        yield f"dated {entry.date}, which is after today, {today}"


def _check_file(entry: LeaderboardEntry, file: Path) -> Iterator[str]:
    """Say whether the prediction file is another than the entry was made of."""
    facts = file_facts(file)
    if facts != entry.predictions:
        yield (f"tampered: {file.name} is not the file that the entry was made of (sha256 {facts.sha256}, "
               f"the entry says {entry.predictions.sha256})")  # fmt: skip


def _check_scores(told: EntryScores, found: EntryScores) -> tuple[list[str], list[str]]:
    """Return problems and notes of scores against those computed anew."""
    first = first_difference(told.model_dump(exclude={"signature"}), found.model_dump(exclude={"signature"}))
    if told.signature == found.signature:
        return ([f"tampered: the scores are not those of the predictions: {first}"] if first else []), []
    theirs, ours = rules_of(told.signature), rules_of(found.signature)
    version = theirs.get("version", "unknown")
    others = ", ".join(sorted(theirs.keys() ^ ours.keys()))
    if version == __version__ and others and not first:
        return [f"the figures agree, but the rules' names differ ({others}), as those of another build of "
                f"text2json {version} may; make the entry anew"], []  # fmt: skip
    if not theirs or version == __version__:
        return [f"tampered: its signature is {told.signature!r}, scoring gives {found.signature!r}"], []
    if first or theirs | {"version": ""} != ours | {"version": ""}:
        return [f"wrong version: scored by text2json {version}, this is {__version__}"
                + (f", which gives other figures: {first}" if first else ", under other rules")], []  # fmt: skip
    return [], [f"scored by text2json {version}; this is {__version__}, which gives the same"]


def rules_of(signature: str) -> dict[str, str]:
    """Return what a signature names; nothing of one that has other text in front, a rule twice or no version."""
    name, *parts = signature.split("|")
    rules = dict(part.partition(":")[::2] for part in parts)
    whole = name == "text2json" and len(rules) == len(parts)
    return rules if whole and re.fullmatch(VERSION, rules.get("version", "")) else {}


def first_difference(told: Any, found: Any, place: str = "") -> str:
    """Name the first figure that differs, or nothing."""
    if isinstance(told, dict) and isinstance(found, dict):
        for key in sorted(told.keys() | found.keys()):
            said = first_difference(told.get(key), found.get(key), f"{place}.{key}" if place else str(key))
            if said:
                return said
        return ""
    if isinstance(told, list | tuple) and isinstance(found, list | tuple) and len(told) == len(found):
        pairs = enumerate(zip(told, found, strict=True))
        return next((said for at, (a, b) in pairs if (said := first_difference(a, b, f"{place}[{at}]"))), "")
    numbers = all(isinstance(value, int | float) for value in (told, found))
    if told == found or (numbers and isclose(told, found, rel_tol=TOLERANCE, abs_tol=TOLERANCE)):
        return ""
    return f"{place} is {told}, re-scored it is {found}"


def _without_twins(rows: list[Row]) -> list[Row]:
    """Reject all entries of one run: the same answers and, to the microsecond, the same times.

    Whose run it is, nothing in them can show: a copy's date and name are what its maker writes.
    """
    runs: dict[str, list[str]] = {}
    for row in rows:
        if row.entry is not None and row.ok:
            runs.setdefault(_run_of(row.entry), []).append(row.place)
    kept = []
    for row in rows:
        others = [place for place in runs[_run_of(row.entry)] if place != row.place] if row.entry and row.ok else []
        if others:
            row = replace(row, problems=(f"duplicate: the same run as {', '.join(others)}",), accuracy="self-reported")
        kept.append(row)
    return sorted(kept, key=lambda row: row.place)


def _run_of(entry: LeaderboardEntry) -> str:
    return f"{entry.predictions.sha256} {entry.figures.model_dump_json()}"
