"""`text2json strategies`, and byte budgets of `text2json run`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from text2json.baselines.kernels import library
from text2json.baselines.strategies import STRATEGIES, parse_spec
from text2json.cli import main
from text2json.schemas.run import Run


def test_the_list_holds_every_strategy_with_defaults_bytes_and_source(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["strategies"]) == 0
    text = capsys.readouterr().out
    blocks = {block.split()[0]: block for block in text.split("\n\n")}
    for name in STRATEGIES:
        strategy = parse_spec(name)
        assert strategy.spec in blocks[name]
        assert strategy.source in blocks[name]
        assert all(preset in blocks[name] for preset in strategy.presets)
    assert "bytes: device 33.20, host 132.00, moved 4.12" in blocks["yakv"]
    assert "bytes: device 512.00, host 0.00, moved 0.00" in blocks["full"]
    assert "32,768 tokens" in text
    assert text.rstrip().endswith(f"are computed by: {library.name()}.")


def test_the_list_as_json_is_for_the_prompt_length_that_was_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["strategies", "--format", "json", "--tokens", "131072"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["geometry"] == {"heads": 8, "group": 4, "size": 128, "tokens": 131072, "element": 2, "layers": 32}
    assert [each["name"] for each in found["strategies"]] == list(STRATEGIES)
    yakv = next(each for each in found["strategies"] if each["name"] == "yakv")
    # Codes of 32.25 bytes for all but the last 64 tokens, and 517 bytes for each of those.
    assert yakv["device_bytes_per_token"] == pytest.approx((32.25 * (131072 - 64) + 517 * 64) / 131072, abs=1e-3)
    assert yakv["presets"]["code"] == {"index_group": 128}
    assert all(Path(each["docs"]).exists() for each in found["strategies"])


def test_a_run_with_a_budget_in_bytes_says_and_records_what_was_chosen(
    tiny_model: Path, documents: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["run", "--data", documents, "--model", tiny_model, "--strategies", "full", "shadowkv:local=8",
             "--device-bytes-per-token", 60, "--traffic-bytes-per-token", 6, "--out", tmp_path / "grid",
             "--max-new-tokens", 3, "--limit", 2]  # fmt: skip
    assert main([str(word) for word in words]) == 0
    said = capsys.readouterr().err
    assert "full: a yardstick, left as it is" in said
    assert "shadowkv: budget=" in said
    assert "rank=" in said
    runs = [Run.model_validate_json(path.read_text()) for path in (tmp_path / "grid").rglob("run.json")]
    specs = sorted(run.settings.strategy for run in runs)
    assert specs[0] == "full"
    assert parse_spec(specs[1]).local == 8  # type: ignore[attr-defined]
    assert specs[1] != parse_spec("shadowkv:local=8").spec


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--strategy", "yakv", "--device-bytes-per-token", "1"], "yakv does not fit 1 device bytes per token"),
        (["--strategy", "yakv", "--traffic-bytes-per-token", "-1"], "a budget of -1.0 traffic bytes per token"),
        (
            ["--strategies", "yakv:local=8", "yakv:local=8,index_bits=1", "--device-bytes-per-token", "90"],
            "become yakv:budget",
        ),
    ],
)
def test_a_budget_that_nothing_fits_is_one_line_before_any_token(
    options: list[str], said: str, tiny_model: Path, documents: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["run", "--data", str(documents), "--model", str(tiny_model), *options, "--out", str(tmp_path / "out")]
    assert main(words) == 2
    assert said in capsys.readouterr().err.splitlines()[-1]
    assert not (tmp_path / "out").exists()


def test_a_run_with_the_host_tier_on_disk_answers_as_in_memory(
    tiny_model: Path, documents: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "tier").mkdir()
    answers = []
    for name, options in (("memory", []), ("disk", ["--disk", str(tmp_path / "tier")])):
        out = tmp_path / name
        words = ["run", "--data", documents, "--model", tiny_model, "--strategies", "yakv:budget=0.1,local=8", "oracle",
                 "--out", out, "--max-new-tokens", 4, "--limit", 2, *options]  # fmt: skip
        assert main([str(word) for word in words]) == 0
        found = sorted(out.rglob("predictions.jsonl"))
        answers.append([path.read_text() for path in found])
        machine = Run.model_validate_json((found[0].parent / "run.json").read_text()).hardware
        assert machine["host_tier"] == name
    assert answers[0] == answers[1]
    assert list((tmp_path / "tier").iterdir()) == []
    capsys.readouterr()
    words = ["run", "--data", documents, "--model", tiny_model, "--out", tmp_path / "x", "--disk", tmp_path / "nowhere"]
    assert main([str(word) for word in words]) == 2
    assert "nowhere: no such folder for the disk tier" in capsys.readouterr().err
