"""One walk through all domains: each has patterns enough, both splits, all genres, and a schema that is in step."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import text2json.schemas
from text2json.errors import SpecError
from text2json.generators import generate
from text2json.generators.bits import Bits
from text2json.generators.build_schemas import text
from text2json.generators.domain import Patterns, domain, domains
from text2json.generators.genres import GENRES


def test_there_are_the_papers_four_and_four_more() -> None:
    assert {"products", "medical", "organisations", "movies"} < set(domains())
    assert len(domains()) >= 8


@pytest.mark.parametrize("name", domains())
def test_a_domain_has_two_hundred_patterns_and_both_splits(name: str) -> None:
    kind = domain(name)
    assert len(set(kind.patterns())) >= 200
    for split in ("train", "test"):
        for block in (kind.title, kind.intro, kind.filler, kind.excluding):
            assert len(block[split]) >= 3
        for field in kind.fields.values():
            assert len(field.prose[split]) >= 3
            assert len(field.carrying[split]) >= 2
            assert all("{v}" in pattern for pattern in field.prose[split])


@pytest.mark.parametrize("name", domains())
def test_no_pattern_is_in_both_splits(name: str) -> None:
    kind = domain(name)
    blocks = [kind.title, kind.intro, kind.filler, kind.excluding, *(field.prose for field in kind.fields.values())]
    for block in blocks:
        assert not set(block["train"]) & set(block["test"])


@pytest.mark.parametrize("name", domains())
def test_its_schema_is_the_one_that_its_file_describes(name: str) -> None:
    file = Path(text2json.schemas.__file__).parent / "domains" / f"{name}.json"
    assert file.read_text(encoding="utf-8") == text(domain(name))


@pytest.mark.parametrize("name", domains())
@pytest.mark.parametrize("genre", GENRES)
def test_every_genre_tells_of_it(name: str, genre: str) -> None:
    knobs = {"domains": (name,), "genres": (genre,), "records": (3, 3), "length": (2000, 4500)}
    sample = next(generate("nested", samples=1, **knobs))  # type: ignore[arg-type]
    assert json.loads(sample.knobs)["genres"] == [genre] * len(json.loads(sample.knobs)["genres"])
    assert len(sample.records()) == 3


@pytest.mark.parametrize("name", domains())
def test_no_name_belongs_to_both_splits(name: str) -> None:
    kind = domain(name)
    drawn = {split: {kind.entity.draw(Bits(name, split, n), split) for n in range(1500)} for split in ("train", "test")}
    assert not drawn["train"] & drawn["test"]
    assert len(drawn["train"]) > 1200


def test_every_third_line_is_for_testing() -> None:
    block = Patterns("a\nb\n\n  c\nd\ne\nf\n")
    assert block["test"] == ("c", "f")
    assert block["train"] == ("a", "b", "d", "e")


def test_an_unknown_domain_is_named() -> None:
    with pytest.raises(SpecError, match="did you mean 'movies'"):
        next(generate("short", samples=1, domains=("movie",)))
