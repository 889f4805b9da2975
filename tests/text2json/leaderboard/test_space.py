"""The site as a static Space, through the real client, on a Hub of this machine."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.hub.server import Hub
from tests.text2json.leaderboard.boards import add_entry
from text2json.cli import main
from text2json.leaderboard.space import space_card

SPACE = "owner/leaderboard"


@pytest.fixture
def board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HF_TOKEN", "hf_ownertoken")
    monkeypatch.setattr("text2json.hub.sleep", lambda seconds: None)
    add_entry(tmp_path / "board", "one", samples=2)
    return tmp_path / "board"


def publish(hub: Hub, board: Path, *more: str) -> int:
    site = str(board.parent / "site")
    return main(["leaderboard", "build", str(board), "--out", site, "--unchecked", "--samples", "1", "--space", SPACE,
                 "--endpoint", hub.endpoint, *more])  # fmt: skip


def kept(hub: Hub) -> dict[str, bytes]:
    files = hub.store.repo("space", SPACE).resolve("main").files
    return {path: file.content for path, file in files.items() if path != ".gitattributes"}  # the Hub's own


def test_the_space_holds_the_site(hub: Hub, board: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (board.parent / "site").mkdir()
    (board.parent / "site" / "private.txt").write_text("not the site's")
    assert publish(hub, board, "--title", "A: title") == 0
    assert capsys.readouterr().out.splitlines()[-1] == f"{hub.endpoint}/spaces/{SPACE}"
    found = kept(hub)
    head = yaml.safe_load(found.pop("README.md").decode().split("---")[1])
    assert (head["sdk"], head["app_file"], head["title"]) == ("static", "index.html", "A: title")
    assert hub.store.repo("space", SPACE).settings["sdk"] == "static"
    site = board.parent / "site"
    pages = [f"entries/{page.name}" for page in site.glob("entries/*")]
    names = {"index.html", "leaderboard.csv", "leaderboard.json", *pages}
    assert found == {name: (site / name).read_bytes() for name in names}
    assert len(found) == 4


def test_publishing_again_changes_what_changed_and_leaves_the_rest(hub: Hub, board: Path) -> None:
    assert publish(hub, board) == 0
    first = kept(hub)
    assert publish(hub, board) == 0
    assert kept(hub) == first
    old = next(board.rglob("entry.json")).parent
    add_entry(board, "two", samples=2, strategy="oracle:budget=0.25,local=16")
    for file in old.iterdir():
        file.unlink()
    old.rmdir()
    assert publish(hub, board) == 0
    assert first.keys() - kept(hub).keys() == {f"entries/{old.name}.html"}
    assert len(kept(hub)) == len(first)


@pytest.mark.parametrize("fault", [{"status": 503}, {"status": 429, "headers": {"Retry-After": "1"}}, {"cut": "after"}])
def test_a_busy_hub_is_asked_again(hub: Hub, board: Path, fault: dict[str, object]) -> None:
    hub.faults.add("POST .*/commit/", **fault)
    assert publish(hub, board) == 0
    assert hub.faults.left == 0
    assert "index.html" in kept(hub)


def test_a_guest_is_told_that_the_space_is_not_theirs(
    hub: Hub, board: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    hub.store.create("space", SPACE, "owner")
    before = kept(hub)
    monkeypatch.setenv("HF_TOKEN", "hf_guesttoken")
    assert publish(hub, board) != 0
    said = capsys.readouterr().err
    assert "no right" in said
    assert "Traceback" not in said
    assert "hf_guesttoken" not in said
    assert kept(hub) == before


def test_the_card_names_the_results(hub: Hub) -> None:
    head = yaml.safe_load(space_card('"quoted": # title', "org/results").split("---")[1])
    assert head["title"] == '"quoted": # title'
    assert head["datasets"] == ["org/results"]
