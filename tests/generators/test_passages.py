"""The passages written by hand: enough, of the right length, none sharing a sentence, each with its marks."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from text2json.errors import DataError, SpecError
from text2json.generators import generate
from text2json.generators.passages import FOLDER, collection, collections, parse_collection, parse_passage


def sentences(text: str) -> list[str]:
    return [part for part in re.split(r"(?<=[.!?])\s+", text) if len(part.split()) > 1]


def test_the_papers_four_domains_have_passages() -> None:
    assert collections() == ["medical", "movies", "organisations", "products"]


@pytest.mark.parametrize("domain", collections())
def test_at_least_sixty_passages_of_sixty_to_two_hundred_words(domain: str) -> None:
    found = collection(domain)
    assert len(found.passages) >= 60
    assert all(60 <= len(passage.text.split()) <= 200 for passage in found.passages)
    names = [passage.gold["name"] for passage in found.passages]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("domain", collections())
def test_licence_and_provenance_stand_at_the_top(domain: str) -> None:
    header = collection(domain).header
    assert header[0].startswith("# Licence: CC BY 4.0")
    assert header[1].startswith("# Provenance: written by hand for text2json")
    assert (FOLDER / f"{domain}.txt").read_text(encoding="utf-8").startswith(header[0])


def test_no_two_passages_share_a_sentence() -> None:
    seen: dict[str, str] = {}
    for domain in collections():
        for passage in collection(domain).passages:
            for sentence in sentences(passage.text):
                assert seen.setdefault(sentence, passage.text) == passage.text, sentence


def test_marks_give_gold_and_places() -> None:
    passage = parse_passage(
        "In {year|1927} {name|Metropolis} was\nshown; {country=Germany|German} work, {name|Metropolis}."
    )
    assert passage.text == "In 1927 Metropolis was shown; German work, Metropolis."
    assert passage.gold == {"year": "1927", "name": "Metropolis", "country": "Germany"}
    assert [(passage.text[start:end], key) for start, end, key in passage.places] == [
        ("1927", "year"), ("Metropolis", "name"), ("German", "country"), ("Metropolis", "name")]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("# Licence: x\n\n{name|A} b", "no line `# keys"),
        ("# keys: year\n\n{name|A} b", "lacks year"),
        ("# keys: year\n\n{name|A} {year|1} {b", "no mark"),
    ],
)
def test_broken_files_are_refused(text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        parse_collection(text, Path("x.txt"))


def test_curated_documents_are_for_testing_only() -> None:
    with pytest.raises(SpecError, match="for testing only"):
        next(generate("curated", split="train", samples=1))


def test_curated_documents_reach_any_length() -> None:
    long = next(generate("curated", samples=1, length=(400_000, 400_000)))
    assert 390_000 < len(long.problem) <= 400_000


def test_more_records_than_passages_are_refused() -> None:
    with pytest.raises(SpecError, match="passages on"):
        next(generate("curated", samples=1, records=(100, 100), length=(900_000, 900_000)))


def test_a_domain_without_passages_is_refused() -> None:
    with pytest.raises(SpecError, match="no passages on 'jobs'"):
        next(generate("curated", samples=1, domains=("jobs",)))
