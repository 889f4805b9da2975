"""What a sweep file may say, and how it is read."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from text2json.errors import DataError, SpecError, did_you_mean

READY = Path(__file__).parent / "ready"
"""The sweeps that come with the package, one file each."""

Value = int | float | str


class Part(BaseModel):
    """Base of what a sweep file holds; an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class StrategyRow(Part):
    """A strategy, once for each combination of its options' values."""

    spec: str
    label: str | None = None
    """How tables and pictures call it; the strategy's name unless given."""
    options: dict[str, list[Value]] = Field(default_factory=dict)


class ConfigurationRow(Part):
    """Documents of one configuration; they are made once, below the sweep's folder."""

    config: str
    label: str | None = None
    samples: int = Field(default=50, ge=1)
    seed: int = 0
    split: str = "test"
    knobs: dict[str, int | str | bool | list[int] | list[str]] = Field(default_factory=dict)
    """Settings that differ from the configuration's; two numbers are a range."""


class TaskRow(Part):
    """A task, with data where it needs some."""

    task: str
    label: str | None = None
    data: str | None = None


class DataRow(Part):
    """Plain data: a folder, a JSONL file or a Hub id."""

    data: str
    label: str | None = None


class Equal(Part):
    """Byte budgets: each strategy but the baseline is run once for each, with the parameters that make it fit.

    Bytes are for one prompt token and kv-head, mean over layers, as in `text2json run --device-bytes-per-token`.
    """

    device: list[float] = Field(default_factory=list)
    """Kept on the device."""
    traffic: list[float] = Field(default_factory=list)
    """Moved from host to device in one step."""

    @model_validator(mode="after")
    def _has_a_budget(self) -> Equal:
        if not (self.device or self.traffic):
            raise ValueError("names no budget: give device or traffic, each a list of bytes")
        return self


class Picture(Part):
    """A picture of the table."""

    kind: Literal["lines", "points", "bars", "decomposition"]
    """Lines of a figure over `x`; points of a figure over bytes, with their frontier; bars of strategies by data."""
    x: str = "device_bytes_per_token"
    """A column of the table."""
    y: str = "score"
    series: str = "name"
    """The column whose values are drawn apart."""
    title: str | None = None


class Sweep(Part):
    """A whole sweep file."""

    title: str
    about: str = ""
    models: list[str] = Field(min_length=1)
    configurations: list[ConfigurationRow] = Field(default_factory=list)
    tasks: list[TaskRow] = Field(default_factory=list)
    data: list[DataRow] = Field(default_factory=list)
    strategies: list[StrategyRow] = Field(min_length=1)
    baseline: str = "full"
    """The strategy that differences are taken from; it is always run."""
    equal: Equal | None = None
    decompose: bool = False
    """Run each strategy's selection alone, its stores alone, and the best selection alone too."""
    limit: int | None = Field(default=None, ge=1)
    """Answer the first samples only."""
    max_new_tokens: int | None = Field(default=None, ge=1)
    batch_size: int = Field(default=1, ge=1)
    pictures: list[Picture] = Field(default_factory=list)

    @field_validator("strategies", "configurations", "tasks", "data", mode="before")
    @classmethod
    def _words(cls, rows: Any, info: Any) -> Any:
        """Let a plain word stand for a row that has no more to say."""
        key = {"strategies": "spec", "configurations": "config", "tasks": "task", "data": "data"}[info.field_name]
        return [{key: row} if isinstance(row, str) else row for row in rows] if isinstance(rows, list) else rows

    @model_validator(mode="after")
    def _has_data(self) -> Sweep:
        if not (self.configurations or self.tasks or self.data):
            raise ValueError("names no data: give configurations, tasks or data")
        return self


def ready_names() -> list[str]:
    """Return the names of the sweeps that come with the package."""
    return sorted(file.stem for file in READY.glob("*.yaml"))


def read_sweep(name: str) -> Sweep:
    """Return a sweep that comes with the package, or one from a file.

    Raises:
        SpecError: there is neither.
        DataError: the file is no sweep; says where and what.
    """
    file = READY / f"{name}.yaml" if name in ready_names() else Path(name)
    try:
        text = file.read_text(encoding="utf-8")
    except (FileNotFoundError, IsADirectoryError):
        raise SpecError(f"no sweep {name!r}: neither a file nor one that comes with the package",
                        remedy=did_you_mean(name, ready_names())) from None  # fmt: skip
    except UnicodeDecodeError:
        raise DataError("is no UTF-8 text", file=file, remedy="give a YAML file") from None
    return parse_sweep(text, file)


def parse_sweep(text: str, file: Path) -> Sweep:
    """Return the sweep that `text`, the content of `file`, declares.

    Raises:
        DataError: it declares none.
    """
    import yaml

    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise DataError(f"is no YAML: {getattr(error, 'problem', None) or 'it cannot be read'}", file=file,
                        line=None if mark is None else mark.line + 1, remedy="mend the file") from None  # fmt: skip
    try:
        return Sweep.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        what = {"extra_forbidden": "no such key", "missing": "missing"}.get(first["type"], first["msg"])
        remedy = did_you_mean(str(first["loc"][-1]), Sweep.model_fields) if first["type"] == "extra_forbidden" else None
        raise DataError(f"{where}: {what}" if where else what, file=file,
                        remedy=remedy or "see docs/sweeps.md for what a sweep file holds") from None  # fmt: skip
