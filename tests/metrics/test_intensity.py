from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from text2json.data import paper_sample
from text2json.generators import generate
from text2json.metrics.intensity import NEAR, Intensity, intensity
from text2json.schemas.sample import Sample
from text2json.schemas.task_sample import task_sample


def sample(*rows: tuple[str, list[tuple[int, int]]]) -> Sample:
    return task_sample("x", task="t", problem="x" * 9000, gold=["a"], text_span=(0, 9000), evidence=rows, knobs={})


def test_records_are_places_of_their_own() -> None:
    near = sample(("[0].name", [(10, 20)]), ("[0].price", [(40, 50)]), ("[1].name", [(60, 70)]))
    assert intensity(near) == Intensity(places=2, gap=10.0)


def test_far_facts_of_a_record_are_two_places() -> None:
    assert intensity(sample(("[0].name", [(0, 10)]), ("[0].price", [(10 + NEAR, 300)]))).places == 1
    far = intensity(sample(("[0].name", [(0, 10)]), ("[0].price", [(11 + NEAR, 300)])))
    assert far == Intensity(places=2, gap=NEAR + 1)


def test_one_of_several_spans_is_enough_and_several_rows_are_all_needed() -> None:
    assert intensity(sample(("[0]", [(0, 5), (4000, 4005)]))).places == 1
    assert intensity(sample(("[0]", [(0, 5)]), ("[0]", [(4000, 4005)]))).places == 2


def test_a_record_without_a_known_span_is_a_place() -> None:
    found = intensity(sample(("[0]", []), ("[1]", [(5, 9)]), ("[2].x", []), ("[2].y", [(500, 510)])))
    assert found == Intensity(places=3, gap=491.0)


def test_data_without_evidence_is_searched() -> None:
    text = "List. " + "Velo is blue. " + "x" * 1000 + " Kora is red."
    gold = json.dumps([{"name": "Velo", "colour": "blue"}, {"name": "Kora", "colour": "red"}])
    assert intensity(paper_sample(text, gold, 0, file=Path("p"))) == Intensity(2, 1003.0)


def test_searching_finds_about_what_the_evidence_says() -> None:
    known = list(generate("short", samples=60))
    bare = [replace(one, evidence="[]") for one in known]
    pairs = [(intensity(one), intensity(other)) for one, other in zip(known, bare, strict=True)]
    assert sum(one.group == other.group for one, other in pairs) >= 54
    total, found = (sum(places) for places in zip(*((one.places, other.places) for one, other in pairs), strict=True))
    assert abs(found - total) <= 0.05 * total


@pytest.mark.parametrize(
    ("places", "group"),
    [(0, "fewer than 3"), (2, "fewer than 3"), (3, "3 to 10"), (10, "3 to 10"), (11, "more than 10")],
)
def test_the_papers_classes(places: int, group: str) -> None:
    assert Intensity(places, None).group == group


@given(starts=st.lists(st.integers(0, 8000), min_size=1, max_size=20, unique=True), random=st.randoms())
def test_the_order_of_rows_does_not_matter(starts: list[int], random: Random) -> None:
    rows = [(f"[{place % 3}]", [(start, start + 1)]) for place, start in enumerate(starts)]
    mixed = list(rows)
    random.shuffle(mixed)
    assert intensity(sample(*rows)) == intensity(sample(*mixed))
    assert intensity(sample(*rows)).places <= len(starts)


def test_more_records_are_more_places() -> None:
    one, many = (
        [intensity(made).places for made in generate("short", samples=8, records=(count, count), scatter=(0, 0))]
        for count in (1, 8)
    )
    assert min(many) >= 8
    assert max(one) < 8
