"""Recipes of adapters: the readers' stages of documents, and what of which base model learns from them."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, field_validator

from text2json.baselines.readers.recipe import Schedule, Stage, read_recipe

FOLDER = Path(__file__).parent / "recipes"


class AdapterRecipe(Schedule):
    """All that an adapter's training depends on."""

    base: str
    """The model that stays as it is: a Hub id, a folder or a GGUF file."""
    rank: int = Field(gt=0)
    """Columns of each low-rank factor."""
    alpha: float = Field(gt=0)
    """The product of the factors counts alpha / rank."""
    targets: list[str]
    """The layers that get factors, by the last part of their names."""
    gradient_checkpointing: bool = False
    """Compute each layer's activations again on the way back: a third more work, a fraction of the memory."""

    @field_validator("stages")
    @classmethod
    def documents_only(cls, stages: list[Stage]) -> list[Stage]:
        """Refuse what only a reader's stage can do."""
        for stage in stages:
            if not stage.generate or stage.random_share > 0 or stage.hints > 0:
                raise ValueError(f"stage {stage.name!r}: an adapter learns from documents alone")
        return stages


def load_recipe(name: str) -> AdapterRecipe:
    """Load a shipped recipe by name, or any TOML file by path; raises as `read_recipe`."""
    return read_recipe(name, AdapterRecipe, FOLDER)
