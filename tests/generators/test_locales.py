from __future__ import annotations

import json

import pytest

from text2json.errors import SpecError
from text2json.generators import generate

pytest.importorskip("faker")


def test_a_live_locale_changes_names_and_places_and_says_so() -> None:
    knobs = {"samples": 6, "domains": ("medical",), "length": (3000, 5000)}
    german = list(generate("short", locale="de_DE", **knobs))  # type: ignore[arg-type]
    frozen = list(generate("short", **knobs))  # type: ignore[arg-type]
    assert not {record["name"] for s in german for record in s.records()} & {
        record["name"] for s in frozen for record in s.records()
    }
    assert all(json.loads(s.knobs)["locale"].startswith("de_DE, Faker ") for s in german)
    assert all("locale" not in json.loads(s.knobs) for s in frozen)
    assert list(generate("short", locale="de_DE", **knobs)) == german  # type: ignore[arg-type]


def test_other_scripts_work_too() -> None:
    sample = next(generate("nested", samples=1, locale="ja_JP", domains=("medical",), length=(4000, 6000)))
    assert any(ord(letter) > 0x3000 for letter in sample.answer)


def test_an_unknown_locale_is_refused() -> None:
    with pytest.raises(SpecError, match="Faker knows no locale 'xx_XX'"):
        next(generate("short", samples=1, locale="xx_XX", domains=("medical",)))
