from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from text2json.metrics.paper import of_paper_form, paper_score

GOLD = [{"name": "A", "x": "1", "y": "2"}, {"name": "B", "x": "3", "y": "4"}]


def score(*records: Any) -> float | None:
    return paper_score(GOLD, json.dumps(list(records))).score


@pytest.mark.parametrize(
    ("records", "points"),
    [
        (GOLD, 1.0),
        ([], 0.0),
        ([GOLD[0]], 0.5),
        ([{"name": "A"}, GOLD[1]], 0.5),  # name only is worth nothing
        ([{"name": "A", "x": "?", "y": "?"}, GOLD[1]], 0.75),  # both values wrong is worth a half
        ([{"name": "A", "x": 1, "y": None}, GOLD[1]], 0.75),  # a whole number counts as text, null as missing
        ([{"name": "A", "x": "", "y": "2"}, GOLD[1]], 0.875),  # an empty text is wrong, not missing
        ([{**GOLD[0], "extra": [].__class__.__name__}, GOLD[1]], 1.0),
        ([*GOLD, {"name": "C"}], 2 / 3),
        ([*GOLD, GOLD[0]], 2 / 3),  # a repeat is a stranger
        ([*GOLD, {"x": "1"}], 2 / 3),
    ],
)
def test_points_follow_the_published_rules(records: list[Any], points: float) -> None:
    assert score(*records) == pytest.approx(points)


@pytest.mark.parametrize(
    "output",
    ['[{"name":"A","x":"[1]","y":"2"}]', "see [1]: []", "[]]", "][", "no list", '[{"name":"A","x":["1"]}]', '[{"name"'],
)
def test_brackets_beyond_one_pair_and_broken_json_score_0(output: str) -> None:
    assert paper_score(GOLD, output).score == 0.0


def test_prose_and_fences_around_the_list_pass() -> None:
    assert paper_score(GOLD, f"Sure!\n```json\n{json.dumps(GOLD)}\n```").score == 1.0


def test_the_right_single_quotation_mark_is_folded() -> None:
    gold = [{"name": "O\u2019Neill", "x": "1", "y": "2"}]
    assert paper_score(gold, json.dumps([{"name": "O'Neill", "x": "1", "y": "2"}])).score == 1.0
    assert paper_score(gold, json.dumps([{"name": "O\u2018Neill", "x": "1", "y": "2"}])).score == 0.0


def test_where_the_published_evaluator_raises_the_sample_scores_0_with_a_reason() -> None:
    for record in ("text", {"name": "A", "x": 1.5, "y": "2"}, {"name": "A", "x": True, "y": "2"}):
        result = paper_score(GOLD, json.dumps([record]))
        assert result.score == 0.0
        assert "raises" in (result.reason or "")


def test_a_repeated_gold_name_leaves_the_sample_out() -> None:
    gold = [GOLD[0], {**GOLD[1], "name": "A"}]
    assert paper_score(gold, "[]").score is None


def test_only_lists_of_three_text_keys_with_a_name_are_of_the_papers_form() -> None:
    assert of_paper_form(GOLD)
    assert not of_paper_form([{"name": "A", "x": "1"}])
    assert not of_paper_form([{"name": "A", "x": 1, "y": "2"}])
    assert not of_paper_form([{"title": "A", "x": "1", "y": "2"}])


VALUES = st.sampled_from(["1", "2", "3", "4", "", "?", None, 1, 2])
PREDICTED = st.lists(
    st.fixed_dictionaries({}, optional={"name": st.sampled_from(["A", "B", "C", None, 3]), "x": VALUES, "y": VALUES})
)


@given(PREDICTED)
def test_it_equals_a_plain_reading_of_the_rules(predicted: list[dict[str, Any]]) -> None:
    union, total, left = len(GOLD), 0.0, {record["name"]: record for record in GOLD}
    for record in predicted:
        name = record.get("name")
        if not isinstance(name, str) or name not in left:
            union += 1
            continue
        gold = left.pop(name)
        total += 1
        for key in ("x", "y"):
            if record.get(key) is None:
                total -= 0.5
            elif str(record[key]) != gold[key]:
                total -= 0.25
    assert score(*predicted) == pytest.approx(total / union)
