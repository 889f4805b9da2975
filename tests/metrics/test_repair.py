from __future__ import annotations

import sys

import json_repair
import pytest
from hypothesis import given
from hypothesis import strategies as st

from text2json.errors import InputError
from text2json.metrics.parse import parse
from text2json.metrics.repair import mend

BROKEN = '[{"name": \'Ada\', "city": "Oslo",}, {"name": "Bob"'


@given(st.text(alphabet='[]{}":,a1 \n\\', max_size=12))
def test_what_the_library_makes_of_a_text_is_handed_on(text: str) -> None:
    assert mend(text) == json_repair.loads(text, skip_json_loads=True)


def test_repair_is_only_on_request() -> None:
    assert parse(BROKEN).status != "repaired"
    mended = parse(BROKEN, repair=True)
    assert mended.status == "repaired"
    assert mended.records == [{"name": "Ada", "city": "Oslo"}, {"name": "Bob"}]
    assert parse("nothing at all", repair=True).status == "invalid"


def test_too_deep_a_text_is_given_up() -> None:
    assert mend("[" * 100_000) is None


def test_without_the_library_the_way_to_install_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "json_repair", None)
    with pytest.raises(InputError, match=r"pip install 'text2json\[repair\]'"):
        mend("[")
