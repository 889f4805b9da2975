from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from text2json.metrics.string_match import needlebench_share, ruler_any, ruler_share

WORDS = st.lists(st.text("abAB1", min_size=1, max_size=3), min_size=1, max_size=4)


@pytest.mark.parametrize(
    ("expected", "output", "share"),
    [
        (["1234567"], " The magic number is 1234567.", 1.0),
        (["1234567", "7654321"], "1234567 and 7654320", 0.5),
        (["Apple"], "APPLES", 1.0),  # a substring, whatever the case
        (["a\nb"], "a\x07b", 1.0),  # a control character becomes a line break
        (["x"], "", 0.0),
        (["one two"], "one  two", 0.0),  # no other white space is folded
    ],
)
def test_rulers_rule(expected: list[str], output: str, share: float) -> None:
    assert ruler_share(expected, output) == share


def test_rulers_rule_for_questions_takes_any_answer() -> None:
    assert ruler_any(["Paris", "the French capital"], "It is the french capital.") == 1.0
    assert ruler_any(["Paris", "the French capital"], "It is Lyon.") == 0.0


def test_needlebenchs_rule_is_strict_about_case() -> None:
    assert needlebench_share(["Lima", "Oslo"], "lima, Oslo") == 0.5


@given(samples=st.lists(st.tuples(WORDS, st.text("abAB1 ", max_size=8)), min_size=1, max_size=6))
def test_the_mean_is_the_published_score(samples: list[tuple[list[str], str]]) -> None:
    # RULER, scripts/eval: mean over samples of the mean over references, in percent
    shares = [sum(one.lower() in text.strip().lower() for one in words) / len(words) for words, text in samples]
    published = 100 * sum(shares) / len(shares)
    assert 100 * sum(ruler_share(*one) for one in samples) / len(samples) == pytest.approx(published)


THREE = st.lists(st.text("ab", min_size=1, max_size=2), min_size=3, max_size=3)


@given(
    keywords=st.lists(THREE, min_size=1, max_size=5),
    outputs=st.lists(st.text("ab ", max_size=6), min_size=5, max_size=5),
)
def test_the_mean_share_is_needlebenchs_mean_over_depths(keywords: list[list[str]], outputs: list[str]) -> None:
    samples = list(zip(keywords, outputs, strict=False))
    by_depth = [sum(100 / len(samples) for words, text in samples if words[depth] in text) for depth in range(3)]
    ours = 100 * sum(needlebench_share(*one) for one in samples) / len(samples)
    assert ours == pytest.approx(sum(by_depth) / 3)
