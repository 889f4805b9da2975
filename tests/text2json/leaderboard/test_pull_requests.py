from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi

from tests.hub.server import Hub
from tests.text2json.leaderboard.boards import STATEMENT, add_entry, rewrite
from tests.text2json.leaderboard.runs import spoil, write_run
from text2json.cli import main
from text2json.hub import HubClient
from text2json.leaderboard.entries import entry_of
from text2json.leaderboard.pull_requests import verify_requests
from text2json.leaderboard.submission import Parcel, send

REPO = "org/results"


@pytest.fixture
def board(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hub:
    """A Hub with one entry that stands, and three open pull requests: good, forged, and a vandal's."""
    monkeypatch.setenv("HF_TOKEN", "hf_guesttoken")
    stands = add_entry(tmp_path / "board", "one")
    hub.store.add_folder("dataset", REPO, tmp_path / "board")
    run = write_run(tmp_path / "runs" / "good", answer=spoil(3), figures={"output_tokens": 401})
    send(HubClient(hub.endpoint), REPO, [Parcel(entry_of(run, STATEMENT), run / "predictions.jsonl")])
    bad = add_entry(tmp_path / "other", "two", answer=spoil(4), figures={"output_tokens": 402})
    bad = rewrite(bad, lambda value: value["scores"].update(exact_documents=0.999))
    api = HfApi(hub.endpoint)
    twin = add_entry(tmp_path / "third", "three", strategy="full")  # the run that stands, under another name
    place = stands.relative_to(tmp_path / "board").as_posix()

    def added(folder: Path, root: Path) -> list[CommitOperationAdd | CommitOperationDelete]:
        return [CommitOperationAdd(file.relative_to(root).as_posix(), file.read_bytes()) for file in folder.iterdir()]

    for operations in (
        added(bad, tmp_path / "other"),
        [*added(twin, tmp_path / "third"), CommitOperationDelete(f"{place}/predictions.jsonl"),
         CommitOperationAdd(f"{place}/entry.json", b"{}"), CommitOperationAdd(".github/workflows/x.yml", b"on: push")],
    ):  # fmt: skip
        api.create_commit(REPO, operations, commit_message="\x1b[31mrows", repo_type="dataset", create_pr=True)
    return hub


def test_each_open_request_has_its_own_verdict(board: Hub) -> None:
    good, forged, vandal = verify_requests(REPO, HubClient(board.endpoint), subset=True)
    assert [row.ok for row in good.rows] == [True]
    assert good.rows[0].accuracy == "re-scored"
    assert good.address == f"{board.endpoint}/datasets/{REPO}/discussions/1"
    assert "exact_documents is 0.999" in forged.rows[0].problems[0]
    said = {row.place.rpartition("/")[2]: row.problems[0] for row in vandal.rows}
    assert said["x.yml"] == "no file of an entry"
    assert said["predictions.jsonl"] == "removes a file that stands"
    assert said["entry.json"] == "changes a file that stands"
    twin = next(row for row in vandal.rows if "/full/" in row.place)
    assert twin.problems[0].startswith("duplicate: the same run as results/org__reader/yakv/")
    assert len(vandal.rows) == 4


def test_a_request_is_compared_with_where_it_began(board: Hub) -> None:
    """What the main branch gained since is none of its doing."""
    owner = HfApi(board.endpoint, token="hf_ownertoken")
    board.store.repo("dataset", REPO).members.add("owner")
    owner.merge_pull_request(REPO, 1, repo_type="dataset")
    forged, _ = verify_requests(REPO, HubClient(board.endpoint), subset=True)
    assert len(forged.rows) == 1


def test_the_same_entry_in_two_requests_is_told_once_one_is_merged(board: Hub, tmp_path: Path) -> None:
    """Two that send the same at the same moment see nothing of each other."""
    repo = board.store.repo("dataset", REPO)
    again = repo.resolve("refs/pr/1")
    repo.discussions.append(dataclasses.replace(repo.discussions[0], number=4))
    repo.commit("refs/pr/4", repo.resolve("main"), again.files, "the same", "guest")
    first, *_, second = verify_requests(REPO, HubClient(board.endpoint), subset=True)
    assert [row.ok for row in (*first.rows, *second.rows)] == [True, True]
    repo.merge(1, "owner")
    *_, second = verify_requests(REPO, HubClient(board.endpoint), subset=True)
    assert [row.problems for row in second.rows] == [("stands already",)] * 2


def test_the_command_exits_for_ci(board: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["leaderboard", "verify", REPO, "--endpoint", board.endpoint, "--subset", "--open"]
    assert main(words) == 1
    said = capsys.readouterr().out
    assert "pull request 1: Add org/reader, yakv, curated-first-6" in said
    assert "1 entries stand, 5 rejected" in said
    assert "\x1b" not in said
    assert main([*words, "--format", "json"]) == 1
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert rows[0]["ok"] is True
    assert rows[0]["request"].startswith("pull request 1:")
    for request in board.store.repo("dataset", REPO).discussions[1:]:
        request.status = "closed"
    assert main(words) == 0
    assert main([*words, "--revision", "main"]) == 2
