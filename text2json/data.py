"""Read samples: from a folder or file written by `generate`, the paper's JSONL, or a data set on the Hub."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from text2json.errors import DataError
from text2json.schemas.canonical import canonical_json
from text2json.schemas.sample import Sample, sample_from_row

if TYPE_CHECKING:
    import datasets

PREFERRED_SPLIT = "test"


def load(data: str | Path) -> datasets.Dataset:
    """Return `data` as a `datasets.Dataset` with the columns of `Sample`.

    Args:
        data: a folder or file written by `generate`, a JSONL file of the paper's form, or a Hub id with optional
            `@revision`. A folder or id may be followed by `:config` or `:config/split`. What `text2json publish` put on
            the Hub is held to its manifest.

    Raises:
        DataError: there is no such data, or it is broken.
    """
    import datasets

    return datasets.Dataset.from_list([sample.to_dict() for sample in iter_samples(data)])


def iter_samples(data: str | Path) -> Iterator[Sample]:
    """Yield the samples of `data`, read piece by piece; see `load` for what it may be.

    Raises:
        DataError: there is no such data, or it is broken.
    """
    text = str(data)
    path, choice = _local(text)
    if path is None:
        rows = _hub_rows(text)
    elif path.is_dir():
        rows = parquet_samples(_file_in(path, choice))
    elif path.suffix == ".parquet":
        rows = parquet_samples(path)
    else:
        rows = _jsonl_rows(path)
    return _unique(rows, text)


def _local(text: str) -> tuple[Path | None, str]:
    """Return the local path that `text` names, and what follows its colon; no path for a Hub id."""
    if os.path.exists(text):  # noqa: PTH110 - Path's own fails on a text that is too long for a name
        return Path(text), ""
    head, _, choice = text.rpartition(":")
    if head and Path(head).is_dir():
        return Path(head), choice
    identifier = text.partition(":")[0].partition("@")[0]
    if identifier.count("/") != 1 or identifier.startswith((".", "/", "~")) or Path(identifier).suffix:
        raise DataError(
            "no such file or folder",
            file=text,
            remedy="give a folder written by `text2json generate`, a JSONL file or a Hub id",
        )
    return None, ""


def _file_in(folder: Path, choice: str) -> Path:
    """Return the Parquet file of `choice`, `config` or `config/split`, in a data folder."""
    config, _, split = choice.partition("/")
    files = sorted(folder.glob("*/*.parquet"))
    found = [file for file in files if config in ("", file.parent.name) and split in ("", file.stem)]
    if len(found) > 1:
        found = [file for file in found if file.stem == PREFERRED_SPLIT] or found
    if len(found) != 1:
        known = ", ".join(f"{folder}:{file.parent.name}/{file.stem}" for file in files) or "none"
        raise DataError("no data here" if not found else "holds several data sets", file=folder,
                        remedy=f"give one of: {known}")  # fmt: skip
    return found[0]


def parquet_samples(file: Path) -> Iterator[Sample]:
    """Yield the samples of one Parquet file.

    Raises:
        DataError: it is no Parquet, or its rows are no samples.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        for batch in pq.ParquetFile(file).iter_batches(256):
            for row in batch.to_pylist():
                yield sample_from_row(row, file=str(file))
    except pa.ArrowException as error:
        raise DataError(f"no Parquet: {error}", file=file, remedy="write it again with `text2json generate`") from None


def _jsonl_rows(file: Path) -> Iterator[Sample]:
    with file.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except (ValueError, RecursionError):
                raise DataError("no JSON", file=file, line=number, remedy="mend or remove the line") from None
            yield _row_sample(row, file, number)


def _row_sample(row: Any, file: Path, number: int) -> Sample:
    if not isinstance(row, dict):
        raise DataError("no JSON object", file=file, line=number, remedy="a line is one sample")
    if set(row) == {"problem", "answer"}:
        return paper_sample(row["problem"], row["answer"], number - 1, file=file)
    return sample_from_row(row, file=str(file), line=number)


def paper_sample(problem: Any, answer: Any, index: int, *, file: Path) -> Sample:
    """Turn a line of the paper's file into a sample; its id is `paper-` and its place, counted from 0.

    Raises:
        DataError: the answer is no JSON list of objects.
    """
    try:
        records = json.loads(answer) if isinstance(answer, str) else answer
        keys = sorted(records[0]) if records else []
        valid = (
            isinstance(problem, str)
            and isinstance(records, list)
            and all(isinstance(record, dict) for record in records)
        )
        text = canonical_json(records)
    except (ValueError, TypeError, KeyError, RecursionError):
        valid = False
    if not valid:
        raise DataError("`answer` is no JSON list of records", file=file, line=index + 1,
                        remedy="the paper's form is {problem: text, answer: JSON list as text}")  # fmt: skip
    schema = {
        "type": "array",
        "x-key": "name",
        "items": {"type": "object", "properties": {key: {"type": "string"} for key in keys}, "required": keys},
    }
    return Sample(
        id=f"paper-{index:06d}", domain="", kind="external", problem=problem, answer=text,
        schema=canonical_json(schema), text_span=[0, len(problem)], evidence="[]", knobs="{}", canary="",
    )  # fmt: skip


def _hub_rows(text: str) -> Iterator[Sample]:
    from text2json.hub import HubClient
    from text2json.hub_data import published_samples

    published = published_samples(text, HubClient(tries=1))  # downloads are tried again by themselves
    yield from _loaded_rows(text) if published is None else published


def _loaded_rows(text: str) -> Iterator[Sample]:
    """Yield the samples of a data set of any other layout, as `datasets` loads it."""
    import datasets
    from huggingface_hub.errors import HfHubHTTPError

    head, _, config = text.partition(":")
    identifier, _, revision = head.partition("@")
    try:
        data = datasets.load_dataset(identifier, config or None, revision=revision or None, split=PREFERRED_SPLIT)
    except (OSError, ValueError, HfHubHTTPError) as error:
        reason = str(error).strip().splitlines()[0]
        raise DataError(f"cannot be loaded: {reason}", file=text,
                        remedy="check the id, or give a local folder or JSONL file") from error  # fmt: skip
    for number, row in enumerate(data):
        if set(row) == {"problem", "answer"}:
            yield paper_sample(row["problem"], row["answer"], number, file=Path(text))
        else:
            yield sample_from_row(row, file=text)


def _unique(samples: Iterator[Sample], place: str) -> Iterator[Sample]:
    """Pass `samples` on, and refuse a second one of the same id."""
    seen: set[str] = set()
    for sample in samples:
        if sample.id in seen:
            raise DataError(f"sample {sample.id!r} stands twice", file=place, remedy="ids must be unique")
        seen.add(sample.id)
        yield sample
    if not seen:
        raise DataError("holds no samples", file=place, remedy="write it again with `text2json generate`")
