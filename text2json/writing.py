"""Write documents to a folder: Parquet per configuration and split, a manifest and a card.

Everything is first written beside the folder and renamed at the end, so that a folder that exists is whole.
"""

from __future__ import annotations

import itertools
import multiprocessing
import pickle
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.pool import AsyncResult, Pool
from pathlib import Path
from typing import Any

from text2json.card import Figures, folder_card
from text2json.errors import CheckFailed, DataError, SpecError
from text2json.generators import generate
from text2json.generators.knobs import configuration, recorded
from text2json.manifest import (
    MANIFEST,
    Digest,
    Entry,
    Manifest,
    canonical_lines,
    first_changed_input,
    frozen,
    frozen_entry,
    inputs,
)
from text2json.schemas.sample import Sample

CHUNK = 200
AHEAD = 8
"""Chunks that this process makes ahead of their turn."""
CHUNK_CHARACTERS = 8_000_000
"""What a chunk of samples may hold, so that memory stays flat for documents of any length."""


@dataclass(frozen=True)
class Part:
    """One configuration's split, as it is to be written."""

    config: str
    split: str
    samples: int
    seed: int
    knobs: dict[str, Any]
    sha256: str | None = None
    """What must come out, where it is frozen."""


def write_dataset(
    config: str,
    folder: Path,
    *,
    samples: int | None = None,
    seed: int | None = None,
    split: str = "test",
    workers: int = 1,
    knobs: dict[str, Any] | None = None,
    version: str | None = None,
    advance: Callable[[int], None] = lambda _: None,
) -> dict[str, Any]:
    """Write documents to `folder` and return its manifest.

    Args:
        config: which configuration, or several with commas between.
        folder: must not exist yet, or be empty.
        samples: how many; the configuration's own number unless given.
        seed: another seed gives other documents; 0 unless given.
        split: `train` or `test`, or both with a comma between.
        workers: processes that generate; the bytes do not depend on it.
        knobs: settings that differ from the configuration's.
        version: a frozen version, which decides samples and seed.
        advance: called with the number of samples written since its last call.

    Raises:
        SpecError: the configuration, split, version or a knob is unknown or impossible.
        DataError: the folder is not empty, or cannot be written.
        CheckFailed: the documents are not those of the version.
    """
    _must_be_empty(folder)
    parts = plan(config, split, samples=samples, seed=seed, knobs=knobs or {}, version=version)
    for part in parts:  # impossible knobs show before any file
        next(generate(part.config, split=part.split, seed=part.seed, samples=1, **part.knobs))
    with whole_folder(folder) as draft:
        manifest = _write_parts(draft, parts, workers, version, advance)
    return manifest.model_dump(mode="json")


def import_samples(samples: Iterable[Sample], folder: Path, config: str) -> Entry:
    """Write samples from elsewhere as the one configuration of a data folder, split `test`.

    Raises:
        DataError: the folder is not empty, or cannot be written.
    """
    _must_be_empty(folder)
    figures = Figures(config, "test")
    with whole_folder(folder) as draft:
        digest, count = _write_parquet(draft / config / "test.parquet", _groups(samples), figures, lambda _: None)
        entry = Entry(samples=count, seed=0, sha256=digest)
        manifest = Manifest(inputs={}, configs={config: {"test": entry}})
        (draft / MANIFEST).write_text(manifest.text(), encoding="utf-8")
    return entry


def _groups(samples: Iterable[Sample]) -> Iterator[Group]:
    rest = iter(samples)
    while group := list(itertools.islice(rest, CHUNK)):
        yield group, canonical_lines(group)


def _must_be_empty(folder: Path) -> None:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise DataError("exists and is not empty", file=folder, remedy="choose another --out")


@contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """Give a folder to write into that becomes `folder` when all went well, and goes away otherwise.

    Raises:
        DataError: it cannot be written.
    """
    draft: Path | None = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        yield draft
        if folder.exists():
            folder.rmdir()
        draft.chmod(0o755)
        draft.rename(folder)
    except OSError as error:
        raise DataError(f"cannot be written: {error.strerror or error}", file=folder,
                        remedy="free some space, or choose another --out") from error  # fmt: skip
    finally:
        if draft is not None:
            shutil.rmtree(draft, ignore_errors=True)


def plan(
    config: str, split: str, *, samples: int | None, seed: int | None, knobs: dict[str, Any], version: str | None
) -> list[Part]:
    """Return what is to be written, one part for each configuration and split.

    Raises:
        SpecError: something is unknown, impossible, or at odds with the frozen version.
    """
    if samples is not None and samples < 1:
        raise SpecError(f"{samples} samples", remedy="ask for at least one")
    parts = []
    for name in config.split(","):
        settings = configuration(name, **knobs)
        for half in split.split(","):
            if version is None:
                count = settings.samples if samples is None else samples
                parts.append(Part(name, half, count, 0 if seed is None else seed, knobs))
                continue
            entry = frozen_entry(version, name, half)
            if knobs or samples not in (None, entry.samples) or seed not in (None, entry.seed):
                raise SpecError(f"version {version} of {name} is frozen: {entry.samples} samples, seed {entry.seed}",
                                remedy="leave out --samples, --seed and --set, or leave out --version")  # fmt: skip
            parts.append(Part(name, half, entry.samples, entry.seed, {}, entry.sha256))
    return parts


