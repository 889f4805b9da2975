"""Write documents to a folder: Parquet per configuration and split, a manifest and a card.

Everything is first written beside the folder and renamed at the end, so that a folder that exists is whole.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from text2json.errors import DataError, SpecError
from text2json.generators import generate
from text2json.generators.knobs import configuration
from text2json.schemas.canonical import canonical_json
from text2json.schemas.sample import Sample

CHUNK = 500
MANIFEST = "manifest.json"


def write_dataset(
    config: str,
    folder: Path,
    *,
    samples: int | None = None,
    seed: int = 0,
    split: str = "test",
    workers: int = 1,
    knobs: dict[str, Any] | None = None,
    advance: Callable[[int], None] = lambda _: None,
) -> dict[str, Any]:
    """Write a configuration's documents to `folder` and return its manifest.

    Args:
        config: which configuration.
        folder: must not exist yet, or be empty.
        samples: how many; the configuration's own number unless given.
        seed: another seed gives other documents.
        split: `train` or `test`.
        workers: processes that generate; the bytes do not depend on it.
        knobs: settings that differ from the configuration's.
        advance: called with the number of samples written since its last call.

    Raises:
        SpecError: the configuration, split or a knob is unknown or impossible.
        DataError: the folder is not empty, or cannot be written.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise DataError("exists and is not empty", file=folder, remedy="choose another --out")
    changes = knobs or {}
    settings = configuration(config, **changes)
    count = settings.samples if samples is None else samples
    if count < 1:
        raise SpecError(f"{count} samples", remedy="ask for at least one")
    next(generate(config, split=split, seed=seed, samples=1, **changes))  # impossible knobs show before any file
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        chunks = _chunks(config, split, seed, count, workers, changes)
        digest = _write_parquet(draft / config / f"{split}.parquet", chunks, advance)
        manifest = {
            "format": "text2json-manifest-1",
            "configs": {config: {split: {"samples": count, "seed": seed, "knobs": asdict(settings), "sha256": digest}}},
        }
        (draft / MANIFEST).write_text(json.dumps(manifest, indent=2, sort_keys=True) + "\n", encoding="utf-8")
        (draft / "README.md").write_text(_card(config, split), encoding="utf-8")
        if folder.exists():
            folder.rmdir()
        draft.chmod(0o755)
        draft.rename(folder)
    except OSError as error:
        raise DataError(f"cannot be written: {error.strerror or error}", file=folder,
                        remedy="free some space, or choose another --out") from error  # fmt: skip
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return manifest


Job = tuple[str, str, int, int, int, dict[str, Any]]


def _make_chunk(job: Job) -> list[Sample]:
    config, split, seed, start, count, knobs = job
    return list(generate(config, split=split, seed=seed, samples=count, start=start, **knobs))


def _chunks(
    config: str, split: str, seed: int, count: int, workers: int, knobs: dict[str, Any]
) -> Iterator[list[Sample]]:
    size = max(1, min(CHUNK, -(-count // (4 * workers))))
    jobs: Iterable[Job] = (
        (config, split, seed, start, min(size, count - start), knobs) for start in range(0, count, size)
    )
    if workers == 1:
        yield from map(_make_chunk, jobs)
        return
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        yield from pool.imap(_make_chunk, jobs)


def _write_parquet(file: Path, chunks: Iterable[list[Sample]], advance: Callable[[int], None]) -> str:
    """Write the samples and return the SHA-256 of their canonical JSONL."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    text = ("id", "domain", "kind", "problem", "answer", "schema")
    columns = [(name, pa.string()) for name in text]
    columns += [("text_span", pa.list_(pa.int64())), *((name, pa.string()) for name in ("evidence", "knobs", "canary"))]
    digest = hashlib.sha256()
    file.parent.mkdir(parents=True)
    with pq.ParquetWriter(file, pa.schema(columns), compression="zstd") as writer:
        for samples in chunks:
            rows = [sample.to_dict() for sample in samples]
            for row in rows:
                digest.update((canonical_json(row) + "\n").encode())
            writer.write_table(pa.Table.from_pylist(rows, schema=writer.schema))
            advance(len(rows))
    return digest.hexdigest()


def _card(config: str, split: str) -> str:
    return f"""---
license: cc-by-4.0
configs:
- config_name: {config}
  data_files:
  - split: {split}
    path: {config}/{split}.parquet
---

# Documents of the configuration `{config}`

Made by `text2json generate {config}`; what it was made with stands in `{MANIFEST}`.
"""
