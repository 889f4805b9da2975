"""Samples on their way from whoever makes them to the file: in batches, as the bytes that will be written.

A batch is bytes and numbers alone, so that it passes between processes without being taken apart.
"""

from __future__ import annotations

import hashlib
import json
import pickle
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any

from text2json.errors import DataError
from text2json.generators import generate
from text2json.generators.knobs import configuration
from text2json.schemas.canonical import canonical_json
from text2json.schemas.sample import Sample

TEXTS = ("id", "domain", "kind", "problem", "answer", "schema", "evidence", "knobs", "canary")
"""The columns that hold text."""
JOB_SAMPLES = 50
JOB_CHARACTERS = 2_000_000
"""What a batch may hold, so that memory stays flat for documents of any length."""
CONTROLS = bytes(code for code in range(32) if code != ord("\n"))
"""What a JSON string escapes, quotation marks, backslashes and line feeds apart."""
Numbers = tuple[int, int, int, int, int, int]
"""A sample's size, its answer's size, records, leaves, places needed and distance within a record."""


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


@dataclass(frozen=True)
class Job:
    """Some samples of a part, `start`, `start` + 1, ..."""

    part: Part
    start: int
    count: int


@dataclass(frozen=True)
class Column:
    """A column as Arrow keeps it: where each row's value begins (32-bit, one more than rows), and all values."""

    offsets: bytes
    values: bytes | memoryview

    def rows(self) -> Iterator[bytes]:
        """Yield each row's value."""
        return (bytes(self.values[start:end]) for start, end in pairwise(array("i", self.offsets)))

    def __reduce__(self) -> tuple[type[Column], tuple[bytes, pickle.PickleBuffer]]:
        """Let whoever pickles it keep the values apart, uncopied (PEP 574)."""
        return Column, (self.offsets, pickle.PickleBuffer(self.values))


@dataclass(frozen=True)
class Batch:
    """Samples as they will be written."""

    count: int
    texts: dict[str, Column]
    spans: Column
    """`text_span`, as 64-bit numbers."""
    numbers: list[Numbers]
    """For the card, sizes in characters."""

    def lines(self) -> bytes:
        """Return the samples as canonical JSONL, from the bytes as they stand: encoding takes eight times as long."""
        columns: dict[str, Iterable[bytes]] = {name: map(_in_quotes, one.rows()) for name, one in self.texts.items()}
        places = iter(memoryview(self.spans.values).cast("q"))
        columns["text_span"] = (b"[%d,%d]" % pair for pair in zip(places, places, strict=True))
        form = b",".join(b'"%s":%%s' % name.encode() for name in sorted(columns))
        ordered = (columns[name] for name in sorted(columns))
        return b"".join(b"{" + form % row + b"}\n" for row in zip(*ordered, strict=True))


def jobs(part: Part) -> list[Job]:
    """Cut a part into jobs; the cut depends on nothing but the part."""
    longest = configuration(part.config, **part.knobs).length[1]
    size = max(1, min(JOB_SAMPLES, JOB_CHARACTERS // longest))
    return [Job(part, start, min(size, part.samples - start)) for start in range(0, part.samples, size)]


def make(job: Job) -> Batch:
    """Make the samples of a job.

    Raises:
        SpecError: a sample's knobs are impossible.
    """
    part = job.part
    return pack(list(generate(part.config, split=part.split, seed=part.seed, samples=job.count, start=job.start,
                              **part.knobs)))  # fmt: skip


def packed(samples: Iterable[Sample]) -> Iterator[Batch]:
    """Pack samples from elsewhere, a few at a time."""
    waiting: list[Sample] = []
    size = 0
    for sample in samples:
        waiting.append(sample)
        size += len(sample.problem)
        if len(waiting) == JOB_SAMPLES or size > JOB_CHARACTERS:
            yield pack(waiting)
            waiting, size = [], 0
    if waiting:
        yield pack(waiting)


def pack(samples: Sequence[Sample]) -> Batch:
    """Turn samples into the bytes of their columns.

    Raises:
        DataError: a text has no UTF-8.
    """
    try:
        texts = {name: _column([getattr(sample, name).encode() for sample in samples]) for name in TEXTS}
    except UnicodeEncodeError as error:
        raise no_utf8(next(sample for sample in samples if not _has_utf8(sample))) from error
    spans = Column(
        array("i", range(0, 2 * len(samples) + 1, 2)).tobytes(),
        array("q", [place for sample in samples for place in sample.text_span]).tobytes(),
    )
    return Batch(len(samples), texts, spans, [numbers(sample, len) for sample in samples])


def no_utf8(sample: Sample) -> DataError:
    """Return what to tell of a sample that cannot be written."""
    return DataError(f"sample {sample.id!r} holds half of a surrogate pair, which has no UTF-8",
                     remedy="mend or remove it")  # fmt: skip


def _has_utf8(sample: Sample) -> bool:
    return not any("\ud800" <= sign <= "\udfff" for name in TEXTS for sign in getattr(sample, name))


def _column(values: Sequence[bytes]) -> Column:
    return Column(array("i", accumulate(map(len, values), initial=0)).tobytes(), b"".join(values))


def _in_quotes(text: bytes) -> bytes:
    """Return UTF-8 text as a JSON string."""
    if len(text.translate(None, CONTROLS)) < len(text):
        return canonical_json(text.decode()).encode()
    return b'"%s"' % text.replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(b"\n", b"\\n")


def canonical_lines(samples: Iterable[Sample]) -> bytes:
    """Return samples as canonical JSONL, in UTF-8."""
    return "".join(canonical_json(sample.to_dict()) + "\n" for sample in samples).encode()


class Digest:
    """Hashes samples, one after another, as canonical JSONL."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self.count = 0

    def add(self, sample: Sample) -> None:
        """Take one more sample."""
        self.update(canonical_lines([sample]), 1)

    def update(self, lines: bytes, count: int) -> None:
        """Take the canonical JSONL of `count` more samples."""
        self._hash.update(lines)
        self.count += count

    def hexdigest(self) -> str:
        """Return the SHA-256."""
        return self._hash.hexdigest()


def numbers(sample: Sample, measure: Callable[[str], int]) -> Numbers:
    """Return what the card counts of a sample; `measure` gives a text's size."""
    knobs = json.loads(sample.knobs)
    return (
        measure(sample.problem),
        measure(sample.answer),
        len(json.loads(sample.answer)),
        len(json.loads(sample.evidence)),
        knobs.get("places", knobs.get("records", 0)),
        knobs.get("spread", 0),
    )
