"""Wishes that cannot be met, or that would change nothing, are refused before anything is made."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest

from text2json.errors import SpecError
from text2json.generators import generate
from text2json.generators.knobs import Knobs, configuration, configurations
from text2json.planning import READ, fields_of, plan

NONE: dict[str, Any] = {"samples": None, "seed": None, "knobs": {}, "version": None}


def test_one_part_for_each_configuration_and_split() -> None:
    parts = plan("short,paper,short", "train,test,train", **{**NONE, "samples": 3, "seed": 7})
    assert [(part.config, part.split) for part in parts] == [
        ("short", "train"), ("short", "test"), ("paper", "train"), ("paper", "test")]  # fmt: skip
    assert {(part.samples, part.seed) for part in parts} == {(3, 7)}
    assert plan("short", "test", **NONE)[0].samples == configuration("short").samples


def test_a_version_decides_samples_and_seed() -> None:
    (part,) = plan("short", "train", **{**NONE, "version": "1.0.0"})
    assert (part.samples, part.seed) == (4000, 1)
    assert part.sha256 is not None
    with pytest.raises(SpecError, match=r"version 1\.0\.0 of short is frozen: 4000 samples, seed 1"):
        plan("short", "train", **{**NONE, "version": "1.0.0", "seed": 0})


@pytest.mark.parametrize(
    ("config", "knobs", "message"),
    [
        ("short", {"fields": (50, 60)}, r"50 fields, but products have \d+ beside the name"),
        ("curated", {"fields": (4, 4)}, "4 fields, but products have 3 beside the name"),
        ("demo", {"fields": (30, 30)}, r"30 fields, but products have \d+ beside the name"),
        ("curated", {"locale": "de_DE"}, "curated does not heed locale"),
        ("demo", {"scatter": (1, 2)}, "demo does not heed scatter"),
    ],
)
def test_knobs_that_cannot_do_anything(config: str, knobs: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        plan(config, "test", **{**NONE, "knobs": knobs})


@pytest.mark.parametrize("config", sorted(configurations()))
def test_as_many_fields_as_there_are_can_be_asked_for(config: str) -> None:
    settings = configuration(config)
    most = min(fields_of(settings, kind) for kind in settings.domains)
    assert settings.fields[1] <= max(fields_of(settings, kind) for kind in settings.domains)
    (part,) = plan(config, "test", **{**NONE, "knobs": {"fields": (most, most)}})
    sample = next(generate(config, samples=1, **part.knobs))
    assert {len(record) - 1 for record in sample.records()} == {most} or settings.missing


DIFFERENT: dict[str, Any] = {
    "records": (2, 2), "length": (9100, 9200), "fields": (1, 1), "extra": (3, 3), "genres": ("directory",),
    "sections": (3, 3), "levels": (2,), "record_cost": 900, "bands": (9100, 9200), "distractors": (500, 500),
    "scatter": (100, 100), "noise": (900, 900), "missing": 80, "typed": True, "order": "name", "locale": "de_DE",
    "domains": ("movies",), "wordings": "wide",
}  # fmt: skip


@pytest.mark.parametrize("maker", sorted(READ))
def test_what_a_maker_heeds_is_what_changes_its_documents(maker: str) -> None:
    config = next(name for name, knobs in configurations().items() if knobs.maker == maker)
    names = {field.name for field in fields(Knobs)} - {"about", "maker", "samples"}
    assert names == set(DIFFERENT)
    usual = [sample.problem for sample in generate(config, samples=6)]
    changing = {name for name in names if usual != texts(config, {name: DIFFERENT[name]})}
    assert changing == set(READ[maker]) - {"samples"}


def texts(config: str, changes: dict[str, Any]) -> list[str]:
    from text2json.generators import _compose

    settings = replace(configuration(config), **changes)
    if "length" in changes:
        settings = replace(settings, bands=())
    if "records" in changes:
        settings = replace(settings, levels=())
    compose = _compose(settings.maker)
    return [compose(config, settings, "test", 0, number).problem for number in range(6)]
