"""The seven steps in order: parse, validate, align, compare, aggregate, uncertainty, signature."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from text2json import __version__
from text2json.errors import DataError, did_you_mean
from text2json.metrics.align import Alignment, align
from text2json.metrics.causes import Causes
from text2json.metrics.compare import RecordSchema, flatten, record_schema
from text2json.metrics.counts import Side, Tally, tally, verdicts
from text2json.metrics.gold import iter_gold, plain
from text2json.metrics.limits import LIMITS, Limits
from text2json.metrics.paper import of_paper_form, paper_score
from text2json.metrics.parse import READ, parse
from text2json.metrics.predictions import read_predictions
from text2json.metrics.report import Report, SampleScore
from text2json.metrics.signature import Rules
from text2json.metrics.table import Table
from text2json.metrics.validate import is_valid
from text2json.schemas.canonical import canonical_json
from text2json.schemas.sample import Sample


def score(
    predictions: Mapping[str, Any] | Sequence[Any] | str | Path,
    data: Iterable[Any] | Mapping[str, Any],
    *,
    schema: Any = None,
    key: str | None = None,
    documents: Mapping[str, str] | None = None,
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
        documents: of one's own gold: id → the text that was read, for the causes of errors.
        data_name: how the signature names the data.
        repair: mend broken JSON, which the signature then says.
        limits: what one sample may cost.
        on_sample: called with every sample's score as it is made.
        keep_verdicts: whether the samples' scores hold the verdict on each leaf; without them a million records take
            little memory.

    Raises:
        DataError: a prediction's id is unknown, an id stands twice, the file is broken, or there is no sample.
    """
    outputs = _outputs(predictions)
    scores: list[SampleScore] = []
    seen: set[str] = set()
    rules: set[str] = set()
    for sample in iter_gold(data, schema, key=key, documents=documents):
        if sample.id in seen:
            raise DataError(f"the data has the id {sample.id!r} twice", remedy="give every sample an id of its own")
        seen.add(sample.id)
        rules.add("key" if record_schema(sample.schema).key is not None else "assignment")
        scored = score_sample(sample, outputs.get(sample.id), repair=repair, limits=limits, with_verdicts=keep_verdicts)
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
        version=__version__, data=data_name, align=rules.pop() if len(rules) == 1 else "mixed",
        repair="json_repair" if repair else "no", limits=str(limits),
    ).signature()  # fmt: skip
    return Report.of(scores, signature)


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
    schema = record_schema(sample.schema)
    parsed = parse(output, single=schema.single, repair=repair, limits=limits)
    answer = json.loads(sample.answer)
    if not schema.single and not isinstance(answer, list):
        raise DataError(f"the gold of {sample.id!r} is no list of records",
                        remedy='give a list, or a schema of `"type": "object"`')  # fmt: skip
    gold = _side([answer] if schema.single else answer, schema)
    predicted = _side(parsed.records, schema)
    alignment, counts = _judge(gold, predicted, schema, limits)
    causes = Causes(gold, sample.problem[slice(*sample.text_span)]).sort(counts.wrong, predicted, limits.seconds)
    salvaged = None
    if parsed.salvaged:
        _, rescued = _judge(gold, _side(parsed.salvaged, schema), schema, limits)
        salvaged = (rescued.records, rescued.total)
    return SampleScore(
        id=sample.id,
        domain=sample.domain,
        status=parsed.status,
        valid=parsed.status in READ and is_valid(sample.schema, parsed.records[0] if schema.single else parsed.records),
        length=len(sample.problem),
        records=counts.records,
        fields=counts.total,
        raw_records=counts.raw_records,
        raw_fields=counts.raw_right,
        by_field=counts.fields,
        paper=paper_score(answer, output) if of_paper_form(answer) else None,
        errors=_errors(counts, causes.values()),
        salvaged=salvaged,
        empty_records=sum(not record for record in gold.forms),
        duplicate_keys=parsed.duplicate_keys,
        exact=alignment.exact,
        verdicts=list(verdicts(gold, predicted, alignment.pairs, causes)) if with_verdicts else [],
    )


def _side(records: list[Any], schema: RecordSchema) -> Side:
    return Side(records, flatten(records, schema.shape))


def _judge(gold: Side, predicted: Side, schema: RecordSchema, limits: Limits) -> tuple[Alignment, Tally]:
    table = Table(gold.forms, predicted.forms, schema.pairwise)
    if schema.single:  # one object against one object: nothing to choose
        alignment = Alignment([(0, 0)] if predicted.forms else [])
    else:
        alignment = align(table, schema.key, cells=limits.cells)
    return alignment, tally(table, gold, predicted, alignment.pairs)


def _errors(counts: Tally, causes: Iterable[str]) -> dict[str, int]:
    errors = {
        "missing_record": counts.missing_records,
        "hallucinated_record": counts.hallucinated_records,
        "missing_field": counts.missing_fields,
        "hallucinated_field": counts.hallucinated_fields,
        **{f"wrong:{cause}": number for cause, number in Counter(causes).items()},
    }
    return {kind: number for kind, number in errors.items() if number}
