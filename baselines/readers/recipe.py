"""Training recipes: TOML files that say what a reader learns from, in which order, and how fast."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from text2json.errors import DataError, SpecError, did_you_mean

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FOLDER = Path(__file__).parent / "recipes"


class Stage(BaseModel):
    """One stretch of training.

    `generate` holds `text2json generate` commands without their `--out`, for documents to learn from, or
    `text2json tasks` commands, which begin with `tasks`; without any, every row is random. `held_out` is one such
    command for the documents of the log's held-out figures.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    tokens: int = Field(gt=0)
    lengths: list[int]
    random_share: float = Field(default=0.0, ge=0, le=1)
    random_tasks: tuple[str, ...] = ("copy", "lookup", "table")
    batch_tokens: int
    rate: tuple[float, float]
    """Learning rate at the stage's start and end."""
    name_first: bool = True
    """Answers give a record's name before its other keys, so that each later key can be looked up by the name; with
    false, the keys stand in the gold's order."""
    scramble: float = Field(default=0.0, ge=0, le=1)
    """The share of gold values that made-up words replace in the training documents, so that values are found by
    what the text says of them and not by their looks."""
    noise: float = Field(default=0.0, ge=0, le=1)
    """Half of the training documents have up to this share of the words that answer nothing replaced, see `noisy`."""
    reach: int = Field(default=0, ge=0)
    """Half of the rows leap over positions, up to this one, see `skipping`; 0 for none."""
    hints: float = Field(default=0.0, ge=0)
    """The weight of the loss that shows single heads where to look, see `hints`."""
    generate: list[str] = []
    held_out: str | None = None


class Schedule(BaseModel):
    """What every training run depends on, whatever learns in it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    seed: int
    stages: list[Stage]
    weight_decay: float = 0.01
    warmup_steps: int = 30
    threads: int = 2
    compile: bool = True
    log_every: int = 20
    checkpoint_seconds: float = 180


class Recipe(Schedule):
    """All that a reader's training depends on."""

    family: str
    vocab_size: int
    tokenizer_texts: list[str]
    """Commands as in `Stage.generate` whose documents train the tokeniser; empty for the tokeniser of `start`."""
    start: str | None = None
    """The recipe whose finished reader this one begins from, see `transplant`; without it, from random weights."""
    shape: dict[str, Any] = {}
    hours: float | None = None
    """How long it took for the shipped weights, for their card."""


def load_recipe(name: str) -> Recipe:
    """Load a reader's shipped recipe by name, or any TOML file by path; raises as `read_recipe`."""
    return read_recipe(name, Recipe, FOLDER)


Kind = TypeVar("Kind", bound=Schedule)


def read_recipe(name: str, kind: type[Kind], folder: Path) -> Kind:
    """Load the recipe `name` of `folder`, or any TOML file by path, as a recipe of one kind.

    Raises:
        SpecError: no recipe has that name.
        DataError: the file is no recipe of that kind.
    """
    path = Path(name) if name.endswith(".toml") else folder / f"{name}.toml"
    if not path.exists():
        known = [recipe.stem for recipe in folder.glob("*.toml")]
        raise SpecError(f"no recipe {name!r}", remedy=did_you_mean(name, known))
    try:
        return kind.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (tomllib.TOMLDecodeError, ValidationError) as error:
        raise DataError(f"not a recipe: {error}", file=path, remedy="compare it with the shipped recipes") from None
