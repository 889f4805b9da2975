"""Check a data folder against its manifest, and name the first difference."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from itertools import zip_longest
from pathlib import Path
from typing import Any

from text2json.batches import Digest
from text2json.data import parquet_samples
from text2json.errors import Text2JSONError
from text2json.generators import generate
from text2json.manifest import MANIFEST, Entry, Manifest, first_changed_input, frozen, read_manifest, versions
from text2json.schemas.sample import Sample


@dataclass(frozen=True)
class Verdict:
    """What a check of one configuration's split found."""

    config: str
    split: str
    samples: int
    sha256: str
    problem: str = ""
    """What is wrong, empty if nothing is."""


def verify(folder: Path, advance: Callable[[int], None] = lambda _: None) -> list[Verdict]:
    """Check every configuration and split of `folder`.

    Raises:
        DataError: the folder has no manifest, or a broken one.
    """
    manifest = read_manifest(folder / MANIFEST)
    return [
        _verify_part(folder, manifest, config, split, entry, advance)
        for config, splits in sorted(manifest.configs.items())
        for split, entry in sorted(splits.items())
    ]


def _verify_part(
    folder: Path, manifest: Manifest, config: str, split: str, entry: Entry, advance: Callable[[int], None]
) -> Verdict:
    file = folder / config / f"{split}.parquet"
    if not file.is_file():
        return Verdict(config, split, 0, "", f"{file} is missing")
    digest = Digest()
    try:
        for sample in parquet_samples(file):
            digest.add(sample)
            advance(1)
    except Text2JSONError as error:
        return Verdict(config, split, digest.count, "", str(error))
    found = digest.hexdigest()
    problem = ""
    if found != entry.sha256:
        problem = (
            f"{file}: sha256 {found}, the manifest says {entry.sha256}; {first_difference(file, config, split, entry)}"
        )
    else:
        problem = _against_version(manifest, config, split, entry)
    return Verdict(config, split, digest.count, found, problem)


def _against_version(manifest: Manifest, config: str, split: str, entry: Entry) -> str:
    """Compare with the frozen version that the folder says it is."""
    if manifest.version is None:
        return ""
    if manifest.version not in versions():
        return f"version {manifest.version} is unknown to this release"
    known = frozen(manifest.version).configs.get(config, {}).get(split)
    if known is None:
        return f"version {manifest.version} has no {config}/{split}"
    return "" if known.sha256 == entry.sha256 else f"{config}/{split} is not that of version {manifest.version}"


def first_difference(file: Path, config: str, split: str, entry: Entry) -> str:
    """Make the samples again and name the first that differs, with its column and place."""
    knobs: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in entry.knobs.items()
    }
    try:
        fresh: Iterator[Sample] = generate(config, split=split, seed=entry.seed, samples=entry.samples, **knobs)
        for number, (ours, theirs) in enumerate(zip_longest(fresh, parquet_samples(file))):
            if theirs is None or ours is None:
                return f"{number} samples, the manifest says {entry.samples}"
            if ours != theirs:
                return f"first difference: sample {number} ({ours.id}), {_column(ours, theirs)}"
    except Text2JSONError as error:
        return f"it cannot be compared sample by sample: {error}"
    return f"the samples are those that this release makes, so the manifest differs ({first_changed_input_of(file)})"


def first_changed_input_of(file: Path) -> str:
    """Name the first input that differs from those in the manifest of the folder of `file`."""
    return first_changed_input(read_manifest(file.parent.parent / MANIFEST))


def _column(ours: Sample, theirs: Sample) -> str:
    for column in fields(Sample):
        one, other = getattr(ours, column.name), getattr(theirs, column.name)
        if one != other:
            place = next(
                (at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))
            )
            window = slice(place, place + 24)
            return f"column {column.name}, place {place}: {other[window]!r} instead of {one[window]!r}"
    return "no column"
