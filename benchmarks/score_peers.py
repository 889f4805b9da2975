"""The peers of `benchmarks/score.py`: each scores parsed records, and its parsing of outputs is counted as ours is."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from text2json.schemas.sample import Sample

Pairs = Sequence[tuple[Sample, str]]


@dataclass(frozen=True)
class Peer:
    """A peer: how many of the samples it is given (slow ones get few), and what makes its work of them."""

    samples: int
    prepare: Callable[[Pairs], Callable[[], float]]


def parsed(text: str) -> list[dict[str, Any]]:
    """Read an output as all peers but the published evaluator must be given it; what cannot be read is empty."""
    try:
        return list(json.loads(text))
    except ValueError:
        return []


def published(gold_text: str, output: str) -> float | None:
    """Score one sample as the published evaluator of Text2JSON (arXiv 2604.08426) does, step by step.

    Used as the reference of its speed; it raises where that one raises.
    """
    gold = {record["name"].replace("’", "'"): record for record in json.loads(gold_text)}
    if output.count("[") != 1 or output.count("]") != 1 or output.index("]") < output.index("["):
        return 0.0
    try:
        predicted = json.loads(output[output.index("[") : output.index("]") + 1])
    except ValueError:
        return 0.0
    union, total = len(gold), 0.0
    for record in predicted:
        if not isinstance(record.get("name"), str):
            union += 1
            continue
        name = record["name"].replace("’", "'")
        if name not in gold:
            union += 1
            continue
        right = gold.pop(name)
        score = 1.0
        for key in right:
            if key == "name":
                continue
            value = record.get(key)
            if value is None:
                score -= 0.5
                continue
            if isinstance(value, int):
                value = str(value)
            if value.replace("’", "'") != right[key].replace("’", "'"):
                score -= 0.25
        total += score
    return total / union


def llama_extract_bench(pairs: Pairs) -> Callable[[], float]:
    """Its array metric: cells matched after the best assignment of rows."""
    from extract_bench.evaluation.metrics.extract.array_record_match_metric import compute_array_record_match_counts

    schema = {"type": "object", "properties": {"r": json.loads(pairs[0][0].schema)}}

    def work() -> float:
        right = total = 0
        for sample, text in pairs:
            counts = compute_array_record_match_counts({"r": json.loads(sample.answer)}, {"r": parsed(text)}, schema)
            right += 2 * counts.correct
            total += counts.expected_total + counts.predicted_total
        return right / total

    return work


def omni_extract_bench(pairs: Pairs) -> Callable[[], float]:
    """Its field matching."""
    from omni_extract_bench.scorers.field_matching import compare

    schema = {"type": "object", "properties": {"r": json.loads(pairs[0][0].schema)}}

    def work() -> float:
        scores = [
            compare.score({"r": parsed(text)}, {"r": json.loads(sample.answer)}, schema)["f1"] for sample, text in pairs
        ]
        return sum(scores) / len(scores)

    return work


def anls_star(pairs: Pairs) -> Callable[[], float]:
    """ANLS* over lists of dictionaries."""
    from anls_star import anls_score

    def work() -> float:
        scores = [anls_score(json.loads(sample.answer), parsed(text)) for sample, text in pairs]
        return sum(scores) / len(scores)

    return work


def stickler_eval(pairs: Pairs, *, exact: bool) -> Callable[[], float]:
    """Stickler's comparison of models with a list of records.

    With its exact comparator a value is right or wrong, as here; by default it weighs texts by their edit distance.
    """
    from stickler import ComparableField, StructuredModel
    from stickler.comparators import ExactComparator

    kinds = {"integer": int, "number": float}
    properties = json.loads(pairs[0][0].schema)["items"]["properties"]
    rule = {"comparator": ExactComparator(), "threshold": 1.0} if exact else {}
    fields = {name: ComparableField(default=None, **rule) for name in properties}
    types = {name: kinds.get(part.get("type"), str) | None for name, part in properties.items()}
    record = type("Record", (StructuredModel,), {"__annotations__": types, "match_threshold": 0.5, **fields})
    answer = type("Answer", (StructuredModel,), {
        "__annotations__": {"r": list[record]}, "r": ComparableField(weight=1.0)})  # type: ignore[valid-type] # fmt: skip

    def work() -> float:
        scores = []
        for sample, text in pairs:
            gold = answer(r=json.loads(sample.answer))
            rows = [{**row, "year": int(row["year"])} for row in parsed(text)]
            scores.append(gold.compare_with(answer(r=rows))["overall_score"])
        return sum(scores) / len(scores)

    return work


PEERS = {
    "llama-extract-bench array": Peer(500, llama_extract_bench),
    "omni-extract-bench": Peer(20, omni_extract_bench),
    "ANLS*": Peer(4, anls_star),
    "stickler-eval, exact": Peer(4, partial(stickler_eval, exact=True)),
    "stickler-eval, default": Peer(4, partial(stickler_eval, exact=False)),
}
