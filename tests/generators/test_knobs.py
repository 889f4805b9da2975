"""Each knob does what its name says, and impossible ones are refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from text2json.errors import SpecError
from text2json.generators import generate
from text2json.generators.knobs import configuration, configurations, parse_knob
from text2json.schemas.sample import Sample


def made(config: str = "short", samples: int = 12, **knobs: Any) -> list[Sample]:
    return list(generate(config, samples=samples, **knobs))


def knob(sample: Sample, name: str) -> Any:
    return json.loads(sample.knobs)[name]


def test_length_records_and_fields() -> None:
    for sample in made(length=(9000, 9500), records=(5, 7), fields=(3, 3)):
        assert 8800 <= len(sample.problem) <= 9500
        assert 5 <= len(sample.records()) <= 7
        assert all(len(record) == 4 for record in sample.records())


def test_levels_take_turns_and_the_length_stays() -> None:
    samples = made("intensity", samples=28)
    assert sorted({len(sample.records()) for sample in samples}) == [1, 2, 4, 8, 16, 32, 64]
    assert all(abs(len(s.problem) + 70 * len(s.records()) - 40000) < 200 for s in samples)
    few, many = (next(s for s in samples if len(s.records()) == count) for count in (1, 64))
    assert knob(few, "places") < knob(many, "places")


def test_scatter_pulls_a_record_apart() -> None:
    near = made(scatter=(0, 0), distractors=(0, 0), length=(9000, 9000), samples=30)
    far = made(scatter=(100, 100), distractors=(0, 0), length=(9000, 9000), samples=30)
    assert sum(knob(s, "spread") for s in far) > 4 * sum(knob(s, "spread") for s in near)


def test_distractors_exclude_and_supersede() -> None:
    samples = made(distractors=(100, 100), records=(6, 6), length=(9000, 9000))
    assert all(knob(s, "excluded") + knob(s, "superseded") == 6 for s in samples)
    assert all("Leave out" in s.problem for s in samples)
    assert all(knob(s, "excluded") == 0 and "Leave out" not in s.problem for s in made(distractors=(0, 0)))


def test_noise_spells_words_wrong_but_no_value() -> None:
    plain, noisy = made(noise=(0, 0)), made(noise=(50, 50))
    assert all(knob(s, "errors") == 0 for s in plain)
    assert all(knob(s, "errors") > 0 for s in noisy)
    assert [s.records() for s in noisy] == [s.records() for s in plain]


def test_order_by_name() -> None:
    for sample in made(order="name", records=(6, 6)):
        names = [record["name"] for record in sample.records()]
        assert names == sorted(names)
        assert "sorted by name" in sample.problem


def test_order_of_appearance() -> None:
    for sample in made(records=(6, 6), scatter=(50, 50)):
        first = {item["path"]: item["spans"][0][0] for item in json.loads(sample.evidence)}
        places = [first[f"[{record}].name"] for record in range(6)]
        assert places == sorted(places)


def test_missing_facts_have_no_key() -> None:
    samples = made("nested", missing=50, records=(6, 6))
    assert sum(knob(s, "missing") for s in samples) > 50
    for sample in samples:
        lacking = 6 * (knob(sample, "fields") + 1) - sum(len(record) for record in sample.records())
        assert lacking == knob(sample, "missing")


def test_a_sample_does_not_depend_on_its_neighbours() -> None:
    alone = next(generate("nested", seed=4, samples=1, start=17))
    assert list(generate("nested", seed=4, samples=20))[17] == alone


@pytest.mark.parametrize("seed", [0, 1])
def test_another_seed_gives_other_documents(seed: int) -> None:
    assert made(seed=seed)[0] != made(seed=seed + 1)[0]
    assert made(seed=seed) == made(seed=seed)


@pytest.mark.parametrize(
    ("knobs", "message"),
    [
        ({"records": (9, 3)}, "records=9-3 is no range"),
        ({"records": (0, 3)}, "records=0-3 is no range"),
        ({"length": (300, 400), "records": (30, 30)}, "do not fit into 400 characters"),
        ({"record": (1, 2)}, "did you mean 'records'"),
        ({"scatter": (0, 101)}, "at most 100"),
        ({"order": "nam"}, "did you mean 'name'"),
        ({"wordings": "wid"}, "did you mean 'wide'"),
        ({"missing": 95}, "0 to 90"),
        ({"genres": ("prosa",)}, "did you mean 'prose'"),
        ({"domains": ()}, "no domains"),
        ({"bands": (500,)}, "bands"),
        ({"levels": (0,)}, "levels"),
        ({"bands": (500, 2**31)}, "bands"),
        ({"length": (1850, 99999999999)}, f"LOW <= HIGH <= {2**31 - 1}"),
        ({"records": 3}, "records=3 cannot be read .write records=2 or records=2-5"),
        ({"records": "3-4"}, "records='3-4' cannot be read"),
        ({"records": (1, 2, 3)}, r"records=\(1, 2, 3\) cannot be read"),
        ({"length": ("a", "b")}, "length=.* cannot be read"),
        ({"levels": 3}, "levels=3 cannot be read"),
        ({"genres": "prose"}, "genres='prose' cannot be read"),
        ({"missing": "5"}, "missing='5' cannot be read"),
        ({"typed": 1}, "typed=1 cannot be read"),
    ],
)
def test_impossible_knobs_are_refused(knobs: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        made(**knobs)


def test_the_number_of_samples_is_no_knob() -> None:
    for refused in (lambda: configuration("short", samples=3), lambda: parse_knob("samples=3")):
        with pytest.raises(SpecError, match=r"samples is no knob .*--samples"):
            refused()
    low, high = configuration("short", records=[2, 3]).records
    assert (low, high) == (2, 3)


def test_more_records_than_names_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from text2json.generators.domain import domain

    monkeypatch.setattr(domain("products").entity, "draw", lambda bits, split: "Only One")
    with pytest.raises(SpecError, match=r"names of products are used up"):
        made(domains=("products",), records=(3, 3))


def test_unknown_configuration_and_split() -> None:
    with pytest.raises(SpecError, match="did you mean 'paper'"):
        generate("papers")
    with pytest.raises(SpecError, match="no split 'tset'"):
        generate("short", split="tset")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("records=1-2", ("records", (1, 2))),
        ("length=700", ("length", (700, 700))),
        ("genres=prose,mail", ("genres", ("prose", "mail"))),
        ("typed=true", ("typed", True)),
        ("levels=1,2", ("levels", (1, 2))),
        ("missing=5", ("missing", 5)),
        ("order=name", ("order", "name")),
        ("wordings=wide", ("wordings", "wide")),
    ],
)
def test_knobs_on_the_command_line(text: str, value: tuple[str, Any]) -> None:
    assert parse_knob(text) == value


@pytest.mark.parametrize("text", ["records", "locale", "recods=1", "records=a-b", "typed=maybe", "missing=x"])
def test_unreadable_knobs(text: str) -> None:
    with pytest.raises(SpecError, match=r"knob|read"):
        parse_knob(text)


@pytest.mark.parametrize("name", sorted(configurations()))
def test_every_configuration_says_what_it_is_and_makes_samples(name: str) -> None:
    assert configuration(name).about
    sample = next(generate(name, samples=1))
    low, high = configuration(name).length
    assert 0.9 * low <= len(sample.problem) <= high
    assert sample.problem.endswith("JSON:")
