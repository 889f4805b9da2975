"""The site: one page with the table and the pictures, one page for each entry, and all figures as CSV and JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from html import escape
from pathlib import Path

from text2json import __version__
from text2json.leaderboard.row_page import Marks, row_page
from text2json.leaderboard.rows import ABOVE, BUDGET_CLASSES, UNKNOWN, Row, csv_text, flat_row, page_name
from text2json.schemas.entry import LeaderboardEntry
from text2json.schemas.sample import Sample
from text2json.web_page import asset, web_page, write_text

TITLE = "Accuracy of KV-cache offloading on Text2JSON"
SCRIPTS = ("data.js", "filters.js", "table.js", "picture.js", "naming.js", "main.js")
"""In the order in which they stand in the page, as one module."""
_PAGE = "leaderboard/page"


@dataclass(frozen=True)
class Listed:
    """An entry that the site lists.

    Args:
        entry: what was submitted.
        marks: how far it was checked.
        shown: gives documents for its page, and id → what the model wrote; called when the page is written.
        home: address of its folder, if it has one.
    """

    entry: LeaderboardEntry
    marks: Marks
    shown: Callable[[], tuple[Sequence[Sample], Mapping[str, str]]]
    home: str | None = None


def write_site(
    out: Path, listed: Sequence[Listed], *, title: str = TITLE, advance: Callable[[int], None] = lambda _: None
) -> None:
    """Write the site; the same entries give the same bytes, and pages of entries that are gone are removed.

    Args:
        out: folder of the site.
        listed: the entries, in any order.
        title: of the first page.
        advance: called with 1 after each entry's page.
    """
    ordered = sorted(listed, key=lambda one: (-one.entry.scores.records.f1, one.entry.id))
    rows = [flat_row(one.entry, one.marks.accuracy) for one in ordered]
    for one in sorted(ordered, key=lambda one: one.entry.dataset.sha256):  # documents are made once for all of theirs
        samples, outputs = one.shown()
        page = row_page(one.entry, samples, outputs, marks=one.marks, home=one.home)
        write_text(out / page_name(one.entry), page)
        advance(1)
    for file in _strangers(out, {page_name(one.entry) for one in ordered}):
        file.unlink()
    write_text(out / "leaderboard.csv", csv_text(rows))
    write_text(out / "leaderboard.json", _json(ordered))
    write_text(out / "index.html", index_page(rows, title))  # last, so that its links lead somewhere


def index_page(rows: Sequence[Row], title: str = TITLE) -> str:
    """Return the first page."""
    latest = max((str(row["date"]) for row in rows), default="")
    footer = f"{len(rows)} entries, the latest of {latest}; " if rows else ""
    parts = {
        "title": escape(title),
        "footer": escape(f"{footer}made by text2json {__version__}."),
        "data": embedded(rows),
    }
    body = re.sub(r"\{\{(\w+)\}\}", lambda found: parts[found[1]], asset(f"{_PAGE}/index.html"))
    script = "\n".join(asset(f"{_PAGE}/{name}") for name in SCRIPTS)
    return web_page(title, body, style=asset(f"{_PAGE}/index.css"), script=script)


def embedded(rows: Sequence[Row]) -> str:
    """Return the rows as JSON that no HTML parser takes for a tag."""
    columns = list(rows[0]) if rows else []
    value = {
        "budget_classes": [*BUDGET_CLASSES, ABOVE, UNKNOWN],
        "columns": columns,
        "rows": [list(row.values()) for row in rows],
    }
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).replace("<", "\\u003c")


def _json(listed: Sequence[Listed]) -> str:
    entries = [{"checked": asdict(one.marks), "entry": one.entry.model_dump(mode="json")} for one in listed]
    return json.dumps({"format": "text2json-leaderboard-1", "entries": entries}, indent=1) + "\n"


def _strangers(out: Path, pages: set[str]) -> Iterator[Path]:
    """Yield the pages of entries that are no longer listed; what else lies in the folder is left alone."""
    for file in (out / "entries").glob("*.html"):
        if re.fullmatch(r"[0-9a-f]{16}", file.stem) and file.relative_to(out).as_posix() not in pages:
            yield file
