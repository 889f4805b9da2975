"""What every adapter hands its framework for one sample: plain numbers that add up over samples."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from text2json.metrics.counts import Counts
from text2json.metrics.gold import iter_gold
from text2json.metrics.scoring import score_sample
from text2json.schemas.sample import Sample


def external(gold: Any, *, name: str, schema: Any = None, key: str | None = None, document: str = "") -> Sample:
    """Return one's own gold as a sample.

    Args:
        gold: a list of records, or one object.
        name: the sample's id.
        schema: a pydantic model, or a JSON Schema of a record or of the whole answer.
        key: the field that names a record.
        document: the text that was read, for the causes of errors.
    """
    (sample,) = iter_gold({name: gold}, schema, key=key, documents={name: document})
    return sample


def sums(sample: Sample, output: str | None) -> dict[str, float]:
    """Return the sample's own F1 of records and fields, and the counts whose sums over samples give the micro F1."""
    scored = score_sample(sample, output, with_verdicts=False)
    found = {"record_f1": scored.records.f1, "field_f1": scored.fields.f1, "schema_valid": float(scored.valid)}
    for kind, counts in (("record", scored.records), ("field", scored.fields)):
        found |= {f"{kind}_{name}": float(number) for name, number in counts._asdict().items()}
    if scored.paper is not None and scored.paper.score is not None:
        found["paper"] = 100 * scored.paper.score
    return found


def micro_f1(items: Iterable[Mapping[str, float]], kind: str) -> float:
    """Return F1 over the counts of all samples; `kind` is `record` or `field`."""
    kept = list(items)
    right, predicted, gold = (sum(item[f"{kind}_{name}"] for item in kept) for name in Counts._fields)
    return 2 * right / (predicted + gold) if predicted + gold else 1.0
