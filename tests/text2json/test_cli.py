from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from text2json.cli import COMMANDS, main
from text2json.data import iter_samples


def run(*words: object) -> int:
    return main([str(word) for word in words])


def gold_predictions(documents: Path, file: Path) -> Path:
    lines = [json.dumps({"id": sample.id, "output": sample.answer}) for sample in iter_samples(documents)]
    file.write_text("\n".join(lines) + "\n")
    return file


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        run(command, "--help")
    assert stop.value.code == 0
    assert f"text2json {command}" in capsys.readouterr().out


def test_generate_then_score_the_gold_itself(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = tmp_path / "documents"
    assert run("generate", "demo", "--out", data, "--samples", 3) == 0
    file = gold_predictions(data, tmp_path / "p.jsonl")
    capsys.readouterr()
    assert run("score", file, "--data", data, "--format", "json") == 0
    report = json.loads(capsys.readouterr().out)
    assert report["records"]["f1"] == report["fields"]["precision"] == 1.0
    assert report["paper"] == 100.0
    assert report["signature"].startswith("text2json|")


def test_run_then_score_then_run_again(
    tiny_model: Path, documents: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["run", "--data", documents, "--model", tiny_model, "--strategy", "yakv:budget=0.1,local=8",
             "--out", tmp_path / "run", "--max-new-tokens", 4]  # fmt: skip
    assert run(*words) == 0
    assert "finished, 6 predictions" in capsys.readouterr().out
    assert run(*words) == 0
    assert "was finished already" in capsys.readouterr().out
    assert run("score", tmp_path / "run", "--data", documents) == 0
    assert "records" in capsys.readouterr().out


def test_strategies_are_listed_with_their_defaults(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("strategies") == 0
    text = capsys.readouterr().out
    assert all(name in text for name in ("full", "oracle", "shadowkv", "yakv"))
    assert "2410.21465" in text


SWEEP = "{title: t, models: [MODEL], strategies: [quest], "
FILES = {
    "KNOBS": SWEEP + "configurations: [{config: demo, knobs: {records: 3}}]}",
    "PICTURE": SWEEP + "configurations: [demo], pictures: [{kind: points, x: chunk}]}",
    "SURROGATE": '{"problem": "a \\ud800", "answer": "[]"}',
    "EVIDENCE": json.dumps({
        "id": "a", "domain": "", "kind": "external", "problem": "Velo", "answer": "[]", "schema": "{}",
        "text_span": [0, 4], "evidence": '[{"path": "name", "spans": [[0, 4]]}]', "knobs": "{}", "canary": "",
    }),
}  # fmt: skip


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["score", "nowhere.jsonl", "--data", "DATA"], "nowhere.jsonl: no such prediction file"),
        (["score", "BROKEN", "--data", "DATA"], "broken.jsonl:2: no JSON"),
        (["score", "UNKNOWN", "--data", "DATA"], "unknown.jsonl:1: prediction for an unknown id 'x'"),
        (["score", "GOLD", "--data", "nowhere"], "nowhere: no such file or folder"),
        (["generate", "dmo", "--out", "OUT"], "no configuration 'dmo' (did you mean 'demo'?)"),
        (["generate", "demo", "--out", "DATA"], "exists and is not empty"),
        (["generate", "demo", "--out", "OUT", "--set", "recods=2"], "did you mean 'records'?"),
        (["generate", "demo", "--out", "OUT", "--set", "length=50-60"], "do not fit into 60 characters"),
        (["run", "--data", "DATA", "--model", "MODEL", "--out", "OUT", "--strategy", "yakf"], "did you mean 'yakv'?"),
        (["run", "--data", "DATA", "--model", "MODEL", "--out", "OUT", "--strategy", "yakv:bugdet=1"], "'budget'?"),
        (["run", "--data", "DATA", "--model", "OUT", "--out", "OUT"], "neither a bundled reader"),
        (["run", "--data", "DATA", "--model", "MODEL", "--out", "OUT", "--device", "nope"], "no device 'nope'"),
        (["generate", "short", "--out", "OUT", "--set", "samples=3"], "samples is no knob"),
        (["generate", "short", "--out", "OUT", "--set", "samples=0"], "samples is no knob"),
        (["generate", "short", "--out", "OUT", "--set", "length=1850-99999999999"], "is no range"),
        (["sweep", "KNOBS", "--out", "OUT"], "records=3 cannot be read"),
        (["sweep", "PICTURE", "--out", "OUT"], "a picture shows 'chunk'"),
        (["verify", "GOLD"], "gold.jsonl/manifest.json: no such file"),
        (["import", "SURROGATE", "--out", "OUT"], "sample 'paper-000000' holds half of a surrogate pair"),
        (["export", "SURROGATE", "--out", "OUT"], "sample 'paper-000000' holds half of a surrogate pair"),
        (["show", "EVIDENCE"], "the evidence of sample 'a' cannot be read"),
        (["show", "x" * 5000], "no such file or folder"),
        (["show", "/x/" + "x" * 5000], "no such file or folder"),
        (["show", "x" * 5000 + ":short"], "File name too long"),
        (["score", "x" * 5000, "--data", "DATA"], "File name too long"),
    ],
)
def test_bad_input_is_one_line_that_names_place_and_remedy(
    words: list[str],
    said: str,
    documents: Path,
    tiny_model: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    broken, unknown = tmp_path / "broken.jsonl", tmp_path / "unknown.jsonl"
    broken.write_text('{"id": "products-000000", "output": "[]"}\n{"id": \n')
    unknown.write_text('{"id": "x", "output": "[]"}\n')
    places = {
        "DATA": documents, "MODEL": tiny_model, "OUT": tmp_path / "out", "BROKEN": broken, "UNKNOWN": unknown,
        "GOLD": gold_predictions(documents, tmp_path / "gold.jsonl"),
    }  # fmt: skip
    for name, text in FILES.items():
        places[name] = tmp_path / f"{name}.jsonl"
        places[name].write_text(text)
    assert run(*(places.get(word, word) for word in words)) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert said in captured.err
    assert captured.err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_bad_usage_exits_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        run("generate", "demo", "--samples", "0", "--out", "x")
    assert stop.value.code == 2
    assert "0 is below 1" in capsys.readouterr().err


@pytest.mark.parametrize(("code", "seconds"), [("import text2json", 0.3), ("from text2json.cli import main", 0.3)])
def test_importing_is_cheap_and_brings_no_torch(code: str, seconds: float) -> None:
    check = f"{code}; import sys; assert not {{'torch', 'datasets', 'numpy', 'pydantic'}} & set(sys.modules)"
    best = min(timed([sys.executable, "-c", check]) for _ in range(3))
    assert best - min(timed([sys.executable, "-c", "pass"]) for _ in range(3)) < seconds


def test_scoring_brings_no_torch(documents: Path, tmp_path: Path) -> None:
    file = gold_predictions(documents, tmp_path / "gold.jsonl")
    code = (
        "import sys; from text2json.cli import main; "
        f"status = main(['score', {str(file)!r}, '--data', {str(documents)!r}]); "
        "assert 'torch' not in sys.modules and status == 0"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, capture_output=True).returncode == 0


def test_help_for_score_starts_within_half_a_second() -> None:
    command = [sys.executable, "-m", "text2json", "score", "--help"]
    assert min(timed(command) for _ in range(3)) < 0.5


def timed(command: list[str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - started
