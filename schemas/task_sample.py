"""Samples of tasks whose gold is no list of records: strings to be found, or one text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from text2json.schemas.canonical import canonical_json
from text2json.schemas.sample import Sample

STRINGS = canonical_json({"type": "array", "items": {"type": "string"}})
TEXT = canonical_json({"type": "string"})
Evidence = Sequence[tuple[str, Sequence[tuple[int, int]]]]
"""A path in the gold and the places that state it, any one of which is enough; what needs several has several rows."""


def task_sample(
    name: str,
    *,
    task: str,
    problem: str,
    gold: Any,
    text_span: tuple[int, int],
    evidence: Evidence,
    knobs: Mapping[str, Any],
    kind: str = "synthetic",
    canary: str = "",
) -> Sample:
    """Return a sample in the columns that every data set of this project has.

    Args:
        name: the sample's id.
        task: stands in the column `domain`.
        problem: the whole prompt.
        gold: any value that JSON has a form for; a list of strings, or a text.
        text_span: start and end of the document in `problem`.
        evidence: where `problem` states what.
        knobs: the settings that made it.
        kind: `synthetic`, or `external` for data from elsewhere.
        canary: of generated data.
    """
    return Sample(
        id=name,
        domain=task,
        kind=kind,
        problem=problem,
        answer=canonical_json(gold),
        schema=TEXT if isinstance(gold, str) else STRINGS if isinstance(gold, list) else "{}",
        text_span=list(text_span),
        evidence=canonical_json([{"path": path, "spans": [list(span) for span in spans]} for path, spans in evidence]),
        knobs=canonical_json(dict(knobs)),
        canary=canary,
    )
