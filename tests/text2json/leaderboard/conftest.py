"""A small board, checked and built by the command, that the tests of the site share."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.text2json.leaderboard.boards import add_entry
from text2json.cli import main
from text2json.schemas.sample import Sample

BUDGETS = {"full": 3072.0, "oracle": 1571.0, "yakv": 268.0, "shadowkv": 632.0}
"""Strategy → device bytes per token."""


def lose(documents: int) -> Callable[[int, Sample], str]:
    """Return a reader that loses the last record of so many documents."""
    return lambda place, sample: json.dumps(sample.records()[: -1 if place < documents else None])


@pytest.fixture(scope="session")
def board(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with nine entries: four strategies of two models on one configuration, one on another."""
    root = tmp_path_factory.mktemp("board") / "board"
    for place, (strategy, device) in enumerate(BUDGETS.items()):
        for model, lost in (("org/reader", place), ("org/other", 3 + place)):
            moved = 0.0 if strategy == "full" else 1e5 / device
            add_entry(
                root, f"{strategy}-{lost}", model=model, answer=lose(lost),
                strategy=strategy if strategy == "full" else f"{strategy}:budget=0.25,local=16",
                figures={"device_bytes_per_token": device, "moved_bytes_per_step": moved},
            )  # fmt: skip
    add_entry(root, "small", samples=3, config="short", answer=lose(1), strategy="yakv:budget=0.0625,local=16")
    return root


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory, board: Path) -> Path:
    """Return the site that the command builds of it."""
    out = tmp_path_factory.mktemp("site") / "site"
    assert main(["leaderboard", "build", str(board), "--out", str(out), "--subset", "--samples", "2"]) == 0
    return out
