"""One sample: a document with its question and its gold."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar

from text2json.errors import DataError

if TYPE_CHECKING:
    from pydantic import ConfigDict, TypeAdapter


@dataclass(frozen=True, slots=True)
class Sample:
    """One document with its question and its gold; the columns of every data set of this project.

    Gold, schema, evidence and knobs are canonical JSON *strings*, since columnar JSON types change values.
    """

    __pydantic_config__: ClassVar[ConfigDict] = {"extra": "forbid"}

    id: str
    """Stable name, for example `products-000123`."""
    domain: str
    """The generator's domain; empty where unknown."""
    kind: str
    """`synthetic`, `curated` or, for data from elsewhere, `external`."""
    problem: str
    """The whole prompt: instruction, schema, document."""
    answer: str
    """Gold records, canonical JSON."""
    schema: str
    """JSON Schema of the answer, canonical JSON."""
    text_span: list[int]
    """Start and end of the document inside `problem`, in characters."""
    evidence: str
    """Canonical JSON list of `{"path": "[3].director", "spans": [[start, end], ...]}`, one per gold leaf."""
    knobs: str
    """Canonical JSON object: the settings that made this document."""
    canary: str
    """The data set's canary GUID; never part of a prompt."""

    def records(self) -> Any:
        """Return the gold as Python values."""
        return json.loads(self.answer)

    def to_dict(self) -> dict[str, Any]:
        """Return the columns as a plain dictionary."""
        return asdict(self)


_JSON_COLUMNS: dict[str, tuple[type, ...]] = {
    "answer": (object,), "schema": (dict, bool), "evidence": (list,), "knobs": (dict,)
}  # fmt: skip


@cache
def _adapter() -> TypeAdapter[Sample]:
    from pydantic import TypeAdapter  # here, since documents are made without it

    return TypeAdapter(Sample)


def sample_from_row(row: Mapping[str, Any], *, file: str | None = None, line: int | None = None) -> Sample:
    """Validate a row from outside.

    Raises:
        DataError: a column is missing, unknown or of the wrong type; names `file` and `line`.
    """
    from pydantic import ValidationError

    try:
        sample = _adapter().validate_python(dict(row))
        fault = _fault(sample)
    except ValidationError as error:
        first = error.errors()[0]
        fault = ".".join(str(part) for part in first["loc"]), first["msg"]
    if fault is not None:
        raise DataError(
            f"column {fault[0]!r}: {fault[1]}",
            file=file,
            line=line,
            remedy="samples are rows as `text2json generate` writes them, or {problem, answer} as JSONL",
        )
    return sample


def _fault(sample: Sample) -> tuple[str, str] | None:
    """Return a column whose text or places are not what they should be, and what is wrong."""
    from pydantic_core import from_json

    for column, kind in _JSON_COLUMNS.items():
        text = getattr(sample, column)
        try:
            value = from_json(text)
        except ValueError:
            try:
                value = json.loads(text)  # takes lone surrogates and deep nesting
            except (ValueError, RecursionError):
                return column, "its text is no JSON"
        if not isinstance(value, kind):
            return column, f"its JSON is {type(value).__name__}"
    if not (len(sample.text_span) == 2 and 0 <= sample.text_span[0] <= sample.text_span[1] <= len(sample.problem)):
        return "text_span", "it is no start and end inside `problem`"
    return None
