"""The scorer in `inspect_ai` (https://inspect.aisi.org.uk): `pip install 'text2json[inspect]'`.

::

    from inspect_ai import Task, eval
    from inspect_ai.solver import generate
    from text2json import load
    from text2json.adapters.inspect import records_scorer, to_inspect

    eval(Task(dataset=to_inspect(load("DATA")), solver=generate(), scorer=records_scorer()), model="...")

One's own samples need a `target` that is the gold as JSON text, and `records_scorer(schema=..., key=...)`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from inspect_ai.dataset import MemoryDataset
from inspect_ai.dataset import Sample as InspectSample
from inspect_ai.scorer import Metric, SampleScore, Score, Scorer, Target, metric, scorer
from inspect_ai.solver import TaskState

from text2json.adapters.counts import external, micro_f1, sums
from text2json.errors import DataError
from text2json.metrics.gold import iter_gold
from text2json.schemas.sample import Sample, sample_from_row

_COLUMNS = "text2json"


def to_inspect(samples: Iterable[Any], name: str = "text2json") -> MemoryDataset:
    """Return what `text2json.load` gives as a data set of `inspect_ai`, with all that scoring needs as metadata."""
    return MemoryDataset(
        [
            InspectSample(id=one.id, input=one.problem, target=one.answer, metadata={_COLUMNS: one.to_dict()})
            for one in iter_gold(samples)
        ],
        name=name,
    )


@metric
def record_f1() -> Metric:
    """F1 over the records of all samples, right in every leaf."""
    return _micro("record")


@metric
def field_f1() -> Metric:
    """F1 over the leaves of all samples."""
    return _micro("field")


def _micro(kind: str) -> Metric:
    def micro(scores: Sequence[SampleScore]) -> float:
        # Over several epochs the counts are means, whose sums give the same F1.
        return micro_f1([one.score.as_dict() for one in scores], kind)

    return micro


@scorer(metrics=[record_f1(), field_f1()])
def records_scorer(schema: Any = None, key: str | None = None) -> Scorer:
    """Score an answer's records against the target.

    Args:
        schema: of one's own gold: a pydantic model, or a JSON Schema of a record or of the whole answer.
        key: of one's own gold: the field that names a record; without one, records are paired by assignment.
    """

    async def score(state: TaskState, target: Target) -> Score:
        sample = _sample(state, target, schema, key)
        answer = state.output.completion
        return Score(value=sums(sample, answer), answer=answer)

    return score


def _sample(state: TaskState, target: Target, schema: Any, key: str | None) -> Sample:
    columns = (state.metadata or {}).get(_COLUMNS)
    if columns is not None:
        return sample_from_row(columns)
    try:
        gold = json.loads(target.text)
    except ValueError:
        raise DataError(f"the target of sample {state.sample_id!r} is no JSON") from None
    return external(gold, name=str(state.sample_id), schema=schema, key=key, document=state.input_text)
