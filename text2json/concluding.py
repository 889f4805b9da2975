"""What a data folder ends with, once its samples are written: the manifest and the card."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from text2json.batches import Part
from text2json.card import Figures
from text2json.generators.knobs import recorded


@dataclass(frozen=True)
class Written:
    """A part that is written."""

    part: Part
    sha256: str
    figures: Figures


def get_ready() -> None:
    """Import what `conclude` needs, and hash what documents are made from."""
    from text2json.manifest import inputs

    inputs()


def conclude(folder: Path, version: str | None, written: Sequence[Written]) -> dict[str, Any]:
    """Write the manifest and the card of `folder`, and return the manifest."""
    from text2json.card import folder_card
    from text2json.manifest import MANIFEST, Entry, Manifest, inputs

    configs: dict[str, dict[str, Entry]] = {}
    for one in written:
        part = one.part
        entry = Entry(samples=part.samples, seed=part.seed, knobs=recorded(part.knobs), sha256=one.sha256)
        configs.setdefault(part.config, {})[part.split] = entry
    live = any(one.part.knobs.get("locale") for one in written)
    manifest = Manifest(version=version, inputs=inputs(), made_with=_faker() if live else {}, configs=configs)
    (folder / MANIFEST).write_text(manifest.text(), encoding="utf-8")
    card = folder_card(manifest, [one.figures for one in written])
    (folder / "README.md").write_text(card, encoding="utf-8")
    return manifest.model_dump(mode="json")


def _faker() -> dict[str, str]:
    from importlib.metadata import version

    return {"faker": version("faker")}
