from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from text2json.cli import build_parser

PAGE = Path(__file__).parents[3] / "docs" / "leaderboard.md"
COMMANDS = sorted(
    {
        line.strip().partition(" > ")[0]
        for block in re.findall(r"```\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
        for line in block.splitlines()
        if line.strip().startswith("text2json ")
    }
)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_pages_commands_are_ours(command: str) -> None:
    words = shlex.split(command)[1:]
    assert build_parser(words).parse_args(words).command == words[0]


def test_the_page_has_commands() -> None:
    assert {command.split()[1] for command in COMMANDS} >= {"run", "submit", "leaderboard", "publish"}
