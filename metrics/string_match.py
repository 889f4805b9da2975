"""Scores by strings that an output must hold: the rules of RULER and of NeedleBench."""

from __future__ import annotations

import re
from collections.abc import Sequence

CONTROL = re.compile(r"[\x00-\x1f]")


def ruler_share(expected: Sequence[str], output: str) -> float:
    """Return the share of expected strings that stand in the output, whatever the case; RULER's `string_match_all`.

    Source: RULER (arXiv 2404.06654), `scripts/eval`: white space around the output goes, control characters become
    line breaks, then each string is looked for in lower case.
    """
    text = _cleaned(output)
    return sum(string.lower() in text for string in expected) / len(expected)


def ruler_any(expected: Sequence[str], output: str) -> float:
    """Return 1 if one of the expected strings stands in the output, else 0; RULER's `string_match_part`."""
    text = _cleaned(output)
    return float(any(string.lower() in text for string in expected))


def needlebench_share(keywords: Sequence[str], output: str) -> float:
    """Return the share of keywords that stand in the output exactly as they are written.

    Source: NeedleBench (arXiv 2407.11963), multi-needle retrieval in OpenCompass. It averages the shares of samples at
    each depth and then over the depths; with one keyword a depth that is the mean of this share over samples.
    """
    return sum(keyword in output for keyword in keywords) / len(keywords)


def _cleaned(output: str) -> str:
    return CONTROL.sub("\n", output.strip()).strip().lower()
