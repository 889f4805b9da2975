"""Nothing stands in the README that does not work: its Python, its commands, its links, its table's rows."""

from __future__ import annotations

import json
import re
import shlex
import sys
from pathlib import Path

import pytest

from text2json.cli import main
from text2json.data import iter_samples
from text2json.writing import write_dataset

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def blocks(language: str) -> list[str]:
    return [text for kind, text in BLOCK.findall(README) if kind == language]


def commands(program: str) -> list[list[str]]:
    lines = (line for text in blocks("") for line in text.splitlines())
    return [shlex.split(line, comments=True) for line in lines if line.startswith(f"{program} ")]


def test_scoring_in_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    write_dataset("demo", tmp_path / "DATA", samples=2)
    (code,) = (text for text in blocks("python") if "text2json.score" in text)
    names: dict[str, object] = {}
    exec(code, names)
    assert capsys.readouterr().out.startswith("0.0 0.0 0.0 text2json|")


def test_offloading_in_python(tiny_model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import transformers

    tokenizer = transformers.AutoTokenizer.from_pretrained(tiny_model)
    model = transformers.AutoModelForCausalLM.from_pretrained(tiny_model).eval()
    inputs = tokenizer("The kettle weighs 3.4 kg. " * 20, return_tensors="pt")
    (code,) = (text for text in blocks("python") if "tiered_cache" in text)
    names: dict[str, object] = {"model": model, "inputs": inputs}
    exec(code, names)
    assert int(capsys.readouterr().out.split()[0]) > 0
    assert names["output"].shape[1] > inputs["input_ids"].shape[1]  # type: ignore[attr-defined]


def test_the_commands_in_their_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    told = [words[1:] for words in commands("text2json") if "COMMAND" not in words]
    assert [words[0] for words in told][:5] == ["generate", "score", "strategies", "run", "score"]
    for words in told:
        if words[0] == "generate":
            words[words.index("--samples") + 1] = "1"
        if words[0] == "score" and words[1].endswith(".jsonl"):
            lines = (json.dumps({"id": one.id, "output": one.answer}) for one in iter_samples("documents"))
            Path(words[1]).write_text("\n".join(lines))
        assert main(words) == 0, words
    said = capsys.readouterr().out
    assert "records              1.000   1.000  1.000" in said
    assert "finished, 1 predictions (yakv:" in said


def test_make_knows_its_targets_and_pip_its_extras() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert {words[1] for words in commands("make")} <= targets
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    named = [extra for words in commands("pip") for extra in re.findall(r"\[(\w+)\]", " ".join(words))]
    assert set(named) <= set(extras)
    assert "baselines" in named


def test_links_lead_to_files() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", README)
    here = [link for link in links if "://" not in link]
    assert len(here) >= 4
    assert [link for link in here if not (ROOT / link).exists()] == []


def test_the_table_has_the_demos_rows() -> None:
    from text2json.demo import MODEL, STRATEGIES

    (table,) = (text for text in blocks("") if "record F1" in text)
    title, _, header, rule, *rows = table.strip().splitlines()
    assert title.startswith(f"{MODEL} on 32 documents of ")
    assert [row.split()[0] for row in rows] == list(STRATEGIES)
    assert len({len(row) for row in (header, rule, *rows)}) == 1
