"""Every gold leaf has places in the text, and each of them states it: for every domain, over thousands of samples."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from typing import Any

import pytest

from text2json.generators import generate
from text2json.generators.domain import FURTHER, domain, domains
from text2json.schemas.sample import Sample

specification = importlib.util.spec_from_file_location("reading", Path(__file__).with_name("reading.py"))
assert specification is not None
assert specification.loader is not None
reading = importlib.util.module_from_spec(specification)
specification.loader.exec_module(reading)


def wide_domains() -> list[str]:
    return sorted(file.stem for file in FURTHER.glob("*.toml") if file.stem in domains())


def options(name: str, path: str) -> dict[str, list[str]] | None:
    table: Any = domain(name).table["fields"]
    keys = re.sub(r"\[\d+\]", "", path).strip(".").split(".")
    table = table.get(keys[0], {})
    for key in keys[1:]:
        table = table.get("parts", {}).get(key, {})
    found: dict[str, list[str]] | None = table.get("options")
    return found


def check(sample: Sample) -> int:
    """Check one sample and return its number of leaves."""
    gold, schema = sample.records(), json.loads(sample.schema)
    evidence = {item["path"]: item["spans"] for item in json.loads(sample.evidence)}
    expected = reading.leaves(gold, schema, "")
    assert sorted(evidence) == sorted(path for path, _, _ in expected)
    for path, value, kind in expected:
        field = path[path.index("]") + 1 :]
        for start, end in evidence[path]:
            assert sample.text_span[0] <= start < end <= sample.text_span[1]
            text = sample.problem[start:end]
            assert reading.supports(value, text, kind, options(sample.domain, field)), (sample.id, path, value, text)
    return len(expected)


@pytest.mark.parametrize("name", domains())
@pytest.mark.parametrize("split", ["train", "test"])
def test_typed_values_are_stated_where_the_evidence_says(name: str, split: str) -> None:
    knobs: dict[str, Any] = {"length": (3000, 5000), "records": (1, 6), "noise": (0, 60), "sections": (1, 3)}
    made = generate("nested", split=split, seed=11, samples=130, domains=(name,), **knobs)
    assert sum(check(sample) for sample in made) > 1000


@pytest.mark.parametrize("split", ["train", "test"])
def test_strings_stand_in_the_text_as_in_the_gold(split: str) -> None:
    made = generate("short", split=split, seed=12, samples=400, distractors=(50, 150), scatter=(0, 100))
    assert sum(check(sample) for sample in made) > 3000


@pytest.mark.parametrize("name", wide_domains())
def test_wide_wordings_state_their_values_too(name: str) -> None:
    knobs: dict[str, Any] = {"length": (3000, 5000), "records": (3, 6), "noise": (0, 60), "sections": (1, 3)}
    made = generate("nested", split="train", seed=13, samples=60, domains=(name,), wordings="wide", **knobs)
    assert sum(check(sample) for sample in made) > 1000
    made = generate("short", split="train", seed=13, samples=40, domains=(name,), wordings="wide", scatter=(0, 100))
    assert sum(check(sample) for sample in made) > 300


def test_curated_passages_state_their_gold() -> None:
    spans = total = 0
    for sample in generate("curated", samples=200):
        gold = sample.records()
        for item in json.loads(sample.evidence):
            place, key = re.fullmatch(r"\[(\d+)\]\.(\w+)", item["path"]).groups()  # type: ignore[union-attr]
            for start, end in item["spans"]:
                text, value = sample.problem[start:end], gold[int(place)][key]
                assert text == value or (text, value) in {("American", "United States"), ("German", "Germany")}
                spans += 1
        total += 1
    assert total == 200
    assert spans > 5000


def test_the_demo_states_its_gold() -> None:
    assert sum(check(sample) for sample in generate("demo", split="test", seed=3, samples=300)) > 900


@pytest.mark.parametrize("config", ["short", "nested"])
def test_the_gold_obeys_its_schema(config: str) -> None:
    import jsonschema

    for sample in generate(config, samples=80, seed=5):
        schema = json.loads(sample.schema)
        jsonschema.Draft202012Validator.check_schema(schema)
        jsonschema.Draft202012Validator(schema).validate(sample.records())
        names = [record["name"] for record in sample.records()]
        assert len(set(names)) == len(names)


def test_names_of_excluded_entities_are_not_in_the_gold() -> None:
    excluded = 0
    for sample in generate("short", samples=60, distractors=(100, 100)):
        names = {record["name"] for record in sample.records()}
        excluded += json.loads(sample.knobs)["excluded"]
        for name in names:
            assert sample.problem.count(name) >= 1
    assert excluded > 50
