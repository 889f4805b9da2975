from __future__ import annotations

from collections import Counter
from fractions import Fraction
from itertools import accumulate, pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from text2json.metrics import counts as module
from text2json.metrics.compare import Shape
from text2json.metrics.counts import HALLUCINATED, MISSING, RIGHT, WRONG, Counts, Side, Sides, Span, tally, verdicts
from text2json.metrics.flatten import flatten
from text2json.metrics.table import Table
from text2json.metrics.together import align_all, in_order

SHAPE = Shape({"properties": {"a": {"type": "number"}}}, {})
RECORD = st.dictionaries(st.sampled_from("abc"), st.sampled_from(["x", "y", " x", "1", 1, 1.0, True, None]))
SAMPLES = st.lists(st.tuples(st.lists(RECORD, max_size=4), st.lists(RECORD, max_size=4)), max_size=3)


@given(st.integers(0, 50), st.integers(0, 50), st.integers(0, 50))
def test_figures_are_the_textbooks(right: int, more: int, fewer: int) -> None:
    counts = Counts(right, right + more, right + fewer)  # true, with false positives, with false negatives
    if right:
        precision, recall = Fraction(right, right + more), Fraction(right, right + fewer)
        assert counts.precision == pytest.approx(float(precision))
        assert counts.recall == pytest.approx(float(recall))
        assert counts.f1 == pytest.approx(float(2 * precision * recall / (precision + recall)))
    elif more or fewer:
        assert counts.f1 == 0
    assert min(counts.precision, counts.recall, counts.f1) >= 0
    assert max(counts.precision, counts.recall, counts.f1) <= 1


def test_nothing_against_nothing_is_perfect_and_sums_are_sums() -> None:
    assert (Counts(0, 0, 0).precision, Counts(0, 0, 0).recall, Counts(0, 0, 0).f1) == (1, 1, 1)
    assert (Counts(0, 0, 5).precision, Counts(0, 5, 0).recall) == (0, 0)
    assert Counts(1, 2, 3) + Counts(4, 5, 6) == Counts(5, 7, 9)
    assert Counts(1, 2, 4).to_dict() == {
        "precision": 0.5, "recall": 0.25, "f1": pytest.approx(1 / 3), "right": 1, "predicted": 2, "gold": 4,
    }  # fmt: skip


@settings(max_examples=60)
@given(SAMPLES)
def test_a_tally_is_what_counting_leaf_by_leaf_gives(samples: list[tuple[list[Any], list[Any]]]) -> None:
    golds, answers = [list(one) for one, _ in samples], [list(other) for _, other in samples]
    gold = Side([record for side in golds for record in side], flatten(golds, SHAPE))
    predicted = Side([record for side in answers for record in side], flatten(answers, SHAPE))
    spans, start, begin = [], 0, 0
    for side, answer in samples:
        spans.append(Span(range(start, start + len(side)), range(begin, begin + len(answer))))
        start, begin = start + len(side), begin + len(answer)
    table = Table.of(gold.forms, predicted.forms)
    paired = align_all(table, spans)
    tallies, wrong = tally(table, Sides(gold, predicted, table.columns), spans, paired)
    for sample, (span, counts) in enumerate(zip(spans, tallies, strict=True)):
        kinds: Counter[str] = Counter()
        right: Counter[str] = Counter()
        whole = raw = raw_whole = 0
        for one, other in paired.of(sample):
            ours, theirs = gold.forms[one], predicted.forms[other]
            both = [path for path in ours if path in theirs]
            equal = [path for path in both if ours[path] == theirs[path]]
            alike = [path for path in equal if gold.records[one][path] == predicted.records[other][path]]
            right.update(equal)
            kinds[WRONG] += len(both) - len(equal)
            kinds[MISSING] += len(ours) - len(both)
            kinds[HALLUCINATED] += len(theirs) - len(both)
            whole += len(equal) == len(ours) == len(theirs)
            raw += len(alike)
            raw_whole += len(alike) == len(ours) == len(theirs)
        pairs = len(paired.of(sample))
        assert counts.records == (whole, len(span.predicted), len(span.gold))
        assert (counts.raw_right, counts.raw_records) == (raw, raw_whole)
        assert (counts.missing_records, counts.hallucinated_records) == (
            len(span.gold) - pairs, len(span.predicted) - pairs,
        )  # fmt: skip
        assert (counts.missing_fields, counts.hallucinated_fields) == (kinds[MISSING], kinds[HALLUCINATED])
        wanted = Counter(path for place in span.gold for path in gold.forms[place])
        given_ = Counter(path for place in span.predicted for path in predicted.forms[place])
        assert counts.fields == {p: (right[p], given_[p], wanted[p]) for p in wanted.keys() | given_.keys()}
        assert counts.total == (right.total(), given_.total(), wanted.total())
        assert counts.empty_records == sum(not gold.forms[place] for place in span.gold)
        leaves = wrong.leaves(sample, table.columns)
        assert len(leaves) == kinds[WRONG]
        part = slice(wrong.ends[sample], wrong.ends[sample + 1])
        for (one, other, path), swapped in zip(leaves, wrong.swapped[part].tolist(), strict=True):
            value = predicted.forms[other][path]
            assert gold.forms[one][path] != value
            assert swapped == any(path in gold.forms[p] and gold.forms[p][path] == value for p in span.gold)
        told = Counter(
            (verdict.field, verdict.verdict)
            for verdict in verdicts(gold, predicted, span, paired.of(sample), dict.fromkeys(leaves, "near_miss"))
        )
        assert {path: told[path, RIGHT] for path in right} == dict(right)
        assert sum(n for (_, kind), n in told.items() if kind == WRONG) == kinds[WRONG]
        assert sum(n for (_, kind), n in told.items() if kind != HALLUCINATED) == wanted.total()
        assert sum(n for (_, kind), n in told.items() if kind != MISSING) == given_.total()


@pytest.mark.parametrize("cells", [0, 40, 1 << 22])
@given(samples=SAMPLES)
def test_values_of_another_record_are_found_cell_by_cell_and_by_search(
    samples: list[tuple[list[Any], list[Any]]], cells: int
) -> None:
    golds, answers = [list(one) for one, _ in samples], [list(other) for _, other in samples]
    ours, theirs = flatten(golds, SHAPE), flatten(answers, SHAPE)
    ends = [[0, *accumulate(map(len, side))] for side in (golds, answers)]
    spans = [Span(range(*a), range(*b)) for a, b in zip(pairwise(ends[0]), pairwise(ends[1]), strict=True)]
    table = Table.of(ours, theirs)
    sides = Sides(Side(ours, ours), Side(theirs, theirs), table.columns)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_CELLS", cells)
        _, wrong = tally(table, sides, spans, in_order(spans))
    for sample, (start, end) in enumerate(pairwise(wrong.ends)):
        found = wrong.swapped[start:end].tolist()
        for (_, other, path), swapped in zip(wrong.leaves(sample, table.columns), found, strict=True):
            assert swapped == any(ours[row].get(path) == theirs[other][path] for row in spans[sample].gold)
