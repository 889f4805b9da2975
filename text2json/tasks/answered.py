"""Samples on their way to a scorer, held to what the predictions are for: ids alone are the same in every seed."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator
from itertools import islice
from pathlib import Path

from text2json.baselines.run_folder import RunFolder
from text2json.batches import Digest
from text2json.errors import DataError, did_you_mean
from text2json.schemas.sample import Sample


def answered(
    samples: Iterable[Sample], predictions: Path, ids: Collection[str], limit: int | None = None
) -> Iterator[Sample]:
    """Yield the samples, the first `limit` of them.

    Args:
        samples: what is scored against.
        predictions: a prediction file or a run folder, which says what it answered.
        ids: of the predictions.
        limit: None for all samples.

    Raises:
        DataError: a run folder answered other samples, or a prediction is for none of them.
    """
    folder = RunFolder(predictions if predictions.is_dir() else predictions.parent)
    ours = predictions.is_dir() or predictions.name == folder.predictions.name
    run = folder.load().settings if ours and folder.exists() else None
    digest, known = Digest(), set()
    for sample in islice(samples, limit):
        known.add(sample.id)
        if run is not None and digest.count < run.samples:
            digest.add(sample)
            if digest.count == run.samples and digest.hexdigest() != run.data_sha256:
                raise _others(predictions)
        yield sample
    if run is not None and digest.count < run.samples and (limit is None or digest.count < limit):
        raise _others(predictions)
    unknown = next((name for name in ids if name not in known), None)
    if unknown is not None and known:
        file = folder.predictions if predictions.is_dir() else predictions
        remedy = did_you_mean(unknown, known) if len(known) <= 50 else "score it against the data it was made on"
        raise DataError(
            f"prediction for an unknown id {unknown!r}", file=file, line=_line(file, unknown), remedy=remedy
        )


def _others(run: Path) -> DataError:
    return DataError("the run answered other samples", file=run, remedy="score it against the data it was made on")


def _line(file: Path, name: str) -> int:
    """Return the line of an id's prediction."""
    with file.open("rb") as lines:
        return next(number for number, line in enumerate(lines, 1) if line.strip() and json.loads(line)["id"] == name)
