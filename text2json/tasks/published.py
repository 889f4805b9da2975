"""Data sets where they are published: find the files in a local folder or on the Hub, and read their rows."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from text2json.errors import DataError, SpecError

MOST = 8
"""Files that a message names."""


@dataclass(frozen=True)
class Row:
    """One object of a file, and where it stands."""

    values: dict[str, Any]
    file: Path
    line: int

    def text(self, key: str) -> str:
        """Return a text.

        Raises:
            DataError: there is none under `key`.
        """
        return str(self._of(key, str, "text"))

    def texts(self, key: str) -> list[str]:
        """Return a list of texts, of which there is at least one.

        Raises:
            DataError: there is none under `key`.
        """
        value = self._of(key, list, "list of texts")
        if not value or not all(isinstance(item, str) for item in value):
            raise self.fault(f"{key!r} is no list of texts")
        return list(value)

    def number(self, key: str) -> int:
        """Return a whole number.

        Raises:
            DataError: there is none under `key`.
        """
        return int(self._of(key, int, "whole number"))

    def path(self, name: str) -> Path:
        """Return a relative path that the row names.

        Raises:
            DataError: it leads out of its folder.
        """
        path = Path(name)
        if path.is_absolute() or ".." in path.parts:
            raise self.fault(f"the path {name!r} leads out of its folder")
        return path

    def fault(self, message: str) -> DataError:
        """Return an error that names the place."""
        return DataError(message, file=self.file, line=self.line, remedy="the file must be as it was published")

    def _of(self, key: str, kind: type, what: str) -> Any:
        value = self.values.get(key)
        if not isinstance(value, kind):
            raise self.fault(f"{key!r} is no {what}" if key in self.values else f"there is no {key!r}")
        return value


def local_path(data: str | None, *, task: str, default: str | None = None, patterns: Sequence[str] = ()) -> Path:
    """Return the local file or folder of a data set; one on the Hub is fetched first.

    Args:
        data: a path, or a Hub id with optional `@revision`.
        task: who asks, for messages.
        default: the Hub id where the data is published.
        patterns: which files of the Hub are fetched; all of them without any.

    Raises:
        SpecError: data must be named.
        DataError: there is no such data.
    """
    named = data if data is not None else default
    if named is None:
        raise SpecError(f"{task} needs its data", remedy="give --data FOLDER, FILE or ORG/NAME of the Hub")
    path = Path(named)
    if path.exists():
        return path
    identifier, _, revision = named.partition("@")
    if identifier.count("/") != 1 or identifier.startswith((".", "/", "~")):
        raise DataError("no such file or folder", file=named, remedy="give a local copy, or ORG/NAME of the Hub")
    return _fetched(identifier, revision or None, patterns)


def _fetched(identifier: str, revision: str | None, patterns: Sequence[str]) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError

    try:
        folder = snapshot_download(
            identifier, repo_type="dataset", revision=revision, allow_patterns=list(patterns) or None
        )
    except (OSError, ValueError, HfHubHTTPError) as error:
        reason = str(error).strip().splitlines()[0]
        raise DataError(f"cannot be fetched: {reason}", file=identifier,
                        remedy="check the id and the network, or give a local copy") from error  # fmt: skip
    return Path(folder)


def one_file(path: Path, patterns: Sequence[str], *, task: str, remedy: str) -> Path:
    """Return the file that `path` is, or the only one in that folder that the first fruitful pattern finds.

    Raises:
        DataError: there is none, or there are several.
    """
    if path.is_file():
        return path
    for pattern in patterns:
        found = sorted(file for file in path.rglob(pattern) if file.is_file())
        if len(found) == 1:
            return found[0]
        if found:
            names = ", ".join(str(file) for file in found[:MOST])
            raise DataError(f"holds {len(found)} files for {task}: {names}", file=path, remedy=remedy)
    raise DataError(f"holds no {patterns[0]} for {task}", file=path, remedy=remedy)


def read_rows(file: Path) -> Iterator[Row]:
    """Yield the rows of a JSONL, JSON or Parquet file.

    Raises:
        DataError: the file is broken, or holds no rows.
    """
    count = 0
    for count, values in enumerate(_values(file), start=1):
        if not isinstance(values, dict):
            raise DataError("no JSON object", file=file, line=count, remedy="the file must be as it was published")
        yield Row(values, file, count)
    if not count:
        raise DataError("holds no rows", file=file, remedy="the file must be as it was published")


def _values(file: Path) -> Iterator[Any]:
    if file.suffix == ".parquet":
        yield from _parquet(file)
    elif file.suffix == ".json":
        rows = read_json(file)
        if not isinstance(rows, list):
            raise DataError("no JSON list", file=file, remedy="the file must be as it was published")
        yield from rows
    else:
        with file.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                try:
                    yield json.loads(line)
                except (ValueError, RecursionError):
                    raise DataError("no JSON", file=file, line=number,
                                    remedy="the file must be as it was published") from None  # fmt: skip


def _parquet(file: Path) -> Iterator[Any]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        for batch in pq.ParquetFile(file).iter_batches(64):
            yield from batch.to_pylist()
    except pa.ArrowException as error:
        raise DataError(f"no Parquet: {error}", file=file, remedy="fetch it again") from None


def read_json(file: Path) -> Any:
    """Return the value of a JSON file.

    Raises:
        DataError: it is missing or broken.
    """
    try:
        return json.loads(file.read_bytes())
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", file=file, remedy="fetch it again") from None
    except (ValueError, RecursionError):
        raise DataError("no JSON", file=file, remedy="fetch it again") from None


def occurrences(text: str, part: str, low: int = 0) -> list[tuple[int, int]]:
    """Return where `part` stands in `text`, without overlaps."""
    found = []
    start = text.find(part, low) if part else -1
    while start >= 0:
        found.append((start, start + len(part)))
        start = text.find(part, start + len(part))
    return found
