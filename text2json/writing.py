"""Write documents to a folder: Parquet per configuration and split, a manifest and a card.

Everything is first written beside the folder and renamed at the end, so that a folder that exists is whole. What only
the writing needs is imported late, while documents are made already.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from text2json.batches import TEXTS, Batch, Column, Digest, Part, jobs, packed
from text2json.drafts import whole_folder
from text2json.errors import CheckFailed, DataError, SpecError
from text2json.generators import generate
from text2json.planning import plan
from text2json.processes import elsewhere, one_thread
from text2json.schemas.sample import Sample
from text2json.workers import making

if TYPE_CHECKING:
    import pyarrow as pa

    from text2json.card import Figures
    from text2json.concluding import Written
    from text2json.manifest import Entry

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
    with whole_folder(folder) as draft, _begun(draft, parts, workers, version) as news:
        written: list[Written] = []
        for new in news:
            if isinstance(new, int):
                advance(new)
            else:
                written.append(new)
        from text2json.concluding import conclude

        return conclude(draft, version, written)


@contextmanager
def _begun(draft: Path, parts: Sequence[Part], workers: int, version: str | None) -> Iterator[Iterator[int | Written]]:
    """Write the parts as the news of them are asked for; with several workers in a process of its own, from now on.

    Then this process imports meanwhile what it concludes with, and ends at once, with little memory to give back.
    """
    if workers > 1 and one_thread():
        with elsewhere(_write_parts, draft, parts, workers, version) as news:
            from text2json.concluding import get_ready

            get_ready()
            yield news
    else:
        with closing(_write_parts(draft, parts, workers, version)) as news:
            yield news


def import_samples(samples: Iterable[Sample], folder: Path, config: str) -> Entry:
    """Write samples from elsewhere as the one configuration of a data folder, split `test`.

    Raises:
        DataError: the folder is not empty, or cannot be written.
        SpecError: the configuration's name is none that a folder can have.
    """
    from text2json.card import Figures
    from text2json.manifest import MANIFEST, Entry, Manifest

    if not re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9._-]*", config):
        raise SpecError(f"a configuration cannot be called {config!r}",
                        remedy="give letters, digits, '.', '_' and '-', no '.' in front")  # fmt: skip
    _must_be_empty(folder)
    digest = Digest()
    with whole_folder(folder) as draft:
        for _ in _write_parquet(draft / config / "test.parquet", packed(samples), digest, Figures(config, "test")):
            pass
        entry = Entry(samples=digest.count, seed=0, sha256=digest.hexdigest())
        manifest = Manifest(inputs={}, configs={config: {"test": entry}})
        (draft / MANIFEST).write_text(manifest.text(), encoding="utf-8")
    return entry


def _must_be_empty(folder: Path) -> None:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise DataError("exists and is not empty", file=folder, remedy="choose another --out")


def _write_parts(
    draft: Path, parts: Sequence[Part], workers: int, version: str | None
) -> Generator[int | Written, None, None]:
    """Write the parts, and tell of every batch, by its number of samples, and of every part."""
    with making([job for part in parts for job in jobs(part)], workers, draft) as batches:
        for part in parts[1:]:  # impossible knobs of the first one show at once, and so those of the others should
            next(generate(part.config, split=part.split, seed=part.seed, samples=1, **part.knobs))
        from text2json.card import Figures
        from text2json.concluding import Written

        for part in parts:
            digest, figures = Digest(), Figures(part.config, part.split)
            file = draft / part.config / f"{part.split}.parquet"
            yield from _write_parquet(file, itertools.islice(batches, len(jobs(part))), digest, figures)
            _check(part, digest.hexdigest(), version)
            yield Written(part, digest.hexdigest(), figures)


def _check(part: Part, digest: str, version: str | None) -> None:
    if part.sha256 in (None, digest) or version is None:
        return
    from text2json.manifest import first_changed_input, frozen

    raise CheckFailed(
        f"{part.config}/{part.split} is not that of version {version}: sha256 {digest}, "
        f"frozen {part.sha256}; {first_changed_input(frozen(version))}"
    )


def _write_parquet(file: Path, batches: Iterable[Batch], digest: Digest, figures: Figures) -> Iterator[int]:
    """Write the samples, hash and count them, and tell of every batch by its number of samples."""
    import pyarrow.parquet as pq

    file.parent.mkdir(parents=True, exist_ok=True)
    with pq.ParquetWriter(file, _schema(), compression="zstd", use_dictionary=False) as writer:
        group: list[Batch] = []
        for batch in batches:
            digest.update(batch.lines(), batch.count)
            for row in batch.numbers:
                figures.take(row)
            yield batch.count
            group.append(batch)
            if len(group) == ROW_GROUP:
                writer.write_table(_table(group))
                group = []
        if group:
            writer.write_table(_table(group))


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
