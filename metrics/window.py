"""Steps 1 to 5 for a handful of samples together: whole-array work on one small sample is mostly waiting."""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, chain, pairwise
from typing import Any

from text2json.errors import DataError
from text2json.metrics import library
from text2json.metrics.causes import CAUSES, Document, sort_causes
from text2json.metrics.counts import Side, Sides, Span, Tally, Verdict, Written, Wrong, tally, verdicts
from text2json.metrics.flat_json import MISSING, Sheet, read_columns
from text2json.metrics.flat_table import flat_table
from text2json.metrics.flatten import flatten, is_flat, present
from text2json.metrics.limits import Limits
from text2json.metrics.paper import of_paper_form, paper_score
from text2json.metrics.parse import READ, Parsed, is_too_long, parse
from text2json.metrics.read_json import read_json
from text2json.metrics.record_schema import RecordSchema, record_schema
from text2json.metrics.report import SampleScore
from text2json.metrics.table import Table, paths
from text2json.metrics.together import Paired, align_all, in_order
from text2json.metrics.valid_columns import record_rule, valid_columns
from text2json.metrics.validate import is_valid
from text2json.schemas.sample import Sample

EMPTY = "[]"
_WRONG = {cause: f"wrong:{cause}" for cause in CAUSES}


@dataclass(frozen=True)
class Options:
    """How a sample is scored; see `scoring.score`."""

    repair: bool
    limits: Limits
    with_verdicts: bool


class Answer:
    """One sample and its output, of which no more is read than is asked for.

    Attributes:
        direct: whether the output is a list of records and nothing else, as `flat_json` has found.
    """

    def __init__(self, sample: Sample, output: str | None, schema: RecordSchema, options: Options) -> None:
        self.sample, self.output, self.schema, self.options = sample, output, schema, options
        self.text = "" if output is None else output.strip(" \t\r\n")
        self.direct = False

    @cached_property
    def parsed(self) -> Parsed:
        """What `parse` finds in the output."""
        if self.direct:
            return Parsed(read_json(self.text), "ok")
        options = self.options
        return parse(self.output, single=self.schema.single, repair=options.repair, limits=options.limits)

    @property
    def status(self) -> str:
        """The parse's status."""
        return "ok" if self.direct else self.parsed.status

    @cached_property
    def gold(self) -> Any:
        """The gold as it was read: a list of records, or one object."""
        gold = read_json(self.sample.answer, json.loads)
        if not self.schema.single and not isinstance(gold, list):
            raise DataError(f"the gold of {self.sample.id!r} is no list of records",
                            remedy='give a list, or a schema of `"type": "object"`')  # fmt: skip
        return gold

    @property
    def golds(self) -> list[Any]:
        """The gold records."""
        return [self.gold] if self.schema.single else self.gold

    def flat_texts(self) -> tuple[str, str, bool]:
        """Return JSON of the records, and of those that were salvaged, and whether the first is the output itself.

        Nothing, which no reader takes, stands for records that are not flat.
        """
        limits, text = self.options.limits, self.text
        if text[:1] == "[" and text[-1:] == "]" and limits.depth > 0 and not is_too_long(self.output or "", limits):
            return text, EMPTY, True
        records, salvaged = (
            (json.dumps(side, ensure_ascii=False) if is_flat(side) else "") if side else EMPTY
            for side in (self.parsed.records, self.parsed.salvaged)
        )
        return records, salvaged, False


@dataclass(frozen=True)
class _Judged:
    """Samples that were aligned and counted together, and after them what was salvaged of some.

    Args:
        answers: the samples.
        cut: places of those of which something was salvaged.
        table: the leaves of them all.
        spans: where the records of each stand in it.
        paired: which of them belong together.
        sides: the records of the samples; None where no verdict is asked for.
        tallies, wrong: what was counted.
        valid: of each sample, whether it obeys the schema, None where that is not known yet.
        threes: of each sample, whether every gold record may have three fields.
    """

    answers: list[Answer]
    cut: list[int]
    table: Table
    spans: list[Span]
    paired: Paired
    sides: Sides | None
    tallies: list[Tally]
    wrong: Wrong
    valid: list[bool | None]
    threes: list[bool]

    def verdicts(self, sample: int, causes: list[str]) -> list[Verdict]:
        """Return the verdicts on one sample's leaves; `causes` are those of its wrong values."""
        if self.sides is None:
            return []
        known = dict(zip(self.wrong.leaves(sample, self.table.columns), causes, strict=True))
        return list(verdicts(*self.sides[:2], self.spans[sample], self.paired.of(sample), known))


