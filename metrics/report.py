"""The score of a set of predictions, and what it is made of."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from text2json.metrics.counts import Counts, Verdict
from text2json.metrics.paper import PaperScore
from text2json.metrics.uncertainty import Ratio, intervals


@dataclass(frozen=True, slots=True)
class SampleScore:
    """One sample's counts, and the verdicts that they are made of."""

    id: str
    domain: str
    status: str
    valid: bool
    """Whether what was parsed obeys the sample's JSON Schema; false for what could not be parsed."""
    length: int
    """Characters of the prompt."""
    records: Counts
    fields: Counts
    raw_records: int
    """Records that are right as they are written, without any normal form."""
    raw_fields: int
    by_field: dict[str, Counts]
    paper: PaperScore | None
    """None where the gold is not of the paper's form."""
    errors: dict[str, int]
    """How often each kind of error stands in the sample: `ERRORS`."""
    salvaged: tuple[Counts, Counts] | None
    """Of a truncated output: the counts of records and fields if its complete records had counted."""
    empty_records: int
    """Gold records without any leaf, which an all-null answer gets right."""
    duplicate_keys: int
    exact: bool
    """False where size forced a greedy alignment."""
    verdicts: list[Verdict] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """Return the sample as plain values for JSON."""
        return {
            "id": self.id, "domain": self.domain, "status": self.status, "valid": self.valid, "exact": self.exact,
            "records": self.records.to_dict(), "fields": self.fields.to_dict(),
            "paper": None if self.paper is None else {"score": self.paper.score, "reason": self.paper.reason},
            "errors": self.errors, "duplicate_keys": self.duplicate_keys,
            "verdicts": [verdict._asdict() for verdict in self.verdicts],
        }  # fmt: skip


ERRORS = {
    "missing_record": "missing records",
    "hallucinated_record": "hallucinated records",
    "missing_field": "missing fields",
    "hallucinated_field": "hallucinated fields",
    "wrong:other_record": "wrong: value of another record",
    "wrong:near_miss": "wrong: near miss",
    "wrong:elsewhere": "wrong: from elsewhere in the document",
    "wrong:invented": "wrong: not in the document",
    "wrong:unplaced": "wrong: no document to look in",
}
"""The kinds of errors; fields are those of records that have a partner."""


@dataclass(frozen=True)
class Figures:
    """Precision, recall and F1 with its 95 % interval, and the counts behind them."""

    counts: Counts
    f1_interval: tuple[float, float]
    raw_f1: float
    """F1 where only what is written as in the gold is right."""
    precision_interval: tuple[float, float]
    recall_interval: tuple[float, float]

    @property
    def precision(self) -> float:
        """Right among predicted."""
        return self.counts.precision

    @property
    def recall(self) -> float:
        """Right among gold."""
        return self.counts.recall

    @property
    def f1(self) -> float:
        """Harmonic mean of the two."""
        return self.counts.f1

    @property
    def right(self) -> int:
        """True positives."""
        return self.counts.right

    @property
    def predicted(self) -> int:
        """What was predicted."""
        return self.counts.predicted

    @property
    def gold(self) -> int:
        """What is in the gold."""
        return self.counts.gold

    def to_dict(self) -> dict[str, Any]:
        """Return the figures for JSON."""
        return {
            **self.counts.to_dict(),
            "f1_interval": list(self.f1_interval),
            "raw_f1": self.raw_f1,
            "precision_interval": list(self.precision_interval),
            "recall_interval": list(self.recall_interval),
        }


@dataclass(frozen=True)
class Group:
    """The samples that are alike in one respect."""

    samples: int
    records: Counts
    fields: Counts

    def to_dict(self) -> dict[str, Any]:
        """Return the group for JSON."""
        return {"samples": self.samples, "records": self.records.to_dict(), "fields": self.fields.to_dict()}


