from __future__ import annotations

import json
import logging
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml
from huggingface_hub import parse_eval_result_entries

from tests.hub.server import Hub
from tests.hub.store import MAIN, File
from tests.text2json.leaderboard.boards import STATEMENT, add_entry
from tests.text2json.leaderboard.runs import write_run
from text2json.cli import main
from text2json.errors import HubError
from text2json.hub import HubClient
from text2json.leaderboard.entries import entry_of
from text2json.leaderboard.submission import Parcel, send

REPO = "org/results"


@pytest.fixture
def board(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> Hub:
    """A Hub with an empty results repository; who asks is `guest`."""
    hub.store.create("dataset", REPO, "owner")
    monkeypatch.setenv("HF_TOKEN", "hf_guesttoken")
    return hub


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long was waited, without waiting."""
    found: list[float] = []
    monkeypatch.setattr("text2json.hub.sleep", found.append)
    return found


def submit(hub: Hub, *words: object) -> int:
    return main(["submit", *map(str, words), "--repo", REPO, "--endpoint", hub.endpoint, "--subset",
                 "--date", "2026-01-31"])  # fmt: skip


def parcel(run: Path) -> Parcel:
    return Parcel(entry_of(run, STATEMENT), run / "predictions.jsonl")


def requests(hub: Hub) -> int:
    return len(hub.store.repo("dataset", REPO).discussions)


def rows(hub: Hub, number: int) -> list[str]:
    commit = hub.store.repo("dataset", REPO).resolve(f"refs/pr/{number}")
    return sorted(path for path in commit.files if path.startswith("results/"))


def test_a_run_becomes_one_pull_request_with_two_files(
    board: Hub, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = write_run(tmp_path / "run")
    assert submit(board, run) == 0
    said = capsys.readouterr().out
    assert f"pull request: {board.endpoint}/datasets/{REPO}/discussions/1" in said
    entry = parcel(run).entry
    assert rows(board, 1) == [f"{entry.folder}/entry.json", f"{entry.folder}/predictions.jsonl"]
    files = board.store.repo("dataset", REPO).resolve("refs/pr/1").files
    assert files[f"{entry.folder}/predictions.jsonl"].content == (run / "predictions.jsonl").read_bytes()
    sent = json.loads(files[f"{entry.folder}/entry.json"].content)
    assert sent["submitter"]["name"] == "guest"
    request = board.store.repo("dataset", REPO).discussions[0]
    assert request.title == f"Add org/reader, yakv, curated-first-6 ({entry.id})"
    assert "yakv:local=16,budget=0.125" in request.description
    assert not [path for path in board.store.repo("dataset", REPO).resolve("main").files if "results" in path]


def test_the_same_entry_again_says_so_and_opens_nothing(
    board: Hub, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = write_run(tmp_path / "run")
    assert submit(board, run) == 0
    for state in ("open", "merged"):
        capsys.readouterr()
        assert submit(board, run) == 0
        said = capsys.readouterr().out
        assert "is there already" in said
        assert "nothing new, and nothing was opened" in said
        assert requests(board) == 1
        if state == "open":
            assert "/discussions/1" in said
            board.store.repo("dataset", REPO).merge(1, "owner")
    assert "/blob/main/results/" in said


def test_several_runs_are_one_pull_request_with_what_is_new(
    board: Hub, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_run(tmp_path / "runs" / "a")
    assert submit(board, tmp_path / "runs") == 0
    write_run(tmp_path / "runs" / "b", strategy="full", figures={"output_tokens": 401})
    assert submit(board, tmp_path / "runs") == 0
    assert "is there already" in capsys.readouterr().out
    assert requests(board) == 2
    assert [path.split("/")[2] for path in rows(board, 2)] == ["full", "full"]


def test_a_dry_run_shows_everything_and_asks_nobody(
    board: Hub, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = write_run(tmp_path / "run")
    assert submit(board, run, "--dry-run") == 0
    said = capsys.readouterr().out
    assert "nothing was sent" in said
    assert "predictions.jsonl" in said
    assert board.log == []


def test_nothing_leaves_the_machine_unless_every_run_is_whole(
    board: Hub, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_run(tmp_path / "runs" / "a")
    write_run(tmp_path / "runs" / "b", finished=False)
    assert submit(board, tmp_path / "runs") == 1
    assert "not finished" in capsys.readouterr().err
    assert board.asked("POST", "/commit/") == 0
    assert requests(board) == 0


FAULTS: list[tuple[str, str, dict[str, object]]] = [
    ("a busy server says when to come again", "POST .*/commit/", {"status": 429, "headers": {"Retry-After": "7"}}),
    ("an error of the server", "POST .*/commit/", {"status": 500, "times": 2}),
    ("a gateway in between", "GET .*/discussions", {"status": 503}),
    ("a connection cut before anything arrived", "POST .*/commit/", {"cut": "before", "times": 2}),
    ("a connection cut after all arrived", "POST .*/commit/", {"cut": "after"}),
    ("an answer cut in the middle", "POST .*/commit/", {"cut": "middle"}),
    ("a question cut", "POST .*/paths-info/", {"cut": "before"}),
    ("who am I, cut", "GET .*/whoami", {"cut": "before"}),
    ("a slow answer", "POST .*/commit/", {"delay": 0.3}),
]


@pytest.mark.parametrize(("pattern", "fault"), [f[1:] for f in FAULTS], ids=[f[0] for f in FAULTS])
def test_a_fault_costs_time_and_no_entry_is_lost_or_sent_twice(
    board: Hub, tmp_path: Path, waits: list[float], pattern: str, fault: dict[str, object],
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    run = write_run(tmp_path / "run")
    board.faults.add(pattern, **fault)
    assert submit(board, run) == 0
    assert board.faults.left == 0
    assert requests(board) == 1
    assert len(rows(board, 1)) == 2
    said = capsys.readouterr()
    assert "/discussions/1" in said.out
    if fault.get("headers"):
        assert waits == [7.0]
        assert "the Hub is busy (status 429); trying again in 7 seconds" in said.err


@pytest.mark.parametrize(
    ("pattern", "fault", "said"),
    [
        ("POST .*/commit/", {"status": 401}, "the Hub does not know the token"),
        ("POST .*/commit/", {"status": 403}, "the token has no right to do this"),
        ("POST .*/commit/", {"status": 404, "headers": {"X-Error-Code": "RepoNotFound"}}, "no such repository"),
        ("POST .*/commit/", {"status": 409}, "somebody else was faster"),
        ("POST .*/commit/", {"status": 412}, "somebody else was faster"),
        ("POST .*/commit/", {"status": 400}, "the Hub refuses (status 400)"),
        ("POST .*/commit/", {"status": 500, "times": 99}, "the Hub is busy (status 500) (try again later"),
        ("POST .*/commit/", {"status": 429, "headers": {"Retry-After": "3600"}, "times": 99},
         "try again in 3600 seconds"),
        ("POST .*/commit/", {"cut": "before", "times": 99}, "the Hub cannot be reached"),
        ("POST .*/paths-info/", {"status": 500, "times": 99}, "the Hub is busy"),
    ],
)  # fmt: skip
def test_what_no_patience_helps_is_one_line_and_leaves_nothing_half_sent(
    board: Hub, tmp_path: Path, waits: list[float], pattern: str, fault: dict[str, object], said: str,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    run = write_run(tmp_path / "run")
    board.faults.add(pattern, **fault)
    assert submit(board, run) == 1
    captured = capsys.readouterr()
    assert said in captured.err.splitlines()[-1]
    assert "Traceback" not in captured.err
    assert requests(board) == 0
    board.faults.clear()
    assert submit(board, run) == 0  # the next try finishes
    assert requests(board) == 1


def test_an_answer_that_never_comes_is_given_up_and_found_by_the_next_try(board: Hub, tmp_path: Path) -> None:
    one = parcel(write_run(tmp_path / "run"))
    board.faults.add("POST .*/commit/", delay=0.6)
    outcome = send(HubClient(board.endpoint, timeout=0.3, first_wait=0.8), REPO, [one])
    assert requests(board) == 1
    assert outcome.opened is None
    assert outcome.known == {one.entry.id: f"{board.endpoint}/datasets/{REPO}/discussions/1"}


def test_a_repository_that_is_not_there_is_named(board: Hub, tmp_path: Path) -> None:
    with pytest.raises(HubError, match="no such repository"):
        send(HubClient(board.endpoint), "org/nowhere", [parcel(write_run(tmp_path / "run"))])


def test_without_a_token_nothing_is_sent(
    board: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("HF_TOKEN")
    assert submit(board, write_run(tmp_path / "run")) == 1
    assert "no token for the Hub" in capsys.readouterr().err
    assert board.log == []


def test_many_submitters_at_once_lose_nothing(board: Hub, tmp_path: Path) -> None:
    parcels = [parcel(write_run(tmp_path / str(n), batch_size=n + 1, figures={"output_tokens": n})) for n in range(8)]
    board.faults.add("POST .*/commit/", cut="after", times=2)
    board.faults.add("POST .*/commit/", status=500, times=2)

    def go(one: Parcel) -> None:
        send(HubClient(board.endpoint, first_wait=0.05), REPO, [one])

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(go, parcels))
    assert requests(board) == 8
    repo = board.store.repo("dataset", REPO)
    for number in range(1, 9):
        repo.merge(number, "owner")
    entries = [path for path in repo.resolve("main").files if path.endswith("entry.json")]
    assert sorted(entries) == sorted(f"{one.entry.folder}/entry.json" for one in parcels)


def test_the_token_is_in_no_file_no_line_and_no_request_but_its_header(
    board: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    caplog.set_level(logging.DEBUG)
    monkeypatch.setattr(logging.getLogger("huggingface_hub"), "propagate", True)
    run = write_run(tmp_path / "run", samples=6)
    board.faults.add("POST .*/commit/", status=500)
    board.faults.add("GET .*/discussions", status=401)
    monkeypatch.setattr("text2json.hub.sleep", lambda _: None)
    assert submit(board, run) == 1
    assert submit(board, run) == 0
    board.store.repo("dataset", REPO).merge(1, "owner")
    assert main(["leaderboard", "verify", REPO, "--endpoint", board.endpoint, "--subset"]) == 0
    captured = capsys.readouterr()
    secret = os.environ["HF_TOKEN"]
    assert secret not in captured.out + captured.err + caplog.text
    assert "/commit/" in caplog.text  # the clients did log
    assert secret not in board.text_of_log() + board.storage.text_of_log()
    assert any(one.headers.get("authorization") == f"Bearer {secret}" for one in board.log)
    assert all("authorization" not in one.headers for one in board.storage.log)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert files
    assert not [path for path in files if secret.encode() in path.read_bytes()]


@pytest.mark.parametrize("pattern", ["POST .*/commit/", "GET .*/discussions", "GET .*/whoami", "POST .*/paths-info/"])
def test_a_redirection_to_another_host_never_brings_the_token_there(
    board: Hub, tmp_path: Path, waits: list[float], pattern: str
) -> None:
    board.faults.add(pattern, status=307, headers={"Location": f"{board.storage.address}/elsewhere"}, times=99)
    assert submit(board, write_run(tmp_path / "run")) == 1
    assert board.storage.log
    assert all("authorization" not in one.headers for one in board.storage.log)
    assert "hf_guesttoken" not in board.storage.text_of_log()


def test_the_full_reference_goes_to_the_models_own_page(
    board: Hub, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    board.store.create("model", "org/reader", "somebody")
    tagged = board.store.add_folder("dataset", "org/text2json", tmp_path / "nothing", tag="1.0.0").resolve("1.0.0")
    known = [{"dataset": {"id": "a/b", "task_id": "c"}, "value": 1.5}]
    repo = board.store.repo("model", "org/reader")
    files = {".eval_results/text2json.yaml": File(yaml.safe_dump(known).encode())}
    repo.commit(MAIN, repo.resolve("main"), files, "old", "somebody")
    run = write_run(tmp_path / "run", samples=200, strategy="full")
    write_run(tmp_path / "other", samples=200)
    words = [run, tmp_path / "other", "--eval-results", "org/text2json"]
    assert submit(board, *words) == 0
    assert f"org/reader: {board.endpoint}/org/reader/discussions/1" in capsys.readouterr().out
    text = repo.resolve("refs/pr/1").files[".eval_results/text2json.yaml"].content.decode()
    old, new = parse_eval_result_entries(yaml.safe_load(text))
    assert (old.dataset_id, old.value) == ("a/b", 1.5)
    assert new.dataset_revision == tagged.oid
    f1 = parcel(run).entry.scores.records.f1
    assert (new.dataset_id, new.task_id, new.value) == ("org/text2json", "curated", round(100 * f1, 2))
    assert submit(board, *words) == 0  # again: the open pull request is found
    assert len(repo.discussions) == 1
    repo.merge(1, "somebody")
    capsys.readouterr()
    assert submit(board, *words) == 0
    assert "has these figures already" in capsys.readouterr().out
    assert len(repo.discussions) == 1


def test_entries_of_a_local_board_can_be_sent_too(board: Hub, tmp_path: Path) -> None:
    """What `--to` writes is what is sent, file by file."""
    local = add_entry(tmp_path / "board", "one")
    run = tmp_path / "runs" / "one"
    assert submit(board, run, "--submitter", "someone") == 0
    files = board.store.repo("dataset", REPO).resolve("refs/pr/1").files
    for name in ("entry.json", "predictions.jsonl"):
        place = (local / name).relative_to(tmp_path / "board").as_posix()
        assert files[place].content == (local / name).read_bytes()