def _write_parts(
    draft: Path, parts: Sequence[Part], workers: int, version: str | None, advance: Callable[[int], None]
) -> Manifest:
    configs: dict[str, dict[str, Entry]] = {}
    figures: list[Figures] = []
    with making(workers) as make:
        for part in parts:
            found = Figures(part.config, part.split)
            file = draft / part.config / f"{part.split}.parquet"
            digest, _ = _write_parquet(file, make(part), found, advance)
            if part.sha256 not in (None, digest) and version is not None:
                raise CheckFailed(
                    f"{part.config}/{part.split} is not that of version {version}: sha256 {digest}, "
                    f"frozen {part.sha256}; {first_changed_input(frozen(version))}"
                )
            entry = Entry(samples=part.samples, seed=part.seed, knobs=recorded(part.knobs), sha256=digest)
            configs.setdefault(part.config, {})[part.split] = entry
            figures.append(found)
    live = {knob for part in parts for knob in [part.knobs.get("locale")] if knob}
    manifest = Manifest(version=version, inputs=inputs(), made_with=_faker() if live else {}, configs=configs)
    (draft / MANIFEST).write_text(manifest.text(), encoding="utf-8")
    (draft / "README.md").write_text(folder_card(manifest, figures), encoding="utf-8")
    return manifest


def _faker() -> dict[str, str]:
    from importlib.metadata import version

    return {"faker": version("faker")}


Job = tuple[Part, int, int]
Group = tuple[list[Sample], bytes]
"""Some samples and their canonical JSONL, which is made where they are made."""
Making = Callable[[Part], Iterator[Group]]


def _make_chunk(job: Job) -> Group:
    part, start, count = job
    made = generate(part.config, split=part.split, seed=part.seed, samples=count, start=start, **part.knobs)
    samples = list(made)
    return samples, canonical_lines(samples)


def _jobs(part: Part, workers: int) -> Iterator[Job]:
    longest = configuration(part.config, **part.knobs).length[1]
    size = max(1, min(CHUNK, CHUNK_CHARACTERS // longest, -(-part.samples // (8 * workers))))
    return ((part, start, min(size, part.samples - start)) for start in range(0, part.samples, size))


def _make_file(job: Job, file: str) -> str:
    """Make a group and leave it in a file: a pipe of so many bytes would hold up a busy reader."""
    with Path(file).open("wb") as out:
        pickle.dump(_make_chunk(job), out, protocol=5)
    return file


def _taken(file: str) -> Group:
    with Path(file).open("rb") as made:
        group: Group = pickle.load(made)
    Path(file).unlink()
    return group


@contextmanager
def making(workers: int) -> Iterator[Making]:
    """Give a function that yields the samples of a part in order, a few at a time, made by `workers` processes.

    This process is one of them; the others start at once, while it still loads what it needs to write.
    """
    if workers == 1:
        yield lambda part: map(_make_chunk, _jobs(part, 1))
        return
    with (
        tempfile.TemporaryDirectory(prefix="text2json-") as folder,
        multiprocessing.get_context("spawn").Pool(workers - 1) as pool,
    ):
        yield lambda part: _share(list(_jobs(part, workers)), pool, workers - 1, folder)


def _share(jobs: list[Job], pool: Pool, others: int, folder: str) -> Iterator[Group]:
    """Yield the groups of `jobs` in order; whoever is free takes the next job, and few wait for their turn."""
    waiting: dict[int, AsyncResult[str]] = {}
    own: dict[int, Group] = {}
    taken = 0
    for turn in range(len(jobs)):
        while True:
            while taken < len(jobs) and sum(not made.ready() for made in waiting.values()) < 2 * others:
                waiting[taken] = pool.apply_async(_make_file, (jobs[taken], f"{folder}/{taken}"))
                taken += 1
            idle = taken < len(jobs) and len(own) < AHEAD
            if turn in own or (turn in waiting and (waiting[turn].ready() or not idle)):
                break
            own[taken], taken = _make_chunk(jobs[taken]), taken + 1
        yield own.pop(turn) if turn in own else _taken(waiting.pop(turn).get())


def _write_parquet(
    file: Path, groups: Iterable[Group], figures: Figures, advance: Callable[[int], None]
) -> tuple[str, int]:
    """Write the samples and return the SHA-256 of their canonical JSONL and their number."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    text = ("id", "domain", "kind", "problem", "answer", "schema")
    columns = [(name, pa.string()) for name in text]
    columns += [("text_span", pa.list_(pa.int64())), *((name, pa.string()) for name in ("evidence", "knobs", "canary"))]
    digest = Digest()
    file.parent.mkdir(parents=True, exist_ok=True)
    with pq.ParquetWriter(file, pa.schema(columns), compression="zstd", use_dictionary=False) as writer:
        for samples, lines in groups:
            for sample in samples:
                figures.add(sample)
            digest.update(lines, len(samples))
            arrays = [pa.array([getattr(sample, name) for sample in samples], kind) for name, kind in columns]
            writer.write_table(pa.Table.from_arrays(arrays, schema=writer.schema))
            advance(len(samples))
    return digest.hexdigest(), digest.count