def score_window(samples: list[Sample], outputs: list[str | None], options: Options) -> list[SampleScore]:
    """Score samples, those of one schema together; None stands for a missing prediction."""
    groups: dict[str, list[int]] = {}
    for place, sample in enumerate(samples):
        groups.setdefault(sample.schema, []).append(place)
    scores: dict[str, SampleScore] = {}
    for text, places in groups.items():
        schema = record_schema(text)
        answers = [Answer(samples[place], outputs[place], schema, options) for place in places]
        flat = None if schema.single else _judge_flat(answers, schema, options)
        scored = set() if flat is None else {answer.sample.id for answer in flat.answers}
        others = [answer for answer in answers if answer.sample.id not in scored]
        for judged in chain([flat] if flat is not None else [], _judge(others, schema, options)):
            scores.update((score.id, score) for score in _scores(judged, options))
    return [scores[sample.id] for sample in samples]


def _judge(answers: list[Answer], schema: RecordSchema, options: Options) -> Iterator[_Judged]:
    """Judge samples of one schema by their values, together where their table keeps below its limit."""
    if not answers:
        return
    cut = [place for place, answer in enumerate(answers) if answer.parsed.salvaged]
    golds = [*(answer.golds for answer in answers), *(answers[place].golds for place in cut)]
    given = [*(answer.parsed.records for answer in answers), *(answers[place].parsed.salvaged for place in cut)]
    ours, theirs = (Side(list(chain.from_iterable(side)), flatten(side, schema.shape)) for side in (golds, given))
    half = len(answers) // 2
    if half and (len(ours.forms) + len(theirs.forms)) * len(paths(ours.forms, theirs.forms)) > options.limits.table:
        yield from _judge(answers[:half], schema, options)
        yield from _judge(answers[half:], schema, options)
        return
    table = Table.of(ours.forms, theirs.forms, schema.pairwise)
    sides, spans = Sides(ours, theirs, table.columns), _spans(list(map(len, golds)), list(map(len, given)))
    paired, tallies, wrong = _count(table, spans, sides, schema, options)
    yield _Judged(answers, cut, table, spans, paired, sides if options.with_verdicts else None, tallies, wrong,
                  [None] * len(answers), [True] * len(answers))  # fmt: skip


def _judge_flat(answers: list[Answer], schema: RecordSchema, options: Options) -> _Judged | None:
    """Judge those samples whose records on both sides a flat reader takes; None where there are none of them."""
    if library.library() is None:
        return None
    texts = [answer.flat_texts() for answer in answers]
    cut = [place for place, (_, salvaged, _) in enumerate(texts) if salvaged != EMPTY]
    golds = [answer.sample.answer for answer in answers]
    read = read_columns([
        *golds, *(golds[place] for place in cut), *(text for text, _, _ in texts), *(texts[place][1] for place in cut)
    ])  # fmt: skip
    if read is None:
        return None
    half = len(answers) + len(cut)
    ours, theirs = read.counts[:half], read.counts[half:]
    whole = [one >= 0 and other >= 0 for one, other in zip(ours, theirs, strict=True)]
    for place, is_whole in zip(cut, whole[len(answers) :], strict=True):
        whole[place] = whole[place] and is_whole
    taken = [*whole[: len(answers)], *(whole[place] for place in cut)]
    kept = [place for place in range(len(answers)) if whole[place]]
    if not kept:
        return None
    for place in kept:
        answers[place].direct = texts[place][2]
    sheet = read.only([*taken, *taken], half)
    spans = _spans(*([count for count, one in zip(side, taken, strict=True) if one] for side in (ours, theirs)))
    table, spellings = flat_table(sheet, schema)
    paired, tallies, wrong = _count(table, spans, spellings, schema, options)
    return _Judged(
        [answers[place] for place in kept],
        [kept.index(place) for place in cut if whole[place]],
        table,
        spans,
        paired,
        _sides([answers[place] for place in kept], table) if options.with_verdicts else None,
        tallies,
        wrong,
        _valid(sheet, answers[0].sample.schema, spans[: len(kept)]),
        _threes(sheet, spans[: len(kept)]),
    )


