"""From a model's run to the leaderboard's page, by the commands that people give, through a real Hub client."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest
from huggingface_hub import HfApi

from tests.hub.server import Hub
from text2json.cli import main
from text2json.leaderboard.entries import read_entry

REPO = "org/results"
STRATEGIES = ["full", "quest:budget=0.125"]


@dataclass(frozen=True)
class Way:
    """Where the way ended.

    Attributes:
        hub: holds the merged results.
        site: the page built of them.
        runs: the run folders.
    """

    hub: Hub
    site: Path
    runs: Path


def go(*words: object) -> int:
    return main([str(word) for word in words])


@pytest.fixture
def way(hub: Hub, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Way:
    """Run, submit, merge, verify and build."""
    hub.store.create("dataset", REPO, "owner")
    monkeypatch.setenv("HF_TOKEN", "hf_guesttoken")
    runs, site = tmp_path / "runs", tmp_path / "site"
    assert go("run", "--task", "text2json:config=short,samples=2", "--model", tiny_model, "--strategies", *STRATEGIES,
              "--out", runs, "--max-new-tokens", 4) == 0  # fmt: skip
    send = ["submit", runs, "--repo", REPO, "--endpoint", hub.endpoint, "--model", "org/tiny@abc", "--subset"]
    assert go(*send, "--dry-run") == 0
    assert hub.log == []
    assert go(*send) == 0
    read = [REPO, "--endpoint", hub.endpoint, "--subset"]
    assert go("leaderboard", "verify", *read, "--revision", "refs/pr/1") == 0
    HfApi(hub.endpoint, token="hf_ownertoken").merge_pull_request(REPO, 1, repo_type="dataset")
    assert go("leaderboard", "verify", *read) == 0
    assert go("leaderboard", "build", *read, "--out", site) == 0
    return Way(hub, site, runs)


def test_run_submit_merge_verify_build(way: Way, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    kept = way.hub.store.repo("dataset", REPO).resolve("main").files
    entries = [path for path in kept if path.endswith("entry.json")]
    assert len(entries) == len(STRATEGIES)
    for path in entries:
        file = tmp_path / "entry.json"
        file.write_bytes(kept[path].content)
        entry = read_entry(file)
        run = json.loads(next(way.runs.rglob(f"*{entry.strategy.name}*/run.json")).read_text())
        assert json.loads(entry.text())["figures"] == run["figures"]
        assert entry.strategy.spec == run["settings"]["strategy"]
        assert (entry.model.name, entry.model.revision, entry.model.family) == ("org/tiny", "abc", "llama")
        assert entry.submitter.name == "guest"
        assert kept[path.replace("entry.json", "predictions.jsonl")].content == next(
            way.runs.rglob(f"*{entry.strategy.name}*/predictions.jsonl")).read_bytes()  # fmt: skip
        assert str(tmp_path) not in entry.text()
        assert entry.id in "".join(page.read_text() for page in way.site.rglob("*.html"))
    assert "org/tiny" in (way.site / "index.html").read_text()
    words = ["submit", way.runs, "--repo", REPO, "--endpoint", way.hub.endpoint, "--model", "org/tiny@abc", "--subset"]
    capsys.readouterr()
    assert go(*words) == 0
    assert "nothing new, and nothing was opened" in capsys.readouterr().out
