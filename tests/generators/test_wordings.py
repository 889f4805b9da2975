"""Further wordings: many, in the form of the domains' files, for the train split alone, none of them a test pattern."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from text2json.generators import generate, lexicon
from text2json.generators.domain import (
    FURTHER,
    VARIANTS,
    Patterns,
    domain,
    domains,
    further_lines,
    lines,
    variants,
    wide_domain,
    wordings,
)
from text2json.generators.filler import POOL, _table, _topics, filler_paragraph
from text2json.generators.telling import frames

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FRAMES: dict[str, str] = tomllib.loads((FURTHER.parent / "frames.toml").read_text(encoding="utf-8"))
DOMAINS = ("medical", "movies", "organisations", "products")
WIDENED = sorted(wordings("frames"))
FILLER = wordings("filler")
TOPICS: dict[str, str] = _table()["topics"]
SETS: dict[str, str] = _table()["sets"]
PLACED = {"first_names", "last_names", "cities"}


def slots(pattern: str) -> set[str]:
    return set(re.findall(r"\{(\w+)\}", pattern))


def normal(pattern: str) -> str:
    """Return a pattern without case, punctuation and the names of its slots."""
    return " ".join(re.findall(r"\w+|\*", re.sub(r"\{\w+\}", " * ", pattern.casefold())))


def blocks(name: str) -> dict[str, tuple[Patterns, str]]:
    """Return each block of a domain that has further patterns, and these."""
    kind, further = domain(name), wordings(name)
    found = {key: (getattr(kind, key), further[key]) for key in ("intro", "title", "filler")}
    found["exclude"] = (kind.excluding, further["exclude"]["says"])
    return found | {key: (field.prose, further["fields"][key]["prose"]) for key, field in kind.fields.items()}


@cache
def frozen_test_patterns() -> frozenset[str]:
    """Return all test patterns of the frozen files, of frames and of every domain, in normal form."""

    def every() -> Iterator[str]:
        for kind in map(domain, domains()):
            prose = [field.prose for field in kind.fields.values()]
            for block in (kind.title, kind.intro, kind.filler, kind.excluding, *prose):
                yield from block["test"]
        for name in FRAMES:
            yield from frames(name)["test"]
        for text in TOPICS.values():
            yield from Patterns(text)["test"]

    return frozenset(normal(pattern) for pattern in every())


def test_alternatives_are_told_apart_and_many_are_cut_to_some() -> None:
    assert variants("a {v} b") == ("a {v} b",)
    assert set(variants("[A|The] {N} [is|was|]!")) == {
        f"{first} {{N}} {second}!" for first in ("A", "The") for second in ("is", "was", "")
    }
    many = variants("[a|b|c|d] [e|f|g|h] [i|j|k|l]")
    assert len(set(many)) == len(many) == VARIANTS
    assert many == variants("[a|b|c|d] [e|f|g|h] [i|j|k|l]")
    assert all(re.fullmatch("[a-d] [e-h] [i-l]", made) for made in many)
    assert len({made[0] for made in many}) == 4
    assert further_lines("x\n[y|z]\n") == ("x", "y", "z")


def test_the_papers_four_domains_have_wordings() -> None:
    assert {file.stem for file in FURTHER.glob("*.toml")} == {*DOMAINS, "frames", "filler"}


@pytest.mark.parametrize("name", DOMAINS)
def test_a_domain_has_many_of_each(name: str) -> None:
    least = {"intro": 36, "exclude": 9, "title": 12, "filler": 30}
    assert set(wordings(name)["fields"]) == set(domain(name).fields)
    for key, (own, text) in blocks(name).items():
        further = {normal(pattern) for pattern in lines(text)}
        assert len(further) == len(lines(text)), f"{key} says something twice"
        assert len(further - {normal(pattern) for pattern in own.all}) >= least.get(key, 24), key
    for key, field in domain(name).fields.items():
        for kind in ("labels", "short"):
            assert len(set(wordings(name)["fields"][key][kind].split("; ")) - set(getattr(field, kind))) >= 6, key


@pytest.mark.parametrize("name", DOMAINS)
def test_its_slots_are_those_of_the_format(name: str) -> None:
    for key, (_, text) in blocks(name).items():
        if key in ("title", "filler"):
            continue
        needed, allowed = ({"N"}, {"N", "n"}) if key in ("intro", "exclude") else ({"v"}, {"S", "s", "n", "v"})
        for pattern in further_lines(text):
            assert needed <= slots(pattern) <= allowed, pattern
            assert len(re.findall(r"[{}]", pattern)) == 2 * len(slots(pattern)), pattern
            assert pattern.find("{S}") <= 0, pattern
            assert not pattern.startswith("{s}"), pattern


@pytest.mark.parametrize("name", DOMAINS)
def test_its_remarks_mention_strangers(name: str) -> None:
    further = further_lines(wordings(name)["filler"])
    assert sum("{X}" in pattern for pattern in further) >= 30
    assert all(slots(pattern) <= {"X"} for pattern in further)
    assert not any(re.search("[{}]", title) for title in further_lines(wordings(name)["title"]))


@pytest.mark.parametrize("name", WIDENED)
def test_frames_are_at_least_doubled_and_keep_their_slots(name: str) -> None:
    own, further = lines(FRAMES[name]), lines(wordings("frames")[name])
    assert len({normal(pattern) for pattern in further} - {normal(pattern) for pattern in own}) >= len(own)
    assert set().union(*map(slots, further)) == set().union(*map(slots, own))
    if name in ("correction", "quotation"):
        assert all(slots(pattern) == slots(own[0]) for pattern in further)


def test_frames_that_name_an_entity_or_a_field_are_widened() -> None:
    assert {name for name, text in FRAMES.items() if re.search(r"\{[Nlw]\}", text)} <= set(WIDENED)


@pytest.mark.parametrize("name", [*DOMAINS, "frames", "filler"])
def test_no_wide_pattern_is_a_test_pattern(name: str) -> None:
    rest = {"frames": wordings("frames"), "filler": FILLER["topics"]}
    texts = rest[name].values() if name in rest else [text for _, text in blocks(name).values()]
    further = {normal(pattern) for text in texts for pattern in further_lines(text)}
    assert len(further) > 100
    assert further.isdisjoint(frozen_test_patterns())


@pytest.mark.parametrize("name", DOMAINS)
def test_a_wide_domain_draws_test_patterns_from_the_frozen_ones_alone(name: str) -> None:
    wide = wide_domain(name)
    for key, (own, text) in blocks(name).items():
        general = {"intro": wide.intro, "title": wide.title, "filler": wide.filler, "exclude": wide.excluding}
        block = general.get(key) or wide.fields[key].prose
        assert block["test"] == own["test"]
        assert block["train"] == own["train"] + further_lines(text)


def test_a_domain_without_further_wordings_has_its_own() -> None:
    assert wide_domain("jobs").patterns() == domain("jobs").patterns()


def test_every_topic_has_many_further_frames_with_people_and_places() -> None:
    assert len(set(FILLER["topics"]) - set(TOPICS)) >= 3
    for topic, text in FILLER["topics"].items():
        further = {normal(pattern): pattern for pattern in further_lines(text)}
        assert len(set(map(normal, lines(text)))) == len(lines(text)), f"{topic} says something twice"
        known = {normal(pattern) for pattern in lines(TOPICS.get(topic, ""))}
        assert len(further.keys() - known) >= (40 if topic in TOPICS else 24), topic
        mentions = sum(not slots(pattern).isdisjoint(PLACED) for pattern in further.values())
        assert mentions >= (20 if topic in ("letters", "journey") else 12), topic


def test_every_set_of_words_is_doubled() -> None:
    for name, text in SETS.items():
        further = FILLER["sets"][name].split("; ")
        assert len(set(further) - set(text.split("; "))) == len(further) >= len(text.split("; ")), name


def test_wide_filler_knows_its_slots() -> None:
    known = {*FILLER["sets"], "made_up", *lexicon.names(), *(f"{name}!" for name in lexicon.names())}
    for text in FILLER["topics"].values():
        for pattern in further_lines(text):
            assert set(re.findall(r"\{([^}]*)\}", pattern)) <= known, pattern
            assert pattern[-1] in '.!?"', pattern


def test_wide_filler_keeps_the_frozen_words_and_frames() -> None:
    assert len(_topics("train")) == len(TOPICS)
    assert len(_topics("train", True)) == len(set(TOPICS) | set(FILLER["topics"]))
    frozen = {word for topic in _topics("train") for frame in topic for slot in frame.slots for word in slot.words}
    assert frozen.isdisjoint(set(FILLER["sets"]["find"].split("; ")) | set(FILLER["sets"]["who"].split("; ")))


def document(sample: Any) -> str:
    start, end = sample.text_span
    return str(sample.problem[start:end])


def test_wide_documents_share_no_paragraph() -> None:
    """The frozen pool's paragraphs come back in other documents, which is how names were learned by heart."""
    pool = {filler_paragraph("train", number).text for number in range(POOL)}
    wide, frozen = (
        [text for sample in made("train", wordings=kind) for text in document(sample).split("\n\n") if len(text) > 150]
        for kind in ("wide", "frozen")
    )
    assert len(pool.intersection(frozen)) > 100
    assert pool.isdisjoint(wide)
    assert len(set(wide)) == len(wide) > 100