def _valid(sheet: Sheet, schema: str, spans: list[Span]) -> list[bool | None]:
    rule = record_rule(schema)
    return [None] * len(spans) if rule is None else valid_columns(sheet, rule, [span.predicted for span in spans])


def _threes(sheet: Sheet, spans: list[Span]) -> list[bool]:
    """Tell of each sample whether all of its gold records have three fields."""
    other = ((sheet.ours != MISSING).sum(0) != 3).nonzero()[0].tolist()
    return [bisect_left(other, span.gold.start) == bisect_left(other, span.gold.stop) for span in spans]


def _sides(answers: list[Answer], table: Table) -> Sides:
    """Return the records of flat samples, whose leaves are named by their keys."""
    golds = list(chain.from_iterable(answer.gold for answer in answers))
    given = list(chain.from_iterable(answer.parsed.records for answer in answers))
    return Sides(Side(golds, list(map(present, golds))), Side(given, list(map(present, given))), table.columns)


def _spans(ours: list[int], theirs: list[int]) -> list[Span]:
    ends = [pairwise(accumulate(side, initial=0)) for side in (ours, theirs)]
    return [Span(range(*one), range(*other)) for one, other in zip(*ends, strict=True)]


def _count(
    table: Table, spans: list[Span], written: Written, schema: RecordSchema, options: Options
) -> tuple[Paired, list[Tally], Wrong]:
    # One object against one object: nothing to choose.
    paired = in_order(spans) if schema.single else align_all(table, spans, schema.key, cells=options.limits.cells)
    return paired, *tally(table, written, spans, paired)


def _scores(judged: _Judged, options: Options) -> Iterator[SampleScore]:
    """Yield the scores of the samples."""
    rescued = dict(zip(judged.cut, judged.tallies[len(judged.answers) :], strict=True))
    documents = [Document(answer.sample) for answer in judged.answers]
    causes = sort_causes(judged.wrong, judged.table, judged.spans, documents, options.limits.seconds)
    for place, (answer, counts) in enumerate(zip(judged.answers, judged.tallies, strict=False)):
        sample = answer.sample
        of_paper = judged.threes[place] and of_paper_form(answer.gold)
        yield SampleScore(
            id=sample.id,
            domain=sample.domain,
            status=answer.status,
            valid=answer.status in READ and _is_valid(answer, judged.valid[place]),
            length=len(sample.problem),
            records=counts.records,
            fields=counts.total,
            raw_records=counts.raw_records,
            raw_fields=counts.raw_right,
            by_field=counts.fields,
            paper=paper_score(answer.gold, answer.output) if of_paper else None,
            errors=_errors(counts, causes[place]),
            salvaged=(rescued[place].records, rescued[place].total) if place in rescued else None,
            empty_records=counts.empty_records,
            duplicate_keys=0 if answer.direct else answer.parsed.duplicate_keys,
            exact=judged.paired.exact[place],
            verdicts=judged.verdicts(place, causes[place]),
        )  # fmt: skip


def _is_valid(answer: Answer, known: bool | None) -> bool:
    if known is not None:
        return known
    records = answer.parsed.records
    return is_valid(answer.sample.schema, records[0] if answer.schema.single else records)


def _errors(counts: Tally, causes: Iterable[str]) -> dict[str, int]:
    errors = {
        "missing_record": counts.missing_records,
        "hallucinated_record": counts.hallucinated_records,
        "missing_field": counts.missing_fields,
        "hallucinated_field": counts.hallucinated_fields,
    }
    errors = {kind: number for kind, number in errors.items() if number}
    for cause in causes:
        kind = _WRONG[cause]
        errors[kind] = errors.get(kind, 0) + 1
    return errors
