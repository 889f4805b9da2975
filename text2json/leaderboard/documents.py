"""The documents that entries answer: those of a frozen version, made again and held to its hash."""

from __future__ import annotations

from functools import lru_cache

from text2json.batches import Digest
from text2json.errors import CheckFailed, SpecError
from text2json.generators import generate
from text2json.manifest import Entry, first_changed_input, frozen, frozen_entry, versions
from text2json.schemas.entry import EntryDataset
from text2json.schemas.sample import Sample

HELD = 4
"""Configurations that are kept in memory, since many entries answer the same."""


def find_dataset(sha256: str, samples: int, hint: str = "") -> EntryDataset:
    """Return the frozen configuration whose documents, or first documents, have this hash.

    Args:
        sha256: of the canonical JSONL of the documents that were answered.
        samples: how many they are.
        hint: any text; configurations that it names are tried first.

    Raises:
        SpecError: no frozen version has such documents.
    """
    known = [
        (version, config, split, entry)
        for version in reversed(versions())
        for config, splits in frozen(version).configs.items()
        for split, entry in splits.items()
    ]
    for version, config, split, entry in known:
        if (entry.sha256, entry.samples) == (sha256, samples):
            return _dataset(version, config, split, entry, samples, sha256)
    larger = [one for one in known if one[3].samples > samples]
    for version, config, split, entry in sorted(larger, key=lambda one: (one[1] not in hint, one[2] not in hint)):
        if _made(config, split, entry.seed, samples)[1] == sha256:
            return _dataset(version, config, split, entry, samples, sha256)
    raise SpecError(f"the {samples} documents of the run (sha256 {sha256[:12]}...) belong to no frozen version",
                    remedy="answer a configuration as `text2json generate CONFIG --version` writes it; "
                           "`text2json datasets` lists them")  # fmt: skip


def documents(dataset: EntryDataset) -> tuple[Sample, ...]:
    """Return the documents that an entry answers, made anew.

    Raises:
        SpecError: the version is unknown, or has no such configuration or split, seed or number.
        CheckFailed: what this release makes is not what the entry or the version says.
    """
    entry = frozen_entry(dataset.version, dataset.config, dataset.split)
    if (dataset.seed, dataset.of) != (entry.seed, entry.samples) or dataset.samples > entry.samples:
        raise SpecError(f"version {dataset.version} of {dataset.config}/{dataset.split} has {entry.samples} samples "
                        f"of seed {entry.seed}", remedy="make the entry anew from its run folder")  # fmt: skip
    if dataset.samples == entry.samples and dataset.sha256 != entry.sha256:
        raise CheckFailed(f"{dataset.config}/{dataset.split} of version {dataset.version} has sha256 {entry.sha256}, "
                          f"the entry says {dataset.sha256}")  # fmt: skip
    made, found = _made(dataset.config, dataset.split, entry.seed, dataset.samples)
    if found != dataset.sha256:
        raise CheckFailed(
            f"the documents of {dataset.config}/{dataset.split} made here have sha256 {found}, the entry says "
            f"{dataset.sha256}; since version {dataset.version}: {first_changed_input(frozen(dataset.version))}"
        )
    return made


def _dataset(version: str, config: str, split: str, entry: Entry, samples: int, sha256: str) -> EntryDataset:
    return EntryDataset(
        version=version, config=config, split=split, seed=entry.seed, samples=samples, of=entry.samples, sha256=sha256
    )


@lru_cache(HELD)
def _made(config: str, split: str, seed: int, samples: int) -> tuple[tuple[Sample, ...], str]:
    """Return documents and the SHA-256 of their canonical JSONL."""
    made = tuple(generate(config, split=split, seed=seed, samples=samples))
    digest = Digest()
    for sample in made:
        digest.add(sample)
    return made, digest.hexdigest()
