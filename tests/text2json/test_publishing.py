from __future__ import annotations

import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml
from huggingface_hub import HfApi

import text2json
from tests.hub.server import Hub
from tests.hub.store import MAIN, File
from text2json.cli import main
from text2json.data import iter_samples
from text2json.errors import CheckFailed, DataError, HubError
from text2json.hub import HubClient
from text2json.manifest import read_manifest
from text2json.publishing import edition_of, publish
from text2json.writing import write_dataset

REPO = "org/documents"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of the frozen version; two configurations, so that one has to be chosen."""
    found = tmp_path_factory.mktemp("data") / "curated"
    write_dataset("curated,short", found, version="1.0.0")
    return found


@pytest.fixture
def owner(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> Hub:
    monkeypatch.setenv("HF_TOKEN", "hf_ownertoken")
    return hub


@pytest.fixture
def no_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("text2json.hub.sleep", lambda _: None)


def files(hub: Hub, revision: str = "main") -> dict[str, File]:
    return hub.store.repo("dataset", REPO).resolve(revision).files


def tags(hub: Hub) -> list[str]:
    return [ref for ref in hub.store.repo("dataset", REPO).refs if ref.startswith("refs/tags/")]


def send(hub: Hub, folder: Path) -> bool:
    return publish(HubClient(hub.endpoint), edition_of(folder), REPO)


def test_a_version_is_published_and_read_back(owner: Hub, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["publish", str(folder), "--repo", REPO]) == 0
    said = capsys.readouterr().out
    assert "version 1.0.0 published" in said
    assert 'text2json.load("org/documents@1.0.0:curated")' in said
    assert sorted(files(owner, "1.0.0")) == [
        ".gitattributes", "README.md", "curated/test.parquet", "eval.yaml", "manifest.json", "short/test.parquet",
    ]  # fmt: skip
    rows = text2json.load(f"{REPO}@1.0.0:curated")
    assert [row["id"] for row in rows] == [sample.id for sample in iter_samples(f"{folder}:curated")]
    assert list(iter_samples(f"{REPO}:short/test")) == list(iter_samples(f"{folder}:short"))
    benchmark = yaml.safe_load(files(owner)["eval.yaml"].content)
    assert [task["id"] for task in benchmark["tasks"]] == ["curated", "short"]
    head = yaml.safe_load(files(owner)["README.md"].content.decode().split("---")[1])
    assert [config["config_name"] for config in head["configs"]] == ["curated", "short"]


def test_publishing_again_does_nothing(owner: Hub, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert send(owner, folder)
    commits = len(owner.store.repo("dataset", REPO).commits)
    assert main(["publish", str(folder), "--repo", REPO]) == 0
    assert "was published already" in capsys.readouterr().out
    assert len(owner.store.repo("dataset", REPO).commits) == commits


def test_a_published_version_is_never_overwritten(owner: Hub, folder: Path, tmp_path: Path) -> None:
    send(owner, folder)
    write_dataset("curated", tmp_path / "less", version="1.0.0")
    with pytest.raises(CheckFailed, match=r"has version 1\.0\.0 already, with other configurations"):
        send(owner, tmp_path / "less")
    owner.store.repo("dataset", REPO).refs["refs/tags/1.0.0"] = next(iter(owner.store.repo("dataset", REPO).commits))
    with pytest.raises(CheckFailed, match="already"):  # a tag without any documents is somebody's, too
        send(owner, folder)


def test_what_another_version_left_goes_and_other_files_stay(owner: Hub, folder: Path) -> None:
    repo = owner.store.create("dataset", REPO, "owner")
    old = {"older/test.parquet": File(b"x", large=True), "figures/a.png": File(b"p")}
    repo.commit(MAIN, repo.resolve("main"), old, "older", "owner")
    send(owner, folder)
    assert "older/test.parquet" not in files(owner)
    assert "figures/a.png" in files(owner)


@pytest.mark.parametrize(
    ("pattern", "fault"),
    [
        ("POST .*/repos/create", {"cut": "after"}),
        ("POST .*/repos/create", {"status": 500}),
        ("POST .*/commit/main", {"cut": "after"}),
        ("POST .*/commit/main", {"status": 429, "headers": {"Retry-After": "2"}}),
        ("POST .*/commit/main", {"status": 412}),
        ("POST .*/tag/", {"cut": "after"}),
        ("POST .*/tag/", {"cut": "before"}),
        ("POST .*/tag/", {"status": 409}),
        ("POST .*lfs/objects/batch", {"status": 503}),
    ],
)
def test_a_fault_leaves_a_whole_version_in_the_end(
    owner: Hub, folder: Path, monkeypatch: pytest.MonkeyPatch, pattern: str, fault: dict[str, object]
) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)
    monkeypatch.setattr("text2json.hub.sleep", lambda _: None)
    owner.faults.add(pattern, **fault)
    send(owner, folder)
    assert owner.faults.left == 0
    assert tags(owner) == ["refs/tags/1.0.0"]
    assert files(owner, "1.0.0").keys() >= {"curated/test.parquet", "short/test.parquet", "manifest.json"}
    assert len(owner.store.repo("dataset", REPO).commits) == 2  # the first, and the version: nothing twice


def test_publishers_at_once_make_one_version(owner: Hub, folder: Path, no_wait: None) -> None:
    owner.store.create("dataset", REPO, "owner")
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda _: send(owner, folder), range(4)))
    assert any(done)
    assert tags(owner) == ["refs/tags/1.0.0"]
    assert read_manifest(folder / "manifest.json").text().encode() == files(owner, "1.0.0")["manifest.json"].content


@pytest.mark.parametrize("place", ["manifest.json", "curated/test.parquet"])
def test_documents_that_were_changed_on_the_hub_are_not_read(
    owner: Hub, folder: Path, tmp_path: Path, place: str
) -> None:
    changed = tmp_path / "changed"
    shutil.copytree(folder, changed)
    manifest = (changed / "manifest.json").read_text()
    if place == "manifest.json":
        entry = read_manifest(changed / "manifest.json").configs["curated"]["test"]
        (changed / "manifest.json").write_text(manifest.replace(entry.sha256, "0" * 64))
    else:
        write_dataset("curated", tmp_path / "other", samples=3, seed=5)
        shutil.copy(tmp_path / "other" / place, changed / place)
    owner.store.add_folder("dataset", REPO, changed, tag="1.0.0")
    with pytest.raises(DataError, match=r"not that of version 1\.0\.0|the manifest says"):
        list(iter_samples(f"{REPO}@1.0.0:curated"))
    assert len(list(iter_samples(f"{REPO}@1.0.0:short"))) == 400


def test_wrong_names_are_told_with_the_nearest(owner: Hub, folder: Path) -> None:
    send(owner, folder)
    for text, said in (
        (f"{REPO}@1.0.0:currated", "did you mean 'curated'"),
        (f"{REPO}@1.0.0:curated/train", "no split 'train' of curated"),
        (f"{REPO}@1.0.0", "holds several configurations"),
        (f"{REPO}@9.9.9:curated", "no such revision"),
        ("org/nowhere:curated", "no such repository"),
    ):
        with pytest.raises(DataError, match=said):
            list(iter_samples(text))


def test_only_frozen_versions_that_hold_what_they_say_are_published(
    owner: Hub, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_dataset("curated", tmp_path / "loose", samples=3)
    assert main(["publish", str(tmp_path / "loose"), "--repo", REPO]) == 2
    assert "of no frozen version" in capsys.readouterr().err
    broken = tmp_path / "broken"
    shutil.copytree(folder, broken)
    shutil.copy(tmp_path / "loose" / "curated" / "test.parquet", broken / "curated" / "test.parquet")
    assert main(["publish", str(broken), "--repo", REPO]) == 1
    assert "the manifest says" in capsys.readouterr().err
    assert main(["publish", str(folder), "--repo", REPO, "--dry-run"]) == 0
    assert "nothing was sent" in capsys.readouterr().out
    assert owner.log == []


def test_a_guest_cannot_publish(owner: Hub, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    owner.store.create("dataset", REPO, "owner")
    monkeypatch.setenv("HF_TOKEN", "hf_guesttoken")
    with pytest.raises(HubError, match="no right"):
        send(owner, folder)
    assert tags(owner) == []


def test_datasets_loads_what_was_published(owner: Hub, folder: Path, tmp_path: Path) -> None:
    send(owner, folder)
    code = (
        "import datasets\n"
        f"rows = datasets.load_dataset({REPO!r}, 'curated', revision='1.0.0', split='test')\n"
        "print(len(rows), rows[0]['id'])\n"
    )
    env = {**os.environ, "HF_HOME": str(tmp_path / "home"), "HF_ENDPOINT": owner.endpoint}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False)
    first = next(iter(iter_samples(f"{folder}:curated"))).id
    assert done.stdout.split() == ["200", first], done.stderr
    assert all("authorization" not in one.headers for one in owner.storage.log)
    assert HfApi(owner.endpoint).list_repo_refs(REPO, repo_type="dataset").tags[0].name == "1.0.0"
