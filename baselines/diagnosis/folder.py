"""A folder of a diagnosis: `diagnosis.json`, and for each strategy a folder with a line for each sample.

A diagnosis that was stopped goes on where it stopped; other strategies may be added to it later.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from text2json.baselines.run_folder import append_lines, cut_torn_line
from text2json.errors import DataError
from text2json.schemas.diagnosis import Diagnosis, SampleLine


@dataclass(frozen=True)
class DiagnosisFolder:
    """The files of one diagnosis below `path`."""

    path: Path

    @property
    def file(self) -> Path:
        """What was diagnosed, on what."""
        return self.path / "diagnosis.json"

    def lines_file(self, name: str) -> Path:
        """Return the file of the samples under the strategy whose folder is `name`."""
        return self.path / name / "samples.jsonl"

    def open(self, diagnosis: Diagnosis, names: list[str]) -> None:
        """Start here, or go on under the same settings.

        Raises:
            DataError: the folder holds another diagnosis, or files that are none.
        """
        if self.file.exists():
            self._same(diagnosis)
        elif self.path.exists() and (not self.path.is_dir() or any(self.path.iterdir())):
            raise DataError("the folder is not empty and holds no diagnosis", file=self.path,
                            remedy="choose another --out")  # fmt: skip
        else:
            self.path.mkdir(parents=True, exist_ok=True)
            draft = self.path / "diagnosis.json.draft"
            draft.write_text(diagnosis.model_dump_json(indent=2) + "\n", encoding="utf-8")
            draft.replace(self.file)
        for name in names:
            (self.path / name).mkdir(exist_ok=True)
            cut_torn_line(self.lines_file(name))

    def _same(self, diagnosis: Diagnosis) -> None:
        try:
            begun = Diagnosis.model_validate_json(self.file.read_bytes())
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise DataError(f"broken: {where}: {first['msg']}", file=self.file, remedy="remove the folder") from None
        before, after = begun.settings.model_dump(), diagnosis.settings.model_dump()
        changed = [f"{name} is {before[name]!r}, not {after[name]!r}" for name in before if before[name] != after[name]]
        if changed:
            raise DataError(f"the folder holds another diagnosis: {'; '.join(changed)}", file=self.file,
                            remedy="choose another --out, or remove the folder")  # fmt: skip

    def lines(self, name: str) -> Iterator[SampleLine]:
        """Yield the samples that are done, one at a time.

        Raises:
            DataError: a line is broken.
        """
        file = self.lines_file(name)
        if not file.exists():
            return
        with file.open("rb") as stream:
            for number, text in enumerate(stream, start=1):
                try:
                    yield SampleLine.model_validate_json(text)
                except ValidationError as error:
                    raise DataError(f"broken line: {error.errors()[0]['msg']}", file=file, line=number,
                                    remedy="remove the line; its sample is then diagnosed again") from None  # fmt: skip

    def append(self, name: str, line: SampleLine) -> None:
        """Add a sample."""
        append_lines(self.lines_file(name), [line])
