from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from text2json import specs
from text2json.errors import SpecError


@dataclass(frozen=True)
class Options:
    count: int = 3
    share: float = 0.5
    whole: bool = False
    word: str = "a"
    hidden: object = field(default=None, metadata={"spec": False})


@given(st.builds(Options, st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.booleans(),
                 st.text("abc-", min_size=1)))  # fmt: skip
def test_a_spec_means_itself(options: Options) -> None:
    text = specs.write("x", options)
    name, _, rest = text.partition(":")
    assert (name, specs.build("x", Options, rest)) == ("x", options)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("cuont=3", r"x: no option 'cuont=3' \(did you mean 'count'\?\)"),
        ("count", "no option 'count'"),
        ("hidden=1", "no option 'hidden=1'"),
        ("count=1,count=2", "stands twice"),
        ("count=1.5", r"count='1.5' cannot be read \(give a whole number; the default is 3\)"),
        ("share=nan", "give a number; the default is 0.5"),
        ("share=", "give a number"),
        ("whole=yes", "give true or false; the default is false"),
    ],
)
def test_wrong_specs_are_refused(text: str, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        specs.build("x", Options, text)
