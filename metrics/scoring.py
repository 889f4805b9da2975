"""The seven steps in order: parse, validate, align, compare, aggregate, uncertainty, signature."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain, pairwise
from pathlib import Path
from typing import Any

from text2json import __version__
from text2json.errors import DataError, did_you_mean
from text2json.metrics.causes import Document, sort_causes
from text2json.metrics.counts import Side, Span, Tally, Verdict, Wrong, tally, verdicts
from text2json.metrics.flatten import flatten
from text2json.metrics.gold import iter_gold, plain
from text2json.metrics.limits import LIMITS, Limits
from text2json.metrics.paper import of_paper_form, paper_score
from text2json.metrics.parse import READ, Parsed, parse
from text2json.metrics.predictions import read_predictions
from text2json.metrics.read_json import read_json
from text2json.metrics.record_schema import RecordSchema, record_schema
from text2json.metrics.report import Report, SampleScore
from text2json.metrics.signature import Rules
from text2json.metrics.table import Table
from text2json.metrics.together import Paired, align_all, in_order
from text2json.metrics.validate import is_valid
from text2json.schemas.canonical import canonical_json
from text2json.schemas.sample import Sample

WINDOW = 32
"""How many samples are scored together at most."""
WINDOW_CHARACTERS = 4_000_000
"""Characters of their gold, which bounds the memory of a window."""


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
    options = _Options(repair, limits, keep_verdicts)
    for window in _windows(iter_gold(data, schema, key=key, documents=documents)):
        for sample in window:
            if sample.id in seen:
                raise DataError(f"the data has the id {sample.id!r} twice", remedy="give every sample an id of its own")
            seen.add(sample.id)
            rules.add("key" if record_schema(sample.schema).key is not None else "assignment")
        for scored in _score_window(window, [outputs.get(sample.id) for sample in window], options):
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


@dataclass(frozen=True)
class _Options:
    repair: bool
    limits: Limits
    with_verdicts: bool


@dataclass(frozen=True)
class _Answer:
    """One sample with what was read of its gold and of its output."""

    sample: Sample
    output: str | None
    parsed: Parsed
    gold: Any
    """The gold as it was read: a list of records, or one object."""


def score_sample(
    sample: Sample,
    output: str | None,
    *,
    repair: bool = False,
    limits: Limits = LIMITS,
    with_verdicts: bool = True,
) -> SampleScore:
    """Score one sample; None stands for a missing prediction."""
    return _score_window([sample], [output], _Options(repair, limits, with_verdicts))[0]


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


def _score_window(samples: list[Sample], outputs: list[str | None], options: _Options) -> list[SampleScore]:
    """Score samples, those of one schema together."""
    groups: dict[str, list[int]] = {}
    for place, sample in enumerate(samples):
        groups.setdefault(sample.schema, []).append(place)
    scores: dict[int, SampleScore] = {}
    for text, places in groups.items():
        schema = record_schema(text)
        answers = [_read(samples[place], outputs[place], schema, options) for place in places]
        scores.update(zip(places, _score_alike(answers, schema, options), strict=True))
    return [scores[place] for place in range(len(samples))]


def _read(sample: Sample, output: str | None, schema: RecordSchema, options: _Options) -> _Answer:
    parsed = parse(output, single=schema.single, repair=options.repair, limits=options.limits)
    gold = read_json(sample.answer, json.loads)
    if not schema.single and not isinstance(gold, list):
        raise DataError(f"the gold of {sample.id!r} is no list of records",
                        remedy='give a list, or a schema of `"type": "object"`')  # fmt: skip
    return _Answer(sample, output, parsed, gold)


def _score_alike(answers: list[_Answer], schema: RecordSchema, options: _Options) -> list[SampleScore]:
    """Score samples of one schema."""
    golds = [[answer.gold] if schema.single else answer.gold for answer in answers]
    cut = [place for place, answer in enumerate(answers) if answer.parsed.salvaged]
    judged = _judge(
        [*golds, *(golds[place] for place in cut)],
        [*(answer.parsed.records for answer in answers), *(answers[place].parsed.salvaged for place in cut)],
        schema,
        options.limits,
    )
    rescued = dict(zip(cut, judged.tallies[len(answers) :], strict=True))
    documents = [Document(answer.sample) for answer in answers]
    causes = sort_causes(judged.wrong, judged.table, judged.spans, documents, options.limits.seconds)
    scores = []
    for place, (answer, counts) in enumerate(zip(answers, judged.tallies, strict=False)):
        sample, parsed = answer.sample, answer.parsed
        salvaged = (rescued[place].records, rescued[place].total) if place in rescued else None
        scores.append(SampleScore(
            id=sample.id,
            domain=sample.domain,
            status=parsed.status,
            valid=parsed.status in READ
            and is_valid(sample.schema, parsed.records[0] if schema.single else parsed.records),
            length=len(sample.problem),
            records=counts.records,
            fields=counts.total,
            raw_records=counts.raw_records,
            raw_fields=counts.raw_right,
            by_field=counts.fields,
            paper=paper_score(answer.gold, answer.output) if of_paper_form(answer.gold) else None,
            errors=_errors(counts, causes[place]),
            salvaged=salvaged,
            empty_records=counts.empty_records,
            duplicate_keys=parsed.duplicate_keys,
            exact=judged.paired.exact[place],
            verdicts=judged.verdicts(place, causes[place]) if options.with_verdicts else [],
        ))  # fmt: skip
    return scores


@dataclass(frozen=True)
class _Judged:
    """Samples that were aligned and counted together."""

    gold: Side
    predicted: Side
    table: Table
    spans: list[Span]
    paired: Paired
    tallies: list[Tally]
    wrong: Wrong

    def verdicts(self, sample: int, causes: list[str]) -> list[Verdict]:
        """Return the verdicts on one sample's leaves; `causes` are those of its wrong values."""
        known = dict(zip(self.wrong.leaves(sample, self.table.columns), causes, strict=True))
        return list(verdicts(self.gold, self.predicted, self.spans[sample], self.paired.of(sample), known))


def _judge(golds: list[list[Any]], predictions: list[list[Any]], schema: RecordSchema, limits: Limits) -> _Judged:
    gold, predicted = (
        Side(list(chain.from_iterable(side)), flatten(side, schema.shape)) for side in (golds, predictions)
    )
    table = Table(gold.forms, predicted.forms, schema.pairwise)
    ends = [list(accumulate(map(len, side), initial=0)) for side in (golds, predictions)]
    spans = [
        Span(range(*ours), range(*theirs)) for ours, theirs in zip(pairwise(ends[0]), pairwise(ends[1]), strict=True)
    ]
    # One object against one object: nothing to choose.
    paired = in_order(spans) if schema.single else align_all(table, spans, schema.key, cells=limits.cells)
    tallies, wrong = tally(table, gold, predicted, spans, paired)
    return _Judged(gold, predicted, table, spans, paired, tallies, wrong)


def _errors(counts: Tally, causes: Iterable[str]) -> dict[str, int]:
    errors = {
        "missing_record": counts.missing_records,
        "hallucinated_record": counts.hallucinated_records,
        "missing_field": counts.missing_fields,
        "hallucinated_field": counts.hallucinated_fields,
        **{f"wrong:{cause}": number for cause, number in Counter(causes).items()},
    }
    return {kind: number for kind, number in errors.items() if number}
