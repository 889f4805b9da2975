"""Model cards: their front matter as the Hub's own library reads it, their figures against the weights."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path

import pytest
from huggingface_hub import ModelCard
from transformers import AutoModelForCausalLM

from text2json.baselines.readers import card, curves, reader_names, reader_path
from text2json.errors import DataError

RESULT = {
    "model": "reader-llama", "data": "movies 1000", "samples": "30", "prompt_tokens": "1003.4", "score": "0.9512",
    "score_low": "0.91", "score_high": "0.984", "field_f1": "0.97", "field_f1_low": "0.95", "field_f1_high": "0.99",
    "valid": "1.0",
}  # fmt: skip
LOG = [
    {"stage": "first", "step": 20 * n, "tokens": 100_000 * n, "seconds": 60 * n, "loss": 2 / n}
    | ({"held_out_loss": 3 / n, "held_out_tokens": 1 - 1 / n, "held_out_answers": 0.5} if n % 2 else {})
    for n in range(1, 31)
]


@pytest.fixture
def written() -> str:
    return card.card("reader-llama", reader_path("reader-llama"), [RESULT])


def test_the_hubs_library_reads_the_front_matter(written: str) -> None:
    found = ModelCard(written).data.to_dict()  # type: ignore[no-untyped-call]
    assert (found["license"], found["library_name"]) == ("apache-2.0", "transformers")
    [measured] = found["model-index"][0]["results"]
    assert measured["dataset"]["name"] == "text2json movies 1000"
    assert measured["metrics"] == [{"type": "f1", "value": 0.951, "name": "record F1"}]


def test_the_body_says_what_was_measured_and_how_long_it_took(written: str) -> None:
    assert "| movies 1000 | 1,003 | 30 | 0.95 (0.91 to 0.98) | 0.97 (0.95 to 0.99) | 100 % |" in written
    assert "follows the recipe of `reader-llama`, which took 4.6 hours" in written
    assert "| reader-llama | copying | 1.8M | 64 | 0.004 to 0.004 |" in written
    assert "@" not in written.partition("# reader-llama")[2]


@pytest.mark.parametrize("name", reader_names())
def test_parameters_are_those_of_the_model(name: str) -> None:
    model = AutoModelForCausalLM.from_pretrained(reader_path(name))
    assert card.parameters(reader_path(name)) == model.num_parameters()


def test_the_command_wants_rows_of_that_reader(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with (tmp_path / "results.csv").open("w", newline="") as stream:
        csv.DictWriter(stream, RESULT).writeheader()
    arguments = ["card", "reader-llama", "--sweep", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", arguments)
    with pytest.raises(SystemExit) as stopped:
        card.main()
    assert stopped.value.code == 2
    assert "results.csv: no row of reader-llama" in capsys.readouterr().err


def test_a_running_mean_is_drawn_where_the_log_has_the_figure(tmp_path: Path) -> None:
    tokens, means = curves.smooth(LOG, "held_out_loss")
    assert len(tokens) == 15
    assert means[0] == 3
    assert means[-1] == pytest.approx(sum(3 / n for n in range(11, 30, 2)) / 10)
    curves.draw(LOG, tmp_path / "training.png", "a training")
    assert (tmp_path / "training.png").read_bytes()[:4] == b"\x89PNG"


def test_a_broken_log_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such log"):
        curves.read_log(tmp_path / "log.jsonl")
    (tmp_path / "log.jsonl").write_text(json.dumps(LOG[0]) + "\nnot json\n")
    with pytest.raises(DataError, match="no log of a training"):
        curves.read_log(tmp_path / "log.jsonl")


@pytest.mark.parametrize("name", reader_names())
def test_every_reader_ships_a_card_of_its_own(name: str) -> None:
    shipped = ModelCard.load(reader_path(name) / "README.md")
    [index] = shipped.data.to_dict()["model-index"]
    assert index["name"] == name
    names = {one["dataset"]["name"] for one in index["results"]}
    assert {f"text2json {domain} 1000" for domain in ("products", "medical", "organisations", "movies")} <= names
    assert f"{card.parameters(reader_path(name)) / 1e6:.1f}M parameters" in shipped.text
