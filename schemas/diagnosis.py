"""What a diagnosis writes down of each sample; its tables and pictures are made of these lines."""

from __future__ import annotations

from typing import Final, Literal

from pydantic import BaseModel, ConfigDict

Cause = Literal["not_selected", "badly_rebuilt", "own_mistake"]
OWN_MISTAKE: Final = "own_mistake"
NOT_SELECTED: Final = "not_selected"
BADLY_REBUILT: Final = "badly_rebuilt"
CAUSES: tuple[Cause, ...] = (NOT_SELECTED, BADLY_REBUILT, OWN_MISTAKE)


class DiagnosisSettings(BaseModel):
    """What decides a diagnosis; a folder is continued only under equal settings."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str
    model_revision: str | None
    data: str
    data_sha256: str
    samples: int
    max_new_tokens: int
    dtype: str
    device: str


class Diagnosis(BaseModel):
    """`diagnosis.json`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal["text2json-diagnosis-1"] = "text2json-diagnosis-1"
    settings: DiagnosisSettings
    versions: dict[str, str]
    started: str
    """UTC, ISO 8601."""


class Scored(BaseModel):
    """An output and its counts."""

    model_config = ConfigDict(extra="forbid")

    output: str
    finish_reason: str
    records: tuple[int, int, int]
    """Right, predicted, gold."""
    fields: tuple[int, int, int]


class LeafLine(BaseModel):
    """One leaf of the gold.

    Recall is None where the leaf's value is not stated, or was not written under full attention.
    """

    model_config = ConfigDict(extra="forbid")

    record: int
    field: str
    gold: str
    """The value's JSON."""
    full_verdict: str
    verdict: str
    cause: Cause | None = None
    located: bool | None = None
    """Of a wrong leaf: its first wrong token is named; false where the output's first departure stands for it."""
    wrong_token: int | None = None
    """Place of the first wrong token in the output."""
    wrote: str | None = None
    full_writes: str | None = None
    """What exact attention writes there after the same tokens."""
    steps: int = 0
    """Steps of the forced run that write it."""
    recall_any: float | None = None
    recall_carried: float | None = None
    recall_mass: float | None = None
    divergence: float | None = None
    recall_any_at_fault: float | None = None
    """In the strategy's own run, at the step that wrote the first wrong token."""
    recall_carried_at_fault: float | None = None


class SampleLine(BaseModel):
    """One sample under one strategy."""

    model_config = ConfigDict(extra="forbid")

    id: str
    strategy: str
    prompt_tokens: int
    full: Scored
    own: Scored
    same_output: bool
    layers: list[int]
    """The layers observed, counted from 0."""
    sums: dict[str, list[list[float]]]
    """Figure → (layers, heads); see docs/diagnosis.md."""
    course: dict[str, list[float]]
    """Figure → (steps,)."""
    leaves: list[LeafLine]
    seconds: float
