"""The paper's JSONL, one `{"problem": ..., "answer": ...}` a line: write it, and turn it into a data folder."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from text2json.batches import no_utf8
from text2json.drafts import whole_file
from text2json.errors import DataError
from text2json.schemas.sample import Sample


def paper_row(sample: Sample) -> dict[str, Any]:
    """Return a sample in the paper's form."""
    return {"problem": sample.problem, "answer": sample.answer}


def export_jsonl(samples: Iterable[Sample], file: Path, *, row: Callable[[Sample], dict[str, Any]] = paper_row) -> int:
    """Write samples as JSONL and return how many; the file appears when it is whole.

    Args:
        samples: what to write.
        file: must not exist.
        row: what stands in a line; the paper's form unless given.

    Raises:
        DataError: the file exists, or cannot be written, or a text has no UTF-8.
    """
    if file.exists():
        raise DataError("exists", file=file, remedy="choose another --out")
    count = 0
    with whole_file(file) as draft, draft.open("w", encoding="utf-8", newline="\n") as lines:
        for sample in samples:
            try:
                lines.write(json.dumps(row(sample), ensure_ascii=False) + "\n")
            except UnicodeEncodeError:
                raise no_utf8(sample) from None
            count += 1
    return count
