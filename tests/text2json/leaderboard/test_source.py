from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.hub.server import Hub
from tests.hub.store import MAIN, File
from tests.text2json.leaderboard.boards import add_entry
from text2json.cli import main
from text2json.errors import DataError
from text2json.hub import HubClient
from text2json.leaderboard import source
from text2json.leaderboard.source import is_place, results_of


@pytest.fixture
def board(hub: Hub, tmp_path: Path) -> Hub:
    add_entry(tmp_path / "board", "one")
    hub.store.add_folder("dataset", "org/results", tmp_path / "board")
    return hub


def verify(hub: Hub, *words: str) -> int:
    return main(["leaderboard", "verify", "org/results", "--endpoint", hub.endpoint, "--subset", *words])


def add(hub: Hub, ref: str, files: dict[str, File]) -> None:
    repo = hub.store.repo("dataset", "org/results")
    repo.commit(ref, repo.resolve("main"), {**repo.resolve("main").files, **files}, "more", "someone")


def test_a_repository_is_verified_as_a_folder_is(
    board: Hub, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert verify(board) == 0
    from_hub = capsys.readouterr().out
    assert main(["leaderboard", "verify", str(tmp_path / "board"), "--subset"]) == 0
    assert capsys.readouterr().out == from_hub


def test_a_pull_request_is_verified_before_it_is_merged(board: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    files = board.store.repo("dataset", "org/results").resolve("main").files
    (place,) = [path for path in files if path.endswith("entry.json")]
    forged = json.loads(files[place].content)
    forged["scores"]["exact_documents"] = 0.875
    add(board, "refs/pr/1", {place: File(json.dumps(forged).encode())})
    assert verify(board, "--revision", "refs/pr/1") == 1
    assert "exact_documents is 0.875" in capsys.readouterr().out
    assert verify(board) == 0


@pytest.mark.parametrize(
    ("pattern", "fault"),
    [
        ("GET .*/predictions.jsonl", {"cut": "middle"}),
        ("HEAD .*/entry.json", {"status": 503}),
        ("GET .*/tree/", {"status": 429, "headers": {"Retry-After": "1"}}),
        ("GET .*/entry.json", {"cut": "before"}),
    ],
)
def test_faults_while_fetching_cost_time_only(
    board: Hub, monkeypatch: pytest.MonkeyPatch, pattern: str, fault: dict[str, object]
) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)  # the client waits by itself as well
    board.faults.add(pattern, **fault)
    assert verify(board) == 0
    assert board.faults.left == 0


def test_files_that_no_entry_has_are_not_fetched(
    board: Hub, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    deep = "results/a/b/c/d"
    add(board, MAIN, {
        f"{deep}/run.pkl": File(b"cos\nsystem\n."), f"{deep}/e/entry.json": File(b"{}"),
        "results/notes.txt": File(b"x"),
        f"{deep}/predictions.jsonl": File(b"x" * 2000), "README.md": File(b"# hello"),
    })  # fmt: skip
    monkeypatch.setattr(source, "MOST_PREDICTION_BYTES", 1999)
    assert verify(board) == 1
    said = capsys.readouterr().out
    assert f"REJECTED {deep}/run.pkl: no file of an entry" in said
    assert "REJECTED results/notes.txt: no file of an entry" in said
    assert f"REJECTED {deep}/predictions.jsonl: 2,000 bytes, over the limit of 1,999" in said
    assert "README" not in said
    assert board.asked("GET", "run.pkl") == board.asked("GET", f"{deep}/predictions.jsonl") == 0


def test_a_repository_that_is_too_large_is_refused(board: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "MOST_FILES", 1)
    with (
        pytest.raises(DataError, match=r"2 files with .* bytes, over the limit of 1 and"),
        results_of("org/results", HubClient(board.endpoint)),
    ):
        pass


@pytest.mark.parametrize(
    "place",
    [
        "results/../../../../etc/entry.json", "results/a/b/c/../entry.json", "/results/a/b/c/d/entry.json",
        "results/a/b/c/entry.json", "results/a/b/c/d/e/entry.json", "results/a/b/c/d/run.pkl",
        "other/a/b/c/d/entry.json",
        "results/a/b/.c/d/entry.json", "results/a/b\\c/c/d/entry.json", "results/a/b/\u202ec/d/entry.json",
    ],
)  # fmt: skip
def test_names_that_lead_elsewhere_are_none_of_an_entry(place: str) -> None:
    assert not is_place(place)
    assert is_place("results/org__model/yakv/short-first-6/0123456789abcdef/entry.json")


def test_what_is_neither_folder_nor_repository_is_bad_input(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["leaderboard", "verify", "./nowhere"]) == 2
    assert "no such folder" in capsys.readouterr().err