def made(split: str, **knobs: Any) -> list[Any]:
    return list(generate("short", split=split, seed=21, samples=24, distractors=(50, 100), **knobs))


def test_wide_documents_of_the_test_split_are_the_frozen_ones() -> None:
    assert made("test", wordings="wide") == made("test") == made("test", wordings="frozen")


def test_wide_documents_of_the_train_split_differ_and_say_so() -> None:
    wide, frozen = made("train", wordings="wide"), made("train")
    assert all(a.problem != b.problem for a, b in zip(wide, frozen, strict=True))
    assert all(json.loads(sample.knobs)["wordings"] == "wide" for sample in wide)
    assert all("wordings" not in json.loads(sample.knobs) for sample in frozen)
    assert made("train", wordings="frozen") == frozen


def test_marked_documents_are_the_frozen_ones_and_say_more() -> None:
    marked, frozen = made("train", wordings="marked"), made("train")
    for a, b in zip(marked, frozen, strict=True):
        assert (a.id, a.problem, a.answer, a.schema, a.evidence) == (b.id, b.problem, b.answer, b.schema, b.evidence)
        more, less = json.loads(a.knobs), json.loads(b.knobs)
        assert more.keys() - less.keys() == {"wordings", "exclusions", "columns"}
        for start, end, head in more["columns"]:
            assert a.problem[start:end] in domain(a.domain).fields[head].labels
    assert any(json.loads(sample.knobs)["columns"] for sample in marked)
    assert made("test", wordings="marked") == made("test")


