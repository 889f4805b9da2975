"""Read prediction files: JSONL with `id` and `output`, alone or in a run folder."""

from __future__ import annotations

import json
from pathlib import Path

from text2json.errors import DataError


def read_predictions(path: Path) -> dict[str, str]:
    """Return id → output.

    Raises:
        DataError: the file is missing, a line is no prediction, or an id stands twice.
    """
    file = path / "predictions.jsonl" if path.is_dir() else path
    if not file.exists():
        raise DataError("no such prediction file", file=file,
                        remedy="give JSONL with `id` and `output`, or a run folder")  # fmt: skip
    outputs: dict[str, str] = {}
    with file.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                name, output = _prediction(line, file, number)
                if name in outputs:
                    raise DataError(f"id {name!r} stands twice", file=file, line=number, remedy="remove one line")
                outputs[name] = output
    return outputs


def _prediction(line: bytes, file: Path, number: int) -> tuple[str, str]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        raise DataError("no JSON", file=file, line=number, remedy="mend or remove the line") from None
    if not isinstance(row, dict) or not isinstance(row.get("id"), str) or not isinstance(row.get("output"), str):
        raise DataError("no prediction", file=file, line=number,
                        remedy='a line is {"id": "...", "output": "..."}, both text')  # fmt: skip
    return row["id"], row["output"]
