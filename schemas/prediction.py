"""One line of a prediction file: what a model wrote for one sample."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Prediction(BaseModel):
    """A model's raw answer to one sample; a line of `predictions.jsonl`."""

    model_config = ConfigDict(extra="allow", frozen=True)  # people keep columns of their own in these files

    id: str
    output: str
    """The raw text, nothing stripped."""
    finish_reason: Literal["stop", "length"] | None = None
    """`stop`: the model ended its answer; `length`: the generation limit cut it off."""
    prompt_tokens: int | None = Field(default=None, ge=0)
    output_tokens: int | None = Field(default=None, ge=0)
