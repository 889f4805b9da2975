from __future__ import annotations

import dataclasses
import hashlib
from typing import Any

import pytest

from text2json import __version__
from text2json.metrics.align import GATE
from text2json.metrics.limits import LIMITS, Limits
from text2json.metrics.scoring import score
from text2json.metrics.signature import Rules
from text2json.metrics.uncertainty import RESAMPLES, SEED

RULES = Rules(version="9", data="d", gold="0", align="key")


@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(Rules)])
def test_every_rule_stands_in_the_signature_and_changes_it(name: str) -> None:
    change: dict[str, Any] = {name: "other"}
    other = dataclasses.replace(RULES, **change)
    parts = dict(part.split(":", 1) for part in other.signature().split("|")[1:])
    assert parts[name] == "other"
    assert {key for key, value in parts.items() if f"{key}:{value}" not in RULES.signature().split("|")} == {name}


def test_the_signature_of_a_score_says_what_was_done() -> None:
    plain = score([[{"a": "x"}]], [[{"a": "x"}]], data_name="mine").signature
    parts = "\0".join(["0", '{"type":"array"}', '[{"a":"x"}]'])
    gold = hashlib.sha256(parts.encode()).hexdigest()[8:16]  # the low half of the first 64 bits
    assert plain.split("|") == [
        "text2json", f"version:{__version__}", "data:mine", f"gold:{gold}", "align:assignment", f"gate:{GATE}",
        "norm:nfkc+quotes+space+invisible", "absent:null", "repair:no", "truncated:empty", "missing:empty",
        f"limits:{LIMITS}", f"interval:bootstrap{RESAMPLES}s{SEED}",
    ]  # fmt: skip
    keyed = score([[{"a": "x"}]], [[{"a": "x"}]], key="a", limits=Limits(depth=3)).signature
    assert "align:key(a)" in keyed
    assert "/3/" in keyed


def test_what_is_scored_against_stands_in_the_signature_whatever_its_order() -> None:
    one, other = {"x": [{"a": "1"}]}, {"y": [{"a": "2"}]}
    signatures = [score({}, data).signature for data in (one | other, other | one, one, other)]
    assert signatures[0] == signatures[1]
    assert len(set(signatures)) == 3
    exact, loose = ({"properties": {"a": {"type": "string", "x-compare": {"case": case}}}} for case in (True, False))
    assert score({}, one, schema=exact).signature != score({}, one, schema=loose).signature


def test_limits_are_told_without_the_clock_which_moves_no_figure() -> None:
    assert str(Limits(bytes=1, depth=2, table=5, cells=3, seconds=4)) == "1B/2/5/3"
    assert str(Limits(seconds=1)) == str(Limits(seconds=2))
    with pytest.raises(dataclasses.FrozenInstanceError):
        LIMITS.depth = 5  # type: ignore[misc] # that is what is tried