@pytest.mark.parametrize("kind", ["wide", "marked"])
def test_documents_say_where_they_exclude_an_entity(kind: str) -> None:
    excluded = 0
    for sample in made("train", wordings=kind, noise=(30, 60)):
        knobs = json.loads(sample.knobs)
        names = {record["name"] for record in json.loads(sample.answer)}
        assert len(knobs["exclusions"]) == knobs["excluded"]
        for entity in knobs["exclusions"]:
            (start, end), last = entity["name"], entity["end"]
            name = sample.problem[start:end]
            assert name not in names
            assert sample.problem.count(name) > 1
            assert 0 <= last - end < 150 or 0 < end - last < 150
            assert last > start
            assert not sample.problem[last : last + 1].isalnum()
            assert entity["stated"].keys() <= {f".{key}" for key in json.loads(sample.answer)[0]}
            assert all(sample.problem[slice(*span)] == name for span in entity["stated"][".name"])
            assert sum(map(len, entity["stated"].values())) > len(entity["stated"][".name"])
            excluded += 1
        assert not any("excluded" in leaf["path"] for leaf in json.loads(sample.evidence))
    assert excluded > 20


def test_the_command_takes_the_knob(tmp_path: Path) -> None:
    from text2json.cli import main

    out = tmp_path / "wide"
    words = ["generate", "short", "--split", "train", "--samples", "4", "--set", "wordings=wide", "--out", str(out)]
    assert main(words) == 0
    manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["configs"]["short"]["train"]["knobs"] == {"wordings": "wide"}
