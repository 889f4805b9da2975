"""Local results folders with entries in them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.text2json.leaderboard.runs import write_run
from text2json.leaderboard.entries import Statement, entry_of, write_entry
from text2json.schemas.entry import LeaderboardEntry, Submitter

STATEMENT = Statement(Submitter(name="someone"), date="2026-01-31", subset=True)


def add_entry(root: Path, name: str, *, statement: Statement = STATEMENT, **run: Any) -> Path:
    """Write a run and its entry below `root`, and return the entry's folder."""
    made = write_run(root.parent / "runs" / name, **run)
    return write_entry(entry_of(made, statement), made / "predictions.jsonl", root)


def rewrite(folder: Path, change: Callable[[dict[str, Any]], object]) -> Path:
    """Change an entry's values and put it where it then belongs, its id right again: a forger's work."""
    value = json.loads((folder / "entry.json").read_text())
    change(value)
    text = json.dumps(value)
    try:
        entry = LeaderboardEntry.model_validate_json(text)
    except ValueError:  # a broken entry stays where it is
        (folder / "entry.json").write_text(text)
        return folder
    entry = entry.model_copy(update={"id": entry.computed_id})
    root = folder.parents[4]
    target = root.joinpath(*entry.folder.parts)
    if target != folder:
        target.parent.mkdir(parents=True, exist_ok=True)
        folder.rename(target)
    (target / "entry.json").write_text(entry.text())
    return target
