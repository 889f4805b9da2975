"""One row of the leaderboard: `entry.json`, which stands beside the `predictions.jsonl` that it was scored from."""

from __future__ import annotations

import datetime
import hashlib
import json
import re
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from text2json.schemas.canonical import canonical_json
from text2json.schemas.run import RunFigures

RESULTS = "results"
ENTRY_FILE, PREDICTIONS_FILE = "entry.json", "predictions.jsonl"
SCHEMA_FILE = Path(__file__).with_name("entry.schema.json")

Name = Annotated[str, Field(min_length=1, max_length=200)]
"""Shown as it is, so that whoever shows it must escape it."""
Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
LARGEST = 2**63
"""Of whole numbers, so that every reader's numbers can hold them."""
Count = Annotated[int, Field(ge=0, le=LARGEST)]
Rate = Annotated[float, Field(ge=0, le=1)]
Interval = tuple[Rate, Rate]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class EntryModel(_Part):
    """Which model answered."""

    name: Name
    """A bundled reader, or ORG/NAME."""
    revision: Name | None
    """The Hub's commit, or the hash of a bundled reader's weights."""
    family: Name | None = None
    """The architecture, as in `llama`."""
    parameters: Count | None = None
    full_bytes_per_token: float | None = Field(default=None, ge=0)
    """What its whole cache takes per prompt token, all layers, in the run's own precision."""


class EntryStrategy(_Part):
    """How its cache was kept."""

    name: Name
    spec: Annotated[str, Field(min_length=1, max_length=1000)]
    """With every option resolved."""
    options: dict[str, str]
    """The spec's options, as it writes them."""


class EntryDataset(_Part):
    """What it answered: a configuration's split of a frozen version, or the first samples of one."""

    version: Name
    config: Name
    split: Name
    seed: int
    samples: int = Field(ge=1)
    of: int = Field(ge=1)
    """How many the configuration's split has."""
    sha256: Hash
    """Of the canonical JSONL of these samples."""

    @property
    def label(self) -> str:
        """The configuration's name; `short-first-100` for its first 100 samples."""
        whole = self.config if self.split == "test" else f"{self.config}-{self.split}"
        return whole if self.samples == self.of else f"{whole}-first-{self.samples}"


class EntrySettings(_Part):
    """How the run was made."""

    max_new_tokens: int = Field(ge=1)
    batch_size: int = Field(ge=1)
    seed: int = 0
    dtype: Name
    device: Name
    started: Name
    finished: Name


class EntryShares(_Part):
    """Precision, recall and F1, and the counts behind them."""

    right: Count
    predicted: Count
    gold: Count
    precision: Rate
    recall: Rate
    f1: Rate
    precision_interval: Interval
    """95 %, over samples, as all intervals."""
    recall_interval: Interval
    f1_interval: Interval


class EntryScores(_Part):
    """What `text2json score` says of the predictions."""

    signature: Annotated[str, Field(max_length=1000)]
    records: EntryShares
    fields: EntryShares
    macro_record_f1: Rate
    macro_record_f1_interval: Interval
    macro_field_f1: Rate
    macro_field_f1_interval: Interval
    exact_documents: Rate
    exact_documents_interval: Interval
    schema_valid: Rate
    paper: Annotated[float, Field(ge=0, le=100)] | None
    """The paper's score, where the gold has its form."""
    paper_interval: tuple[float, float] | None
    by_domain: dict[str, Rate]
    """Record F1."""
    statuses: dict[str, Count]
    errors: dict[str, Count]


class Submitter(_Part):
    """Who sends the entry."""

    name: Name
    """Of the Hub's user or organisation, where it was sent there."""
    url: Annotated[str, Field(max_length=300)] | None = None


class FileFacts(_Part):
    """The prediction file."""

    sha256: Hash
    bytes: Count
    lines: Count


class LeaderboardEntry(_Part):
    """`entry.json`."""

    format: Literal["text2json-entry-1"] = "text2json-entry-1"
    id: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
    model: EntryModel
    strategy: EntryStrategy
    dataset: EntryDataset
    settings: EntrySettings
    scores: EntryScores
    figures: RunFigures
    """Memory, traffic and time, as the run measured them."""
    hardware: dict[str, str | Count | float]
    versions: dict[str, str]
    predictions: FileFacts
    submitter: Submitter
    licence: Name
    """Of the predictions."""
    date: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")]
    notes: Annotated[str, Field(max_length=2000)] = ""

    @field_validator("date")
    @classmethod
    def _is_a_day(cls, text: str) -> str:
        datetime.date.fromisoformat(text)
        return text

    @field_validator("figures")
    @classmethod
    def _is_no_less_than_nothing(cls, figures: RunFigures) -> RunFigures:
        for name, value in figures.model_dump().items():
            parts = value.values() if isinstance(value, dict) else [value]
            if any(isinstance(part, int | float) and not 0 <= part <= LARGEST for part in parts):
                raise ValueError(f"{name} is below 0, or too large")
        return figures

    @property
    def folder(self) -> PurePosixPath:
        """Where it stands in a repository: `results/<model>/<strategy>/<config>/<id>`."""
        parts = (self.model.name, self.strategy.name, self.dataset.label, self.id)
        return PurePosixPath(RESULTS, *map(folder_name, parts))

    @property
    def computed_id(self) -> str:
        """The id that its content gives."""
        return identity(self.model, self.strategy, self.dataset, self.settings, self.hardware, self.predictions)

    def text(self) -> str:
        """Return it as its file holds it."""
        return json.dumps(self.model_dump(mode="json"), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def identity(
    model: EntryModel,
    strategy: EntryStrategy,
    dataset: EntryDataset,
    settings: EntrySettings,
    hardware: dict[str, Any],
    predictions: FileFacts,
) -> str:
    """Return an entry's id: the same answers of the same run are one entry, whoever sends them and whenever.

    The same answers from other hardware are another entry, since their times differ.
    """
    run = settings.model_dump(exclude={"started", "finished"})
    parts = [model.name, model.revision, strategy.spec, dataset.sha256, run, hardware, predictions.sha256]
    return hashlib.sha256(canonical_json(parts).encode()).hexdigest()[:16]


def folder_name(name: str) -> str:
    """Return `name` as the name of one folder: `/` is `__`, every other sign outside of words is `_`."""
    return re.sub(r"[^A-Za-z0-9.,=@_-]", "_", name.replace("/", "__")).lstrip(".") or "_"


def schema_text() -> str:
    """Return the JSON Schema of an entry as its shipped file holds it."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **LeaderboardEntry.model_json_schema()}
    return json.dumps(schema, indent=2, sort_keys=True) + "\n"
