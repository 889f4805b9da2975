"""The workflow file: valid, without rights or secrets, and every command in it is one of ours."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.text2json.leaderboard.boards import add_entry, rewrite
from text2json.cli import build_parser, main
from text2json.leaderboard.workflow import workflow_text


def steps() -> list[dict[str, str]]:
    found: list[dict[str, str]] = yaml.safe_load(workflow_text())["jobs"]["verify"]["steps"]
    return found


def test_it_is_printed_as_it_is_shipped(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["leaderboard", "workflow"]) == 0
    assert capsys.readouterr().out == workflow_text()


def test_it_can_only_read_and_needs_no_secret() -> None:
    text = workflow_text()
    workflow = yaml.safe_load(text)
    assert workflow["permissions"] == {"contents": "read"}
    assert "secrets." not in text
    assert "pull_request_target" not in text
    assert workflow[True].keys() == {"push", "pull_request", "schedule", "workflow_dispatch"}  # YAML 1.1 reads `on` so


def test_every_command_in_it_is_one_of_ours() -> None:
    commands = [line for step in steps() for line in step.get("run", "").splitlines() if "text2json leader" in line]
    assert len(commands) == 4
    for command in commands:
        words = shlex.split(command)[1:]
        assert build_parser(words).parse_args(words).command == "leaderboard"


def test_its_steps_pass_for_good_entries_and_fail_for_forged_ones(tmp_path: Path) -> None:
    """The steps as a shell runs them, in a repository of their own; only whole runs stand there."""
    folder = add_entry(tmp_path / "board", "one", samples=200)
    program = tmp_path / "bin" / "text2json"
    program.parent.mkdir()
    root = Path(__file__).parents[3]
    program.write_text(f'#!/bin/sh\nPYTHONPATH="{root}" exec "{sys.executable}" -m text2json "$@"\n')
    program.chmod(0o755)
    (step,) = [step for step in steps() if "verify ." in step.get("run", "")]
    env = {"PATH": f"{program.parent}:/usr/bin:/bin", "HUB_REPO": ""}

    def run() -> subprocess.CompletedProcess[str]:
        return subprocess.run(["bash", "-e", "-c", step["run"]], cwd=tmp_path / "board", env=env, capture_output=True,
                              text=True, check=False)  # fmt: skip

    assert run().returncode == 0
    rewrite(folder, lambda value: value["scores"].update(schema_valid=0.25))
    done = run()
    assert done.returncode == 1
    assert re.search(r"REJECTED .*schema_valid is 0\.25", done.stdout)
