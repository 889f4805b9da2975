"""Verdicts that `text2json leaderboard verify --format json` printed, read back."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from text2json.errors import DataError
from text2json.leaderboard.verification import Mark


class Verdict(BaseModel):
    """One entry's."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    place: str
    id: str | None
    ok: bool
    problems: list[str]
    notes: list[str]
    accuracy: Mark
    memory: Mark
    time: Mark


class Verdicts(BaseModel):
    """All of them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    ok: bool
    rows: list[Verdict]


def read_verdicts(file: Path) -> dict[str, Verdict]:
    """Return place → verdict.

    Raises:
        DataError: the file cannot be read, or holds something else.
    """
    try:
        found = Verdicts.model_validate_json(file.read_bytes())
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", file=file, remedy="give a file") from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "the file"
        raise DataError(f"{place}: {first['msg']}", file=file,
                        remedy="give what `text2json leaderboard verify --format json` printed") from None  # fmt: skip
    return {row.place: row for row in found.rows}
