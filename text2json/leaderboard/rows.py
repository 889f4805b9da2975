"""An entry as one flat row: what the table, the pictures and the CSV file show of it."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence

from text2json.safe import plain
from text2json.schemas.entry import LeaderboardEntry

Value = str | float | None
Row = dict[str, Value]

BUDGET_CLASSES = {"up to 1/16": 1 / 16, "up to 1/8": 1 / 8, "up to 1/4": 1 / 4, "up to 1/2": 1 / 2, "up to 1": 1.0}
"""Class of the device bytes → the largest share of the model's whole cache that is in it."""
ABOVE, UNKNOWN = "over 1", "unknown"
REFERENCES = ("full", "full-offload")
"""They keep or move everything: no Pareto line goes through them, or there would be nothing else on it."""
_ROUNDING = 1.005
"""A share that is over a class's bound by less than this factor is still in it: small fixed parts come on top."""


def flat_row(entry: LeaderboardEntry, checked: str) -> Row:
    """Return the row; signs in its texts that show nothing, or turn others around, are numbers.

    Args:
        entry: what was submitted.
        checked: `self-reported`, `re-scored` or `reproduced`.
    """
    scores, figures = entry.scores, entry.figures
    share = device_share(entry)
    row: Row = {
        "id": entry.id,
        "page": page_name(entry),
        "model": entry.model.name,
        "revision": (entry.model.revision or "")[:12],
        "family": entry.model.family or UNKNOWN,
        "strategy": entry.strategy.name,
        "options": entry.strategy.spec.partition(":")[2].replace(",", ", "),
        "configuration": f"{entry.dataset.label}@{entry.dataset.version}",
        "record_f1": _rounded(scores.records.f1, 4),
        **_interval("record_f1", scores.records.f1_interval, 4),
        "field_f1": _rounded(scores.fields.f1, 4),
        **_interval("field_f1", scores.fields.f1_interval, 4),
        "macro_record_f1": _rounded(scores.macro_record_f1, 4),
        **_interval("macro_record_f1", scores.macro_record_f1_interval, 4),
        "paper": _rounded(scores.paper, 2),
        **_interval("paper", scores.paper_interval, 2),
        "device_bytes": _rounded(figures.device_bytes_per_token, 1),
        "device_share": _rounded(share, 4),
        "budget_class": budget_class(share),
        "host_bytes": _rounded(figures.host_bytes_per_token, 1),
        "moved_bytes": _rounded(figures.moved_bytes_per_step, 1),
        "moved_bytes_with_reuse": _rounded(figures.moved_bytes_per_step_with_reuse, 1),
        "first_token_s": _rounded(figures.seconds_to_first_token.p50, 4),
        "step_ms": _rounded(1000 * figures.seconds_per_token.p50, 3),
        "reference": int(entry.strategy.name in REFERENCES),
        "checked": checked,
        "submitter": entry.submitter.name,
        "licence": entry.licence,
        "date": entry.date,
    }
    return {name: plain(value) if isinstance(value, str) else value for name, value in row.items()}


def page_name(entry: LeaderboardEntry) -> str:
    """Return where the entry's page stands in the site; an id is nothing but hexadecimal digits."""
    return f"entries/{entry.id}.html"


def device_share(entry: LeaderboardEntry) -> float | None:
    """Return the device bytes as a share of the model's whole cache, None where that is not known."""
    whole = entry.model.full_bytes_per_token
    return entry.figures.device_bytes_per_token / whole if whole else None


def budget_class(share: float | None) -> str:
    """Return the class of a share of the whole cache."""
    if share is None:
        return UNKNOWN
    return next((name for name, most in BUDGET_CLASSES.items() if share <= most * _ROUNDING), ABOVE)


def csv_text(rows: Sequence[Mapping[str, Value]]) -> str:
    """Return the rows as CSV; a text that a spreadsheet would compute has a `'` before it."""
    lines = io.StringIO()
    if rows:
        writer = csv.DictWriter(lines, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows({name: _inert(value) for name, value in row.items()} for row in rows)
    return lines.getvalue()


def _inert(value: Value) -> Value:
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@")) else value


def _rounded(value: float | None, digits: int) -> float | None:
    if value is None:
        return None
    near = round(value, digits)
    return int(near) if near == int(near) else near


def _interval(name: str, bounds: tuple[float, float] | None, digits: int) -> Row:
    low, high = (None, None) if bounds is None else bounds
    return {f"{name}_low": _rounded(low, digits), f"{name}_high": _rounded(high, digits)}
