"""The Hub of the tests, asked by the real clients."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi
from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError, RepositoryNotFoundError, RevisionNotFoundError

from tests.hub.server import Hub


def add(path: str, content: bytes) -> CommitOperationAdd:
    return CommitOperationAdd(path, content)


def test_a_repository_from_its_making_to_a_merged_pull_request(hub: Hub, tmp_path: Path) -> None:
    owner, guest = HfApi(hub.endpoint, token="hf_ownertoken"), HfApi(hub.endpoint, token="hf_guesttoken")
    assert owner.whoami()["name"] == "owner"
    assert owner.create_repo("org/board", repo_type="dataset").repo_id == "org/board"
    assert owner.create_repo("org/board", repo_type="dataset", exist_ok=True).repo_id == "org/board"
    with pytest.raises(HfHubHTTPError, match="409"):
        owner.create_repo("org/board", repo_type="dataset")
    owner.create_commit("org/board", [add("README.md", b"# board\n")], commit_message="card", repo_type="dataset")
    large = os.urandom(1000)
    opened = guest.create_commit(
        "org/board", [add("a/b.json", b"{}"), add("a/c.parquet", large)], commit_message="a row", repo_type="dataset",
        create_pr=True,
    )  # fmt: skip
    assert opened.pr_num == 1
    assert opened.pr_url == f"{hub.endpoint}/datasets/org/board/discussions/1"
    assert guest.list_repo_files("org/board", repo_type="dataset") == [".gitattributes", "README.md"]
    seen = guest.list_repo_files("org/board", repo_type="dataset", revision="refs/pr/1")
    assert seen == [".gitattributes", "README.md", "a/b.json", "a/c.parquet"]
    (request,) = guest.get_repo_discussions("org/board", repo_type="dataset", discussion_status="open")
    assert (request.num, request.author, request.is_pull_request) == (1, "guest", True)
    with pytest.raises(HfHubHTTPError, match="403"):
        guest.merge_pull_request("org/board", 1, repo_type="dataset")
    owner.merge_pull_request("org/board", 1, repo_type="dataset")
    assert guest.get_discussion_details("org/board", 1, repo_type="dataset").status == "merged"
    file = guest.hf_hub_download("org/board", "a/c.parquet", repo_type="dataset", local_dir=tmp_path / "here")
    assert Path(file).read_bytes() == large
    owner.create_tag("org/board", tag="1.0", repo_type="dataset")
    refs = owner.list_repo_refs("org/board", repo_type="dataset", include_pull_requests=True)
    assert [ref.name for ref in refs.tags] == ["1.0"]
    deleted = owner.create_commit(
        "org/board", [CommitOperationDelete("a/")], commit_message="gone", repo_type="dataset"
    )
    assert owner.list_repo_files("org/board", repo_type="dataset") == [".gitattributes", "README.md"]
    assert "a/b.json" in owner.list_repo_files("org/board", repo_type="dataset", revision="1.0")
    assert owner.repo_info("org/board", repo_type="dataset").sha == deleted.oid
    assert all("authorization" not in one.headers for one in hub.storage.log)


def test_what_is_missing_raises_what_the_hub_raises(hub: Hub) -> None:
    api = HfApi(hub.endpoint, token=False)
    hub.store.create("model", "org/model", "owner")
    with pytest.raises(RepositoryNotFoundError):
        api.repo_info("org/other")
    with pytest.raises(RevisionNotFoundError):
        api.repo_info("org/model", revision="v9")
    with pytest.raises(EntryNotFoundError):
        api.hf_hub_download("org/model", "config.json")
    with pytest.raises(HfHubHTTPError) as error:
        HfApi(hub.endpoint, token="hf_wrong").whoami()
    assert error.value.response.status_code == 401


def test_a_stale_parent_and_an_unchanged_commit(hub: Hub) -> None:
    api = HfApi(hub.endpoint, token="hf_ownertoken")
    hub.store.create("dataset", "org/board", "owner")
    first = api.repo_info("org/board", repo_type="dataset").sha
    done = api.create_commit(
        "org/board", [add("x", b"1")], commit_message="x", repo_type="dataset", parent_commit=first
    )
    with pytest.raises(HfHubHTTPError, match="412"):
        api.create_commit("org/board", [add("x", b"2")], commit_message="x", repo_type="dataset", parent_commit=first)
    again = api.create_commit("org/board", [add("x", b"1")], commit_message="x", repo_type="dataset", create_pr=True)
    assert (again.oid, again.pr_url) == (done.oid, None)


def test_a_long_listing_comes_page_by_page(hub: Hub) -> None:
    api = HfApi(hub.endpoint, token="hf_ownertoken")
    hub.store.create("dataset", "org/board", "owner")
    names = [f"{place:02d}/file" for place in range(7)]
    api.create_commit("org/board", [add(name, b"x") for name in names], commit_message="x", repo_type="dataset")
    hub.routes.page = 2
    assert api.list_repo_files("org/board", repo_type="dataset") == [".gitattributes", *names]


def test_pull_requests_at_once_lose_nothing(hub: Hub) -> None:
    api = HfApi(hub.endpoint, token="hf_guesttoken")
    hub.store.create("dataset", "org/board", "owner")

    def send(number: int) -> str | None:
        operations = [add(f"rows/{number}", str(number).encode())]
        return api.create_commit("org/board", operations, commit_message=f"{number}", repo_type="dataset",
                                 create_pr=True).pr_url  # fmt: skip

    with ThreadPoolExecutor(8) as pool:
        addresses = list(pool.map(send, range(8)))
    assert len(set(addresses)) == 8
    owner = HfApi(hub.endpoint, token="hf_ownertoken")
    for number in range(1, 9):
        owner.merge_pull_request("org/board", number, repo_type="dataset")
    rows = [name for name in owner.list_repo_files("org/board", repo_type="dataset") if name.startswith("rows/")]
    assert rows == [f"rows/{number}" for number in range(8)]


def test_datasets_pushes_and_loads(hub: Hub, tmp_path: Path) -> None:
    hub.store.create("dataset", "org/rows", "owner")
    code = (
        "import datasets; from huggingface_hub import HfApi\n"
        "rows = datasets.Dataset.from_list([{'a': 1}, {'a': 2}])\n"
        "rows.push_to_hub('org/rows', config_name='one', split='test')\n"
        "HfApi().create_tag('org/rows', tag='1.0', repo_type='dataset')\n"
        "print(datasets.load_dataset('org/rows', 'one', revision='1.0', split='test')['a'][:])\n"
    )
    env = {**os.environ, "HF_HOME": str(tmp_path), "HF_ENDPOINT": hub.endpoint, "HF_TOKEN": "hf_ownertoken"}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[1, 2]"
