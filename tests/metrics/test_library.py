"""The library is loaded if it is of these sources, and its structures are those that Python fills."""

from __future__ import annotations

import ctypes
import re
from pathlib import Path

import pytest

from text2json.metrics import flat_json, library
from text2json.metrics.flat_counts import SUMS, CountJob
from text2json.metrics.flat_json import ReadJob
from text2json.metrics.flat_table import NearJob
from text2json.metrics.library import INTERFACE, Job
from text2json.metrics.together import CHOSEN, DONE, LEFT, TIED, PairJob

HOME = Path(__file__).parents[2] / "metrics"
SOURCES = "\n".join(file.read_text() for file in sorted(HOME.glob("*.[ch]")))


def names(structure: str) -> list[str]:
    """Return the names of a structure's fields in the sources."""
    body = re.sub(r"/\*.*?\*/", "", SOURCES.split(f"struct {structure} {{")[1].split("\n};")[0], flags=re.DOTALL)
    parts = [part.split(",") for part in body.split(";") if part.strip()]
    return [one.split()[-1].strip("*") for part in parts for one in part]


def pointers(structure: str) -> set[str]:
    body = re.sub(r"/\*.*?\*/", "", SOURCES.split(f"struct {structure} {{")[1].split("\n};")[0], flags=re.DOTALL)
    return {"chars", *re.findall(r"\*(\w+)", body)} & {*names(structure)} | {*re.findall(r"chars (\w+)", body)}


@pytest.mark.parametrize(
    ("structure", "job"),
    [("read_job", ReadJob), ("pair_job", PairJob), ("count_job", CountJob), ("near_job", NearJob)],
)
def test_jobs_are_those_of_the_sources(structure: str, job: type[Job]) -> None:
    assert names(structure) == [field[0] for field in job._fields_]
    assert pointers(structure) == {field[0] for field in job._fields_ if field[1] is ctypes.c_void_p}
    assert ctypes.sizeof(job) == 8 * len(job._fields_)


def enumeration(first: str) -> list[str]:
    """Return the names of the enumeration that begins with `first`."""
    found = re.search(rf"enum {{ ({first}\b[^}}]*) }}", SOURCES)
    assert found is not None
    return found[1].split(", ")


def test_values_and_names_of_numbers_are_those_of_the_sources() -> None:
    assert names("value") == [name for name, _ in flat_json._VALUE]
    kinds = enumeration("MISSING")
    assert [getattr(flat_json, name) for name in kinds] == list(range(len(kinds)))
    assert enumeration("DONE") == ["DONE", "CHOSEN", "TIED", "LEFT"]
    assert (DONE, CHOSEN, TIED, LEFT) == (0, 1, 2, 3)
    assert enumeration("RIGHT").index("SUMS") == SUMS


def test_no_library_and_another_one_are_not_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(library, "__file__", str(tmp_path / "library.py"))
    assert library.library.__wrapped__() is None
    (tmp_path / "compiled.so").write_text("no library")
    assert library.library.__wrapped__() is None
    monkeypatch.undo()
    monkeypatch.setattr(library, "INTERFACE", INTERFACE + 1)
    assert library.library.__wrapped__() is None
