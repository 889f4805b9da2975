from __future__ import annotations

from typing import Any

import pytest

from text2json.errors import SpecError
from text2json.generators.bits import Bits
from text2json.generators.values import Date, Number, make_kind


def said(kind: Any, gold: Any) -> set[str]:
    return {"".join(text for text, _ in kind.say(gold, Bits(n))) for n in range(60)}


def test_a_number_is_said_in_all_of_its_forms() -> None:
    kind = Number(1, 48, ["{v} kg", "{v*1000} g", "{w} kilos"], decimals=1)
    assert said(kind, 7.5) == {"7.5 kg", "7500 g"}
    assert said(kind, 7) == {"7 kg", "7000 g", "seven kilos"}
    assert kind.text(7.5) == "7.5 kg"


def test_hours_and_minutes() -> None:
    assert said(Number(60, 200, ["{h} h {m} min"]), 125) == {"2 h 5 min"}


def test_a_date_is_said_in_all_of_its_forms() -> None:
    assert said(Date(1990, 2000), "1999-09-03") == {
        "3 September 1999", "September 3, 1999", "1999-09-03", "3 Sept 1999", "the 3rd of September 1999",
        "Sept. 3, 1999",
    }  # fmt: skip
    assert "May 22, 1999" in said(Date(1990, 2000), "1999-05-22")
    assert "the 11th of May 1999" in said(Date(1990, 2000), "1999-05-11")


def test_money_has_two_leaves() -> None:
    kind = make_kind({"kind": "money", "low": 10, "high": 10, "cents": False})
    gold = kind.draw(Bits(1), "test")
    assert gold["amount"] == 10
    assert {path for _, path in kind.say(gold, Bits(2)) if path} == {".amount", ".currency"}


def test_a_list_names_different_things() -> None:
    kind = make_kind(
        {"kind": "list", "low": 3, "high": 3, "of": {"kind": "phrase", "templates": ["{1-4}"], "shared": True}}
    )
    for n in range(50):
        assert len(set(kind.draw(Bits(n), "test"))) == 3


def test_parts_have_paths() -> None:
    kind = make_kind({"kind": "parts", "forms": ["{a} of {b}"], "parts": {
        "a": {"kind": "number", "low": 1, "high": 1, "forms": ["{v} cm"]},
        "b": {"kind": "phrase", "templates": ["{10-99}"], "shared": True}}})  # fmt: skip
    gold = kind.draw(Bits(3), "test")
    assert kind.say(gold, Bits(4)) == [("", None), ("1 cm", ".a"), (" of ", None), ("", None), (gold["b"], ".b"),
                                       ("", None), ("", None)]  # fmt: skip


def test_unknown_kinds_and_lexicons_are_named() -> None:
    with pytest.raises(SpecError, match="did you mean 'number'"):
        make_kind({"kind": "numbr"})
    with pytest.raises(SpecError, match="did you mean 'cities'"):
        make_kind({"kind": "phrase", "templates": ["{citys}"]})
