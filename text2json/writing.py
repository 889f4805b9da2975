"""Write documents to a folder: Parquet per configuration and split, a manifest and a card.

Everything is first written beside the folder and renamed at the end, so that a folder that exists is whole. What only
the writing needs is imported late, while the workers are at work already.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from text2json.batches import TEXTS, Batch, Column, Part, jobs, packed
from text2json.drafts import whole_folder
from text2json.errors import CheckFailed, DataError
from text2json.generators import generate
from text2json.generators.knobs import recorded
from text2json.planning import plan
from text2json.schemas.sample import Sample
from text2json.workers import making

if TYPE_CHECKING:
    import pyarrow as pa

    from text2json.card import Figures
    from text2json.manifest import Digest, Entry, Manifest

ROW_GROUP = 8
"""Batches in a row group of Parquet."""


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
        workers: processes that make documents; the bytes do not depend on it.
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
    wanted = [job for part in parts for job in jobs(part)]
    with whole_folder(folder) as draft, making(wanted, workers, draft) as batches:
        for part in parts[1:]:  # impossible knobs of the first one show at once, and so those of the others should
            next(generate(part.config, split=part.split, seed=part.seed, samples=1, **part.knobs))
        manifest = _write_parts(draft, parts, batches, version, advance)
    return manifest.model_dump(mode="json")


def import_samples(samples: Iterable[Sample], folder: Path, config: str) -> Entry:
    """Write samples from elsewhere as the one configuration of a data folder, split `test`.

    Raises:
        DataError: the folder is not empty, or cannot be written.
    """
    from text2json.card import Figures
    from text2json.manifest import MANIFEST, Entry, Manifest

    _must_be_empty(folder)
    figures = Figures(config, "test")
    with whole_folder(folder) as draft:
        digest, count = _write_parquet(draft / config / "test.parquet", packed(samples), figures, lambda _: None)
        entry = Entry(samples=count, seed=0, sha256=digest)
        manifest = Manifest(inputs={}, configs={config: {"test": entry}})
        (draft / MANIFEST).write_text(manifest.text(), encoding="utf-8")
    return entry


def _must_be_empty(folder: Path) -> None:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise DataError("exists and is not empty", file=folder, remedy="choose another --out")


def _write_parts(
    draft: Path, parts: Sequence[Part], batches: Iterator[Batch], version: str | None, advance: Callable[[int], None]
) -> Manifest:
    from text2json.card import Figures, folder_card
    from text2json.manifest import MANIFEST, Entry, Manifest, first_changed_input, frozen, inputs

    made_from = inputs()  # now, while the workers are at work, rather than alone at the end
    configs: dict[str, dict[str, Entry]] = {}
    figures: list[Figures] = []
    for part in parts:
        found = Figures(part.config, part.split)
        file = draft / part.config / f"{part.split}.parquet"
        digest, _ = _write_parquet(file, itertools.islice(batches, len(jobs(part))), found, advance)
        if part.sha256 not in (None, digest) and version is not None:
            raise CheckFailed(
                f"{part.config}/{part.split} is not that of version {version}: sha256 {digest}, "
                f"frozen {part.sha256}; {first_changed_input(frozen(version))}"
            )
        entry = Entry(samples=part.samples, seed=part.seed, knobs=recorded(part.knobs), sha256=digest)
        configs.setdefault(part.config, {})[part.split] = entry
        figures.append(found)
    live = {knob for part in parts for knob in [part.knobs.get("locale")] if knob}
    manifest = Manifest(version=version, inputs=made_from, made_with=_faker() if live else {}, configs=configs)
    (draft / MANIFEST).write_text(manifest.text(), encoding="utf-8")
    (draft / "README.md").write_text(folder_card(manifest, figures), encoding="utf-8")
    return manifest


def _faker() -> dict[str, str]:
    from importlib.metadata import version

    return {"faker": version("faker")}


def _write_parquet(
    file: Path, batches: Iterable[Batch], figures: Figures, advance: Callable[[int], None]
) -> tuple[str, int]:
    """Write the samples and return the SHA-256 of their canonical JSONL and their number."""
    import pyarrow.parquet as pq

    from text2json.manifest import Digest

    digest = Digest()
    file.parent.mkdir(parents=True, exist_ok=True)
    rest = iter(batches)
    with pq.ParquetWriter(file, _schema(), compression="zstd", use_dictionary=False) as writer:
        while group := list(_counted(itertools.islice(rest, ROW_GROUP), digest, figures, advance)):
            writer.write_table(_table(group))
    return digest.hexdigest(), digest.count


def _counted(
    batches: Iterable[Batch], digest: Digest, figures: Figures, advance: Callable[[int], None]
) -> Iterator[Batch]:
    """Pass batches on, hashed and counted."""
    for batch in batches:
        digest.update(batch.lines(), batch.count)
        for row in batch.numbers:
            figures.take(row)
        advance(batch.count)
        yield batch


def _schema() -> pa.Schema:
    import pyarrow as pa

    columns = {name: pa.string() for name in TEXTS}
    order = [*TEXTS[:6], "text_span", *TEXTS[6:]]
    return pa.schema([(name, columns.get(name, pa.list_(pa.int64()))) for name in order])


def _table(batches: Sequence[Batch]) -> pa.Table:
    """Put the columns' bytes together as Arrow; `pa.array` would do, but it imports pandas to look at a list."""
    import pyarrow as pa

    def text(column: Column, rows: int) -> pa.Array:
        buffers = [None, pa.py_buffer(column.offsets), pa.py_buffer(column.values)]
        return pa.Array.from_buffers(pa.string(), rows, buffers)

    def spans(column: Column, rows: int) -> pa.Array:
        values = pa.Array.from_buffers(pa.int64(), 2 * rows, [None, pa.py_buffer(column.values)])
        return pa.Array.from_buffers(
            pa.list_(pa.int64()), rows, [None, pa.py_buffer(column.offsets)], children=[values]
        )

    schema = _schema()
    tables = [
        pa.Table.from_arrays(
            [spans(batch.spans, batch.count) if name == "text_span" else text(batch.texts[name], batch.count)
             for name in schema.names], schema=schema)
        for batch in batches
    ]  # fmt: skip
    return pa.concat_tables(tables)
