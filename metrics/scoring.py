"""The seven steps in order: parse, validate, align, compare, aggregate, uncertainty, signature."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import Any

from text2json import __version__
from text2json.errors import DataError, did_you_mean
from text2json.metrics.align import align
from text2json.metrics.compare import leaves
from text2json.metrics.counts import Counts, Verdict, field_counts, judge, record_counts
from text2json.metrics.paper import of_paper_form, paper_score
from text2json.metrics.parse import parse
from text2json.metrics.predictions import read_predictions
from text2json.metrics.report import Report, SampleScore
from text2json.metrics.signature import Rules
from text2json.schemas.sample import Sample, sample_from_row


def score(
    predictions: Mapping[str, str] | str | Path,
    data: Iterable[Sample | Mapping[str, Any]],
    *,
    data_name: str = "given",
) -> Report:
    """Score predictions against gold.

    Args:
        predictions: id → raw output text, or a prediction file or run folder. A sample without a prediction counts
            as an empty answer.
        data: the samples, for example what `text2json.load` returns.
        data_name: how the signature names the data.

    Raises:
        DataError: a prediction's id is unknown, the file is broken, or there is no sample.
    """
    samples = [item if isinstance(item, Sample) else sample_from_row(item) for item in data]
    if not samples:
        raise DataError("there is nothing to score against", remedy="give data with at least one sample")
    outputs = predictions if isinstance(predictions, Mapping) else read_predictions(Path(predictions))
    known = {sample.id for sample in samples}
    unknown = next((name for name in outputs if name not in known), None)
    if unknown is not None:
        raise DataError(
            f"prediction for an unknown id {unknown!r}",
            file=None if isinstance(predictions, Mapping) else predictions,
            remedy=did_you_mean(unknown, known) if len(known) <= 50 else "score it against the data it was made on",
        )
    scores = [score_sample(sample, outputs.get(sample.id)) for sample in samples]
    keyed = {_schema_parts(sample.schema)[0] is not None for sample in samples}
    align_rule = "mixed" if len(keyed) > 1 else "key" if keyed == {True} else "assignment"
    return Report.of(scores, Rules(version=__version__, data=data_name, align=align_rule).signature())


def score_sample(sample: Sample, output: str | None) -> SampleScore:
    """Score one sample; None stands for a missing prediction."""
    parsed = parse(output)
    gold_records = json.loads(sample.answer)
    key, properties = _schema_parts(sample.schema)
    gold = [leaves(record, properties) for record in gold_records]
    predicted = [leaves(record, properties) for record in parsed.records]
    pairs = align(gold, predicted, key)
    verdicts = list(judge(gold, predicted, pairs))
    return SampleScore(
        id=sample.id,
        domain=sample.domain,
        status=parsed.status,
        valid=parsed.status in ("ok", "fenced", "embedded") and _valid(sample.schema, parsed.records),
        records=record_counts(gold, predicted, pairs),
        fields=field_counts(verdicts),
        by_field=_by_field(verdicts),
        paper=paper_score(gold_records, output) if of_paper_form(gold_records) else None,
        verdicts=[asdict(verdict) for verdict in verdicts],
    )


def _by_field(verdicts: list[Verdict]) -> dict[str, Counts]:
    grouped: dict[str, list[Verdict]] = defaultdict(list)
    for verdict in verdicts:
        grouped[verdict.field].append(verdict)
    return {field: field_counts(items) for field, items in grouped.items()}


@lru_cache(maxsize=4096)
def _schema_parts(schema: str) -> tuple[str | None, dict[str, Any]]:
    """Return the schema's key field, if it names one, and the properties of its records."""
    parsed = json.loads(schema)
    items = parsed.get("items", {}) if isinstance(parsed, dict) else {}
    key = parsed.get("x-key") if isinstance(parsed, dict) else None
    return (key if isinstance(key, str) else None), items.get("properties", {})


@lru_cache(maxsize=4096)
def _validator(schema: str) -> Any:
    from jsonschema import Draft202012Validator

    return Draft202012Validator(json.loads(schema))


def _valid(schema: str, records: list[Any]) -> bool:
    try:
        return bool(_validator(schema).is_valid(records))
    except RecursionError:
        return False