@dataclass(frozen=True)
class Report:
    """The whole result; `str(report)` is what a person reads."""

    samples: int
    records: Figures
    fields: Figures
    by_field: dict[str, Counts]
    groups: dict[str, dict[str, Group]]
    """By `domain`, by `characters` of the prompt and by number of gold `records`."""
    macro_record_f1: float
    """Mean over samples of the sample's record F1."""
    macro_record_f1_interval: tuple[float, float]
    macro_field_f1: float
    macro_field_f1_interval: tuple[float, float]
    exact_documents: float
    """Share of samples with every record right and none too many."""
    exact_documents_interval: tuple[float, float]
    schema_valid: float
    paper: float | None
    """The published score, 0 to 100; None where the gold is not of the paper's form."""
    paper_interval: tuple[float, float] | None
    """Over the samples that the published rules do not leave out."""
    paper_skipped: int
    """Samples that the published rules leave out."""
    paper_forced: dict[str, int]
    """Samples that score 0 where the published evaluator would raise, by reason."""
    statuses: dict[str, int]
    errors: dict[str, int]
    salvaged: dict[str, float] | None
    """Record and field F1 if the complete records of truncated outputs counted; None without any such."""
    floors: dict[str, dict[str, float]]
    """What two answers reach that read nothing: no records at all, and the right number of all-null records."""
    exact: bool
    """False where size forced a greedy alignment in some sample."""
    limits: dict[str, int]
    """Samples that met a limit: `unread` outputs and `greedy` alignments."""
    duplicate_keys: int
    signature: str
    details: list[SampleScore]

    @classmethod
    def of(cls, scores: Sequence[SampleScore], signature: str) -> Report:
        """Sum up the samples."""
        count = len(scores)
        records, fields = _total(s.records for s in scores), _total(s.fields for s in scores)
        papers = [score.paper for score in scores if score.paper is not None]
        kept = [paper.score for paper in papers if paper.score is not None]
        has_paper = bool(kept) and len(papers) == count
        ones = [1.0] * count
        ratios: list[Ratio] = [
            ([2 * s.records.right for s in scores], [s.records.predicted + s.records.gold for s in scores]),
            ([2 * s.fields.right for s in scores], [s.fields.predicted + s.fields.gold for s in scores]),
            ([s.records.f1 for s in scores], ones),
            ([s.fields.f1 for s in scores], ones),
            ([float(s.records.f1 == 1) for s in scores], ones),
        ]
        for side in ("records", "fields"):
            parts: list[Counts] = [getattr(score, side) for score in scores]
            right, predicted, gold = ([part[place] for part in parts] for place in range(3))
            ratios += [(right, predicted, gold), (right, gold, predicted)]
        bounds = intervals(ratios)
        (paper_bounds,) = intervals([(kept, [1.0] * len(kept))]) if has_paper else [(0.0, 0.0)]
        raw = [2 * sum(s.raw_records for s in scores), 2 * sum(s.raw_fields for s in scores)]
        sizes = [part.predicted + part.gold for part in (records, fields)]
        raw_records, raw_fields = (one / size if size else 1.0 for one, size in zip(raw, sizes, strict=True))
        greedy = sum(not score.exact for score in scores)
        return cls(
            samples=count,
            records=Figures(records, bounds[0], raw_records, bounds[5], bounds[6]),
            fields=Figures(fields, bounds[1], raw_fields, bounds[7], bounds[8]),
            by_field=_by_field(scores),
            groups={
                "domain": _groups(scores, lambda score: score.domain, str),
                "characters": _groups(scores, lambda score: score.length, _bucket),
                "records": _groups(scores, lambda score: score.records.gold, _bucket),
            },
            macro_record_f1=sum(ratios[2][0]) / count,
            macro_record_f1_interval=bounds[2],
            macro_field_f1=sum(score.fields.f1 for score in scores) / count,
            macro_field_f1_interval=bounds[3],
            exact_documents=sum(score.records.f1 == 1 for score in scores) / count,
            exact_documents_interval=bounds[4],
            schema_valid=sum(score.valid for score in scores) / count,
            paper=100 * sum(kept) / len(kept) if has_paper else None,
            paper_interval=(100 * paper_bounds[0], 100 * paper_bounds[1]) if has_paper else None,
            paper_skipped=len(papers) - len(kept),
            paper_forced=dict(Counter(p.reason for p in papers if p.score is not None and p.reason is not None)),
            statuses=dict(sorted(Counter(score.status for score in scores).items())),
            errors={kind: sum(score.errors.get(kind, 0) for score in scores) for kind in ERRORS},
            salvaged=_salvaged(scores),
            floors=_floors(scores),
            exact=not greedy,
            limits={"unread": sum(score.status == "over_limit" for score in scores), "greedy": greedy},
            duplicate_keys=sum(score.duplicate_keys for score in scores),
            signature=signature,
            details=list(scores),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the figures, without the single samples, as plain values for JSON."""
        return {
            "samples": self.samples,
            "records": self.records.to_dict(),
            "fields": self.fields.to_dict(),
            "by_field": {name: counts.to_dict() for name, counts in self.by_field.items()},
            "groups": {
                kind: {name: group.to_dict() for name, group in groups.items()} for kind, groups in self.groups.items()
            },
            "macro_record_f1": self.macro_record_f1,
            "macro_record_f1_interval": list(self.macro_record_f1_interval),
            "macro_field_f1": self.macro_field_f1,
            "macro_field_f1_interval": list(self.macro_field_f1_interval),
            "exact_documents": self.exact_documents,
            "exact_documents_interval": list(self.exact_documents_interval),
            "schema_valid": self.schema_valid,
            "paper": self.paper,
            "paper_interval": None if self.paper_interval is None else list(self.paper_interval),
            "paper_skipped": self.paper_skipped,
            "paper_forced": self.paper_forced,
            "statuses": self.statuses,
            "errors": self.errors,
            "salvaged": self.salvaged,
            "floors": self.floors,
            "exact": self.exact,
            "limits": self.limits,
            "duplicate_keys": self.duplicate_keys,
            "signature": self.signature,
        }

    def __str__(self) -> str:
        lines = [
            f"samples          {self.samples}   ({', '.join(f'{name} {n}' for name, n in self.statuses.items())})",
            "                 precision  recall     F1   95 % interval       raw F1",
            _line("records", self.records),
            _line("fields", self.fields),
        ]
        lines += _table("by field", [(name, None, counts) for name, counts in self.by_field.items()])
        titles = {"domain": "records by domain", "characters": "records by characters of the prompt",
                  "records": "records by number of gold records"}  # fmt: skip
        for kind, groups in self.groups.items():
            if len(groups) > 1:
                lines += _table(titles[kind], [(name, g.samples, g.records) for name, g in groups.items()])
        found = [(ERRORS[kind], n) for kind, n in self.errors.items() if n]
        lines += ["", "errors", *(f"  {name:<38}{n:>8,}" for name, n in found)] if found else []
        low, high = self.macro_record_f1_interval
        least, most = self.macro_field_f1_interval
        few, many = self.exact_documents_interval
        lines += [
            "",
            f"macro F1         records {self.macro_record_f1:.3f} ({low:.3f} to {high:.3f}), "
            f"fields {self.macro_field_f1:.3f} ({least:.3f} to {most:.3f})",
            f"paper's score    {self._paper()}",
            f"exact documents  {self.exact_documents:.3f} ({few:.3f} to {many:.3f})",
            f"schema-valid     {self.schema_valid:.3f}",
            "floors           "
            + "; ".join(f"{name} {floor['records']:.3f} / {floor['fields']:.3f}" for name, floor in self.floors.items())
            + "   (record / field F1 of an answer that reads nothing)",
        ]
        if self.salvaged is not None:
            records, fields = self.salvaged["records"], self.salvaged["fields"]
            told = "F1 if the complete records of truncated outputs counted"
            lines.append(f"with salvage     records {records:.3f}, fields {fields:.3f}   ({told})")
        if self.duplicate_keys:
            lines.append(f"duplicate keys   {self.duplicate_keys}   (the last of them counts)")
        if not self.exact:
            lines.append(f"not exact        {self.limits['greedy']} samples were aligned greedily for their size")
        return "\n".join([*lines, self.signature])

    def _paper(self) -> str:
        if self.paper is None or self.paper_interval is None:
            return "-"
        low, high = self.paper_interval
        told = f"{self.paper:.2f} of 100   ({low:.2f} to {high:.2f})"
        if self.paper_skipped:
            told += f"; {self.paper_skipped} samples left out"
        return told + "".join(f"; {n} scored 0: {reason}" for reason, n in self.paper_forced.items())


def _total(counts: Iterable[Counts]) -> Counts:
    right, predicted, gold = map(sum, zip(*counts, strict=True))
    return Counts(right, predicted, gold)


def _by_field(scores: Iterable[SampleScore]) -> dict[str, Counts]:
    sums: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    for score in scores:
        for name, counts in score.by_field.items():
            row = sums[name]
            for place in range(3):
                row[place] += counts[place]
    return {name: Counts(*sums[name]) for name in sorted(sums)}


def _groups(
    scores: Sequence[SampleScore], trait: Callable[[SampleScore], Any], title: Callable[[Any], str]
) -> dict[str, Group]:
    """Return the samples whose traits have the same title, in the order of traits."""
    grouped: dict[str, list[SampleScore]] = defaultdict(list)
    for score in sorted(scores, key=trait):
        grouped[title(trait(score))].append(score)
    return {
        name: Group(len(group), _total(s.records for s in group), _total(s.fields for s in group))
        for name, group in grouped.items()
    }


def _bucket(number: int) -> str:
    """Return the range of powers of two that `number` lies in: 0, 1, 2-3, 4-7, ..."""
    if number < 2:
        return str(number)
    low = 1 << (number.bit_length() - 1)
    return f"{low:,}-{2 * low - 1:,}"


def _salvaged(scores: Sequence[SampleScore]) -> dict[str, float] | None:
    if all(score.salvaged is None for score in scores):
        return None
    parts = [score.salvaged or (score.records, score.fields) for score in scores]
    return {"records": _total(part[0] for part in parts).f1, "fields": _total(part[1] for part in parts).f1}


def _floors(scores: Sequence[SampleScore]) -> dict[str, dict[str, float]]:
    records, leaves = sum(s.records.gold for s in scores), sum(s.fields.gold for s in scores)
    blank = sum(score.empty_records for score in scores)
    return {
        "empty": {"records": Counts(0, 0, records).f1, "fields": Counts(0, 0, leaves).f1},
        "all null": {"records": Counts(blank, records, records).f1, "fields": Counts(0, 0, leaves).f1},
    }


def _printable(name: str) -> str:
    """Return a field's name without lone surrogates, which no terminal takes."""
    return name.encode("utf-8", "backslashreplace").decode()


def _line(name: str, figures: Figures) -> str:
    low, high = figures.f1_interval
    return (
        f"{name:<17}{figures.precision:>9.3f}{figures.recall:>8.3f}{figures.f1:>7.3f}   {low:.3f} to {high:.3f}"
        f"   {figures.raw_f1:>9.3f}   ({figures.right} right, {figures.predicted} predicted, {figures.gold} gold)"
    )


def _table(title: str, rows: Sequence[tuple[str, int | None, Counts]]) -> list[str]:
    return ["", title] + [
        f"  {_printable(name) or '(none)':<24.24}{counts.precision:>8.3f}{counts.recall:>8.3f}{counts.f1:>7.3f}"
        + ("" if samples is None else f"   ({samples} samples)")
        for name, samples, counts in rows
    ]
