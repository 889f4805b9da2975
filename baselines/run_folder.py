"""A run folder: `run.json`, `predictions.jsonl` and `measurements.jsonl`, appended batch by batch.

A run that was killed leaves at most a torn last line, which is cut off when the run goes on.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from text2json.errors import DataError
from text2json.schemas.prediction import Prediction
from text2json.schemas.run import Measurement, Run, RunSettings

Line = TypeVar("Line", bound=BaseModel)


@dataclass(frozen=True)
class RunFolder:
    """The files of one run below `path`."""

    path: Path

    @property
    def predictions(self) -> Path:
        """The prediction file."""
        return self.path / "predictions.jsonl"

    @property
    def measurements(self) -> Path:
        """What each batch took."""
        return self.path / "measurements.jsonl"

    def open(self, run: Run) -> Run:
        """Start `run` here, or return the run that was begun here under the same settings.

        Raises:
            DataError: the folder holds another run, or files that are none.
        """
        file = self.path / "run.json"
        if not file.exists():
            if self.path.exists() and not self.path.is_dir():
                raise DataError("is no folder", file=self.path, remedy="choose another --out")
            if self.path.exists() and any(self.path.iterdir()):
                raise DataError("the folder is not empty and holds no run", file=self.path,
                                remedy="choose another --out")  # fmt: skip
            self.path.mkdir(parents=True, exist_ok=True)
            self.save(run)
            return run
        begun = self.load()
        different = differences(begun.settings, run.settings)
        if different:
            raise DataError(f"the folder holds another run: {'; '.join(different)}", file=file,
                            remedy="choose another --out, or remove the folder")  # fmt: skip
        for lines in (self.predictions, self.measurements):
            cut_torn_line(lines)
        return begun

    def load(self) -> Run:
        """Read `run.json`.

        Raises:
            DataError: it is missing or broken.
        """
        file = self.path / "run.json"
        try:
            return Run.model_validate_json(file.read_bytes())
        except FileNotFoundError:
            raise DataError("no run here", file=file, remedy="give a folder written by `text2json run`") from None
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise DataError(f"broken: {where}: {first['msg']}", file=file, remedy="remove the folder") from None

    def exists(self) -> bool:
        """Tell whether a run was begun here."""
        return (self.path / "run.json").exists()

    def finished(self) -> bool:
        """Tell whether a run stands here with every prediction."""
        return self.exists() and self.load().finished is not None

    def save(self, run: Run) -> None:
        """Write `run.json`; it changes as a whole or not at all."""
        draft = self.path / "run.json.draft"
        draft.write_text(run.model_dump_json(indent=2) + "\n", encoding="utf-8")
        draft.replace(self.path / "run.json")

    def done(self) -> set[str]:
        """Return the ids that have their prediction."""
        return {prediction.id for prediction in read_lines(self.predictions, Prediction)}

    def append(self, predictions: Sequence[Prediction], measurement: Measurement) -> None:
        """Add a batch; its predictions go down together before its measurement."""
        append_lines(self.predictions, predictions)
        append_lines(self.measurements, [measurement])


def differences(old: RunSettings, new: RunSettings) -> list[str]:
    """Say which settings of two runs differ."""
    before, after = old.model_dump(), new.model_dump()
    return [f"{name} is {before[name]!r}, not {after[name]!r}" for name in before if before[name] != after[name]]


def read_lines(file: Path, model: type[Line]) -> list[Line]:
    """Read a JSONL file of `model`; a missing file has no lines.

    Raises:
        DataError: names the line that is none.
    """
    if not file.exists():
        return []
    lines = []
    for number, text in enumerate(file.read_bytes().splitlines(), start=1):
        try:
            lines.append(model.model_validate_json(text))
        except ValidationError as error:
            raise DataError(f"broken line: {error.errors()[0]['msg']}", file=file, line=number,
                            remedy="remove the line; its sample is then answered again") from None  # fmt: skip
    return lines


def append_lines(file: Path, lines: Sequence[BaseModel]) -> None:
    """Append `lines` in one write."""
    text = "".join(json.dumps(line.model_dump(exclude_none=True), ensure_ascii=False) + "\n" for line in lines)
    with file.open("a", encoding="utf-8") as stream:
        stream.write(text)


def cut_torn_line(file: Path) -> None:
    """Cut off what stands after the last newline: the rest of a write that was interrupted."""
    if not file.exists():
        return
    content = file.read_bytes()
    whole = content.rfind(b"\n") + 1
    if whole < len(content):
        with file.open("r+b") as stream:
            stream.truncate(whole)
