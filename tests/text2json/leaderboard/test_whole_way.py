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
    look_at(way.site, tmp_path)


def look_at(site: Path, folder: Path) -> None:
    """Look at the page in a browser: both rows, the way to a row's page, its picture."""
    from tests.browser import Visit, open_browser

    with open_browser() as browser:
        visit = Visit.of(browser)
        page = visit.open(site / "index.html")
        assert page.get_by_role("status").inner_text() == "2 entries shown of 2"
        page.get_by_label("Strategy", exact=True).select_option("quest")
        page.locator("#by-device a").hover()
        assert "org/tiny" in page.locator("#by-device .tip").inner_text()
        page.screenshot(path=folder / "leaderboard.png", full_page=True)
        page.locator("#by-device a").click()
        page.wait_for_url("**/entries/*.html")
        assert page.locator("h1").inner_text() == "quest on org/tiny, short-first-2@1.0.0"
        assert page.get_by_text("accuracy: re-scored; memory and time: self-reported").is_visible()
        visit.check_quiet(site)
        visit.close()
