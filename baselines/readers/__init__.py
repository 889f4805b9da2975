"""The bundled readers: small models, trained here, that can do the task without any download."""

from __future__ import annotations

from pathlib import Path

from text2json.errors import ModelError, did_you_mean

WEIGHTS = Path(__file__).parent / "weights"


def reader_names() -> list[str]:
    """Return the names of the readers that this installation holds."""
    return sorted(folder.name for folder in WEIGHTS.glob("*") if (folder / "config.json").exists())


def reader_path(name: str) -> Path:
    """Return the folder of a bundled reader, for `AutoModelForCausalLM.from_pretrained`.

    Raises:
        ModelError: no bundled reader has that name.
    """
    if name not in reader_names():
        raise ModelError(f"no bundled reader {name!r}", remedy=did_you_mean(name, reader_names()))
    return WEIGHTS / name
