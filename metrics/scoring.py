"""The seven steps in order: parse, validate, align, compare, aggregate, uncertainty, signature."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from text2json import __version__
from text2json.errors import DataError, did_you_mean
from text2json.metrics.gold import iter_gold, plain
from text2json.metrics.limits import LIMITS, Limits
from text2json.metrics.predictions import read_predictions
from text2json.metrics.record_schema import record_schema
from text2json.metrics.report import Report, SampleScore
from text2json.metrics.signature import Rules
from text2json.metrics.window import Options, score_window
from text2json.schemas.canonical import canonical_json
from text2json.schemas.sample import Sample

WINDOW = 128
"""How many samples are scored together at most."""
WINDOW_CHARACTERS = 4_000_000
"""Characters of their gold, which bounds the memory of a window."""
LARGE_BLOCK = 1 << 24
"""Bytes; as much memory and as much again may then stay with the process."""


def score(
    predictions: Mapping[str, Any] | Sequence[Any] | str | Path,
    data: Iterable[Any] | Mapping[str, Any],
    *,
    schema: Any = None,
    key: str | None = None,
    documents: Mapping[Any, str] | Sequence[str] | None = None,
    data_name: str = "given",
    repair: bool = False,
    limits: Limits = LIMITS,
    on_sample: Callable[[SampleScore], None] | None = None,
    keep_verdicts: bool = True,
) -> Report:
    """Score predictions against gold.

    Args:
        predictions: id → raw output text; or a prediction file or run folder; or, where `data` is a list of gold, a
            list of outputs in its order. Records (lists, dictionaries, pydantic models) stand for their JSON text. A
            sample without a prediction counts as an empty answer.
        data: the samples, for example what `text2json.load` returns; or one's own gold, see `gold.iter_gold`.
        schema: of one's own gold: a pydantic model, or a JSON Schema of a record or of the whole answer.
        key: of one's own gold: the field that names a record; without one, records are paired by assignment.
        documents: of one's own gold: id → the text that was read, or texts in its order, for the causes of errors.
        data_name: how the signature names the data.
        repair: mend broken JSON, which the signature then says.
        limits: what one sample may cost.
        on_sample: called with every sample's score as it is made.
        keep_verdicts: whether the samples' scores hold the verdict on each leaf; without them a million records take
            little memory.

    Raises:
        DataError: a prediction's id is unknown, an id stands twice, the file is broken, or there is no sample.
    """
    _keep_memory()
    outputs = _outputs(predictions)
    scores: list[SampleScore] = []
    seen: set[str] = set()
    rules: set[str] = set()
    gold = 0
    options = Options(repair, limits, keep_verdicts)
    for window in _windows(iter_gold(data, schema, key=key, documents=documents)):
        for sample in window:
            if sample.id in seen:
                raise DataError(f"the data has the id {sample.id!r} twice", remedy="give every sample an id of its own")
            seen.add(sample.id)
            key_of = record_schema(sample.schema).key
            rules.add("assignment" if key_of is None else f"key({key_of})")
            gold += _fingerprint(sample)
        for scored in score_window(window, [outputs.get(sample.id) for sample in window], options):
            if on_sample is not None:
                on_sample(scored)
            scores.append(scored)
    if not scores:
        raise DataError("there is nothing to score against", remedy="give data with at least one sample")
    unknown = next((name for name in outputs if name not in seen), None)
    if unknown is not None:
        raise DataError(
            f"prediction for an unknown id {unknown!r}",
            file=predictions if isinstance(predictions, str | Path) else None,
            remedy=did_you_mean(unknown, seen) if len(seen) <= 50 else "score it against the data it was made on",
        )
    signature = Rules(
        version=__version__, data=data_name, gold=f"{gold % (1 << 32):08x}",
        align=rules.pop() if len(rules) == 1 else "mixed",
        repair="json_repair" if repair else "no", limits=str(limits),
    ).signature()  # fmt: skip
    return Report.of(scores, signature)


@cache
def _keep_memory() -> None:
    """Let the memory of one window serve the next one.

    The usual allocator of Linux gives large blocks back to the system, whose fresh pages cost a tenth of the time,
    until it has seen a larger one go: mallopt(3), M_MMAP_THRESHOLD. This one's pages are never touched.
    """
    bytes(LARGE_BLOCK)


def _fingerprint(sample: Sample) -> int:
    """Return a number of what a sample is scored against; their sum is the same in any order."""
    parts = "\0".join((sample.id, sample.schema, sample.answer)).encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.sha256(parts).digest()[:8], "big")


def _outputs(predictions: Mapping[str, Any] | Sequence[Any] | str | Path) -> Mapping[str, str | None]:
    if isinstance(predictions, str | Path):
        return read_predictions(Path(predictions))
    pairs = predictions.items() if isinstance(predictions, Mapping) else enumerate(predictions)
    return {str(name): output if output is None or isinstance(output, str) else _text(name, output)
            for name, output in pairs}  # fmt: skip


def _text(name: Any, output: Any) -> str:
    try:
        return canonical_json(plain(output))
    except (ValueError, TypeError) as error:
        raise DataError(f"the prediction for {str(name)!r} is neither text nor JSON values: {error}") from None


def score_sample(
    sample: Sample,
    output: str | None,
    *,
    repair: bool = False,
    limits: Limits = LIMITS,
    with_verdicts: bool = True,
) -> SampleScore:
    """Score one sample; None stands for a missing prediction."""
    return score_window([sample], [output], Options(repair, limits, with_verdicts))[0]


def _windows(samples: Iterable[Sample]) -> Iterator[list[Sample]]:
    """Yield the samples in lists, which are scored together: whole-array work on one small sample is mostly waiting."""
    window: list[Sample] = []
    size = 0
    for sample in samples:
        window.append(sample)
        size += len(sample.answer)
        if len(window) == WINDOW or size > WINDOW_CHARACTERS:
            yield window
            window, size = [], 0
    if window:
        yield window
