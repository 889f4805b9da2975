from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.text2json.leaderboard.runs import write_run
from text2json.leaderboard.entries import Statement, entry_of
from text2json.schemas.entry import SCHEMA_FILE, LeaderboardEntry, Submitter, folder_name, schema_text


@pytest.fixture(scope="module")
def entry(tmp_path_factory: pytest.TempPathFactory) -> LeaderboardEntry:
    run = write_run(tmp_path_factory.mktemp("runs") / "run")
    return entry_of(run, Statement(Submitter(name="someone"), date="2026-01-31", subset=True))


def test_the_shipped_schema_is_current() -> None:
    """`text2json leaderboard schema > schemas/entry.schema.json` writes it anew."""
    assert json.loads(SCHEMA_FILE.read_text()) == json.loads(schema_text())


def test_an_entry_obeys_the_shipped_schema_and_reads_back(entry: LeaderboardEntry) -> None:
    schema = json.loads(SCHEMA_FILE.read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(json.loads(entry.text()), schema)
    assert LeaderboardEntry.model_validate_json(entry.text()) == entry
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(json.loads(entry.text()) | {"rank": 1}, schema)


def test_the_id_follows_from_what_was_run_and_not_from_who_sends_it(entry: LeaderboardEntry) -> None:
    assert entry.computed_id == entry.id
    other = entry.model_copy(update={"submitter": Submitter(name="another"), "date": "2026-02-01", "notes": "again"})
    assert other.computed_id == entry.id
    for change in (
        {"hardware": {**entry.hardware, "threads": 4}},
        {"model": entry.model.model_copy(update={"revision": "1" * 40})},
        {"strategy": entry.strategy.model_copy(update={"spec": "yakv:budget=0.25,local=16"})},
        {"predictions": entry.predictions.model_copy(update={"sha256": "0" * 64})},
    ):
        assert entry.model_copy(update=change).computed_id != entry.id


def test_the_folder_is_results_model_strategy_config_id(entry: LeaderboardEntry) -> None:
    assert entry.folder.as_posix() == f"results/org__reader/yakv/curated-first-6/{entry.id}"


@given(st.text(min_size=1))
def test_no_name_leads_out_of_its_folder(name: str) -> None:
    found = folder_name(name)
    assert Path("root", found).resolve().parent == Path("root").resolve()
    assert "/" not in found
    assert "\\" not in found
    assert not found.startswith(".")
