"""What a data folder says of itself, and the frozen versions that the package ships.

`manifest.json` names, for each configuration and split, what it was made with and the SHA-256 of its canonical JSONL:
one sample a line, in order, as canonical JSON, in UTF-8. Parquet files may differ between releases of their library;
this hash may not.
"""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from text2json.errors import DataError, SpecError, did_you_mean

MANIFEST = "manifest.json"
VERSIONS = Path(__file__).parent / "versions"


class Entry(BaseModel):
    """One configuration's split."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    samples: int = Field(ge=1)
    seed: int
    sha256: str
    knobs: dict[str, Any] = {}
    """The settings that differ from the configuration's."""


class Manifest(BaseModel):
    """`manifest.json`, and each file of `versions/`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal["text2json-manifest-1"] = "text2json-manifest-1"
    version: str | None = None
    """The frozen version whose documents these are, if they are one's."""
    inputs: dict[str, str]
    """SHA-256 of every file that the bytes follow from, by its place in `generators`."""
    made_with: dict[str, str] = {}
    """Releases that the bytes do follow from: only where names come from a live Faker."""
    configs: dict[str, dict[str, Entry]]

    def text(self) -> str:
        """Return it as its file holds it."""
        return json.dumps(self.model_dump(mode="json"), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


@cache
def inputs() -> dict[str, str]:
    """Return the SHA-256 of every file of `generators` and of the domains' schemas, other tasks' files left out."""
    import text2json.generators
    import text2json.schemas

    roots = (Path(text2json.generators.__file__).parent, Path(text2json.schemas.__file__).parent / "domains")
    found = {}
    for root in roots:
        for file in sorted(root.rglob("*")):
            if file.suffix in (".py", ".toml", ".txt", ".json") and file.parent.name != "tasks":
                content = file.read_bytes().replace(b"\r\n", b"\n")
                found[f"{root.name}/{file.relative_to(root).as_posix()}"] = hashlib.sha256(content).hexdigest()
    return found


def read_manifest(file: Path) -> Manifest:
    """Read a manifest.

    Raises:
        DataError: there is none, or it is broken.
    """
    try:
        return Manifest.model_validate_json(file.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        raise DataError("no such file", file=file, remedy="give a folder written by `text2json generate`") from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "the file"
        raise DataError(f"{place}: {first['msg']}", file=file, remedy="write the folder again") from None


def versions() -> list[str]:
    """Return the names of the frozen versions, oldest first."""
    return sorted((file.stem for file in VERSIONS.glob("*.json")), key=lambda name: [int(p) for p in name.split(".")])


@cache
def frozen(version: str) -> Manifest:
    """Return the manifest of a frozen version.

    Raises:
        SpecError: there is none of that name.
    """
    if version not in versions():
        raise SpecError(f"no version {version!r}", remedy=did_you_mean(version, versions()))
    return read_manifest(VERSIONS / f"{version}.json")


def frozen_entry(version: str, config: str, split: str) -> Entry:
    """Return what a frozen version says of a configuration's split.

    Raises:
        SpecError: the version does not hold it.
    """
    known = frozen(version).configs
    if config not in known:
        raise SpecError(f"version {version} has no configuration {config!r}", remedy=did_you_mean(config, known))
    if split not in known[config]:
        raise SpecError(f"version {version} has no split {split!r} of {config}",
                        remedy=did_you_mean(split, known[config]))  # fmt: skip
    return known[config][split]


def first_changed_input(manifest: Manifest) -> str:
    """Name the first file that differs from what `manifest` was made with, or say that none does."""
    now = inputs()
    for name in sorted(manifest.inputs.keys() | now.keys()):
        if manifest.inputs.get(name) != now.get(name):
            state = "is missing" if name not in now else "is new" if name not in manifest.inputs else "differs"
            return f"{name} {state}"
    return "no input differs"
