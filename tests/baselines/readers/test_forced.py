from __future__ import annotations

import re
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import AutoTokenizer

from text2json.baselines.readers import forced, reader_path, stage_data

ROW = {
    "problem": "Lista is red and weighs 3 kg. Bondo is green and weighs 8 kg.",
    "answer": '[{"colour":"red","name":"Lista"},{"colour":"green","name":"Bondo"}]',
}
PRINTED = r"answers wrong: (\d) of 4 \(.*%\), names wrong: \d of \d \(.*%\), values wrong: .*%\)\n"


class Knowing:
    """Knows every next token but some, and guesses padding there."""

    device = torch.device("cpu")

    def __init__(self, *missed: int) -> None:
        self.missed = missed

    def __call__(self, ids: Tensor, logits_to_keep: int) -> Any:
        following = torch.cat([ids[0, 1:], ids[0, :1]])
        for place in self.missed:
            following[following == place] = 0
        return SimpleNamespace(logits=torch.nn.functional.one_hot(following[-logits_to_keep:], 4096)[None].float())


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return AutoTokenizer.from_pretrained(reader_path("reader-llama"))


def first(tokenizer: Any, word: str) -> int:
    """The token that `word` begins with behind a quotation mark."""
    quoted = tokenizer(f'":"{word}"', add_special_tokens=False)
    return int(quoted["input_ids"][quoted.char_to_token(3)])


def test_a_model_that_knows_all_misses_nothing(tokenizer: Any) -> None:
    there, wrong = forced.misses(Knowing(), tokenizer, [ROW, ROW])
    assert there == {"names": 4, "values": 4, "answers": 2}
    assert wrong.total() == 0


def test_what_is_missed_is_counted_by_kind(tokenizer: Any) -> None:
    _, wrong = forced.misses(Knowing(first(tokenizer, "Bondo")), tokenizer, [ROW])
    assert +wrong == {"names": 1, "answers": 1}
    _, wrong = forced.misses(Knowing(first(tokenizer, "green"), first(tokenizer, "red")), tokenizer, [ROW])
    assert +wrong == {"values": 2, "answers": 1}


def test_names_of_documents_that_exclude_or_scatter_are_counted_apart(tokenizer: Any) -> None:
    rows = [ROW | {"knobs": knobs} for knobs in ('{"excluded":2,"scattered":0}', '{"excluded":0,"scattered":1}', "{}")]
    there, wrong = forced.misses(Knowing(first(tokenizer, "Bondo")), tokenizer, rows)
    assert +wrong == {
        "names": 3, "names beside excluded entities": 1, "names beside scattered facts": 1, "answers": 3
    }  # fmt: skip
    assert there["names beside excluded entities"] == there["names beside scattered facts"] == 2
    assert there["names"] == 6


def test_the_command_prints_a_bundled_readers_misses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    documents = stage_data.generated("demo --split test --samples 4 --set records=1-2 --set length=400-700", tmp_path)
    monkeypatch.setattr(sys, "argv", ["forced", "reader-llama", "--data", str(documents)])
    forced.main()
    counted = re.fullmatch(PRINTED, capsys.readouterr().out)
    assert counted is not None
    assert 0 <= int(counted[1]) <= 4
    monkeypatch.setattr(sys, "argv", ["forced", "reader-llama", "--data", str(tmp_path / "none")])
    with pytest.raises(SystemExit) as stopped:
        forced.main()
    assert stopped.value.code == 2
    assert capsys.readouterr().err.strip().endswith("none: no documents (write some with `text2json generate`)")
