"""The published data sets, each in exactly its published form; `published/README.md` names the sources."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.hub.server import Hub
from tests.metrics.endpoint import serving as serving_judge
from text2json.cli import main
from text2json.errors import DataError, SpecError
from text2json.metrics.intensity import intensity
from text2json.metrics.judge import Judge
from text2json.schemas.sample import Sample
from text2json.tasks import parse_task
from text2json.tasks.loong import Loong, filled
from text2json.tasks.report import TaskReport, score_task

FOLDER = Path(__file__).parent / "published"


def samples(spec: str, data: object) -> list[Sample]:
    return list(parse_task(spec).load(str(data)))


def spans(sample: Sample) -> list[list[str]]:
    return [[sample.problem[low:high] for low, high in row["spans"]] for row in json.loads(sample.evidence)]


def report(spec: str, data: object, outputs: Sequence[str]) -> TaskReport:
    found = samples(spec, data)
    return score_task(parse_task(spec), {s.id: text for s, text in zip(found, outputs, strict=True)}, found)


def parquet(file: Path, rows: list[dict[str, Any]]) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows), file)
    return file


# Text2JSON


def test_text2json_released_file() -> None:
    file = FOLDER / "text2json" / "released.jsonl"
    first, second = samples("text2json", file)
    assert first.records()[1] == {"name": "Two Wells", "director": "Kay Moss", "year": "1974"}
    assert intensity(first).places == 2
    # by the published evaluator: one of two values wrong costs 0.25, a straight quote stands for U+2019
    outputs = [
        '[{"name": "The Blue Oar", "director": "Ina Holt", "year": "1962"},'
        ' {"name": "Two Wells", "director": "Kay Moss", "year": "1974"}]',
        '[{"name": "Anna\'s Mill", "director": "Lu Brand", "year": "1980"}]',
    ]
    found = report("text2json", file, outputs)
    assert found.parts["paper"] == pytest.approx((1.75 / 2 + 1) / 2)
    assert second.id == "paper-000001"


# RULER


def test_ruler_needles() -> None:
    first, second = samples("ruler:subset=niah_single_1", FOLDER / "ruler")
    assert first.problem.endswith("calm-lake? The magic number for calm-lake is")
    assert spans(first) == [["4829105"]]
    assert (first.id, second.id) == ("niah_single_1-000000", "niah_single_1-000001")
    assert report("ruler", FOLDER / "ruler", [" 4829105.", "11122"]).score == 0.5


def test_ruler_variables_words_and_questions() -> None:
    (variables,) = samples("ruler:subset=vt,length=4096", FOLDER / "ruler")
    assert intensity(variables).places == 3
    assert report("ruler:subset=vt", FOLDER / "ruler", ["aab, eef"]).score == pytest.approx(2 / 3)
    (words,) = samples("ruler:subset=fwe", FOLDER / "ruler")
    assert spans(words) == [["aaaaaa"]] * 3 + [["bbbbbb"]] * 2 + [["cccccc"]]
    found = report("ruler:subset=qa_1", FOLDER / "ruler", ["It was lind."])
    assert found.score == 1.0
    assert "rule:ruler-any" in found.signature
    for subset, limit in {"niah_multikey_3": 128, "vt": 30, "cwe": 120, "fwe": 50, "qa_2": 32}.items():
        assert parse_task(f"ruler:subset={subset}").max_new_tokens == limit


def test_ruler_as_kvpress_publishes_it(tmp_path: Path) -> None:
    rows = [
        {"context": "VAR AAB = 12345 ", "question": "Which?", "answer_prefix": "They are:", "answer": ["AAB"],
         "task": "vt", "max_new_tokens": 30},
        {"context": "The magic number for x is 77. ", "question": "Which number?", "answer_prefix": "It is",
         "answer": ["77"], "task": "niah_single_1", "max_new_tokens": 128},
    ]  # fmt: skip
    parquet(tmp_path / "4096" / "test-00000-of-00001.parquet", rows)
    parquet(tmp_path / "8192" / "test-00000-of-00001.parquet", rows)
    (sample,) = samples("ruler:subset=niah_single_1,length=8192", tmp_path)
    assert sample.problem == "The magic number for x is 77. Which number?\nIt is"
    assert json.loads(sample.answer) == ["77"]
    with pytest.raises(DataError, match="holds 2 files"):
        samples("ruler:subset=vt", tmp_path)


# LongProc


def test_longproc_clone() -> None:
    (sample,) = samples("longproc", FOLDER / "longproc")
    assert sample.problem.startswith("[Boats] Turn the page into a table of (1) Name of the boat; (2) Home port. Leave")
    assert "<b>The Marigold &amp; Son</b>" in sample.problem
    assert sample.problem.rstrip().endswith("tsv block: name\thome_port")
    assert spans(sample) == [["The Marigold &amp; Son"], ["Torv"], ["Blue Oar"], []]
    assert intensity(sample).places == 2
    assert samples("longproc", FOLDER / "longproc" / "data") == [sample]  # any folder above the file will do
    output = "```tsv\nname\thome_port\nMarigold & Son\tTORV\nRed Oar\tN/A\n```"
    found = report("longproc", FOLDER / "longproc", [output])
    assert (found.score, found.parts) == (0.5, {"precision": 0.5, "recall": 0.5, "extracted": 1.0})
    assert report("longproc", FOLDER / "longproc", ["no table here"]).parts["extracted"] == 0.0


def test_longproc_as_on_the_hub(tmp_path: Path) -> None:
    (clone,) = samples("longproc", FOLDER / "longproc")
    row = {"id": "W1", "input_prompt": clone.problem, "reference_output": json.loads(clone.answer), "metadata": "{}"}
    parquet(tmp_path / "html_to_tsv_2k" / "test-00000-of-00001.parquet", [row])
    (sample,) = samples("longproc:length=2k", tmp_path)
    assert (sample.problem, sample.answer, sample.evidence) == (clone.problem, clone.answer, clone.evidence)
    assert parse_task("longproc:length=2k").max_new_tokens == 3072
    with pytest.raises(DataError, match=r"holds no html_to_tsv_8k\.json"):
        samples("longproc:length=8k", tmp_path)


# NeedleBench


def test_needlebench() -> None:
    spec = "needlebench:needles=2,length=2500,samples=6"
    found = samples(spec, FOLDER / "needlebench")
    for sample in found:
        assert 2300 <= len(sample.problem) <= 2500
        keywords = json.loads(sample.answer)
        assert len(set(keywords)) == 2  # no answer twice, no subject twice, nothing Chinese
        assert len({name for name in ("Ada Lind", "Bo Rask", "Cy Holt") if f"did {name} find" in sample.problem}) == 2
        assert spans(sample) == [[keyword] for keyword in keywords]
        low, high = sample.text_span
        places = [json.loads(sample.evidence)[n]["spans"][0][0] for n in range(2)]
        assert places == sorted(places)
        assert places[0] - low < 100
        assert high - places[1] < 100
        assert sample.problem.count("?") == 2
        assert "Answer in this form: " in sample.problem
        assert intensity(sample).places == 2
    assert len({sample.problem for sample in found}) >= 4  # the files are small
    outputs = [", ".join(json.loads(sample.answer)) for sample in found]
    assert report(spec, FOLDER / "needlebench", outputs).score == 1.0
    outputs = [text.partition(",")[0] + text.partition(",")[2].lower() for text in outputs]
    assert report(spec, FOLDER / "needlebench", outputs).score == 0.5


def test_needlebench_names_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"holds [23] different needles, not 4"):
        samples("needlebench:needles=4,length=3000", FOLDER / "needlebench")
    with pytest.raises(SpecError, match="do not fit into 300 characters"):
        samples("needlebench:needles=2,length=300", FOLDER / "needlebench")
    with pytest.raises(DataError, match=r"holds no needles\.jsonl"):
        samples("needlebench", tmp_path)


# Loong


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    folder = tmp_path / "Loong"
    shutil.copytree(FOLDER / "loong", folder)
    (folder / "src" / "utils").mkdir(parents=True)
    (folder / "src" / "utils" / "prompt.py").write_text(
        "import a_module_that_does_not_exist\n\n\ndef get_evaluate_prompts(args, tag):\n"
        "    prompt = '''Question: {}\nGold: {}\nAnswer: {}\nRate it.'''\n"
        "    raise RuntimeError('this file is read, never run')\n",
        encoding="utf-8",
    )
    return folder


def test_loong_prompts() -> None:
    financial, paper, legal = samples("loong", FOLDER / "loong")
    texts = ["《j》\nStock of 70 boats.\n\n", "《j》\nStock of 12 panes.\n\n"]
    low, high = financial.text_span
    assert financial.problem[low:high] in ("".join(texts), "".join(reversed(texts)))
    assert financial.problem.endswith("Which firm has the larger stock?\n\nAnswer with the firm's name only.")
    assert paper.problem == (
        "On Oars\n# On Oars\n\nOars are long.\n\nOn Wells\n# On Wells\n\nWells are deep [On Oars].\n\n\n\n"
        "List which papers cite which."
    )
    assert legal.problem.startswith("《判决文书1》\n甲诉乙。判决：甲胜。\n\n《判决文书2》\n丙诉丁。判决：丁胜。\n\n")
    assert [intensity(sample).places for sample in (financial, paper, legal)] == [2, 2, 2]


def test_loong_verdicts_can_be_hidden() -> None:
    (legal,) = samples("loong:type=legal,hide_verdicts=true", FOLDER / "loong")
    assert legal.problem.startswith("《判决文书1》\n甲诉乙。\n\n《判决文书2》\n丙诉丁。\n\n")


@pytest.mark.parametrize(
    ("options", "ids"),
    [("type=paper", ["p-1"]), ("language=zh", ["l-1"]), ("level=1", ["f-1"]), ("set=1", ["f-1", "l-1"])],
)
def test_parts_of_loong(options: str, ids: list[str]) -> None:
    assert [sample.id for sample in samples(f"loong:{options}", FOLDER / "loong")] == ids


def test_loong_is_never_judged_silently(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "p.jsonl"
    file.write_text('{"id": "f-1", "output": "TORV BOATS INC."}\n')
    words = ["score", str(file), "--task", "loong", "--data", str(FOLDER / "loong")]
    assert main(words) == 2
    assert "give --judge URL and --judge-model NAME" in capsys.readouterr().err
    assert main([*words, "--judge", "http://localhost:1"]) == 2
    assert "half a judge" in capsys.readouterr().err


def test_loong_with_a_judge(clone: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "p.jsonl"
    outputs = {"f-1": "TORV BOATS INC.", "p-1": "On Wells", "l-1": "?"}
    file.write_text("".join(json.dumps({"id": name, "output": text}) + "\n" for name, text in outputs.items()))
    replies = ["Rating: [[100]]", "It lacks one. Rating: [[30]]", "I cannot say."]
    ratings = {f"{text}\n": reply for text, reply in zip(outputs.values(), replies, strict=True)}
    words = ["score", str(file), "--task", "loong", "--data", str(clone), "--format", "json"]
    with serving_judge() as endpoint:
        endpoint.reply = lambda prompt: next(r for text, r in ratings.items() if f"Answer: {text}" in prompt)
        words += ["--judge", endpoint.url, "--judge-model", "judge-1", "--judgements", str(tmp_path / "j.jsonl")]
        assert main(words) == 0
        first = capsys.readouterr().out
        assert len(endpoint.requests) == 3
        assert main(words) == 0  # all replies are remembered
        assert len(endpoint.requests) == 3
    assert capsys.readouterr().out == first
    found = json.loads(first)
    # the published rule: mean and share of 100 over the answers that could be rated
    assert found["score"] == pytest.approx((1.0 + 0.3) / 2)
    assert found["parts"] == {"rated": pytest.approx(2 / 3), "perfect": 0.5}
    assert found["left_out"] == 1
    assert "rule:loong-judge(judge-1,prompt=" in found["signature"]
    question, paper, _ = endpoint.prompts
    assert question == (
        "Question: \n\nAbove are reports.\n\nWhich firm has the larger stock?\n\nAnswer with the firm's name only.\n"
        "Gold: TORV BOATS INC.\nAnswer: TORV BOATS INC.\nRate it."
    )
    assert "Gold: {'Reference': ['On Oars'], 'Citation': ['On Wells']}" in paper


def test_only_three_places_of_a_prompt_are_filled() -> None:
    assert filled("{x} {} of {} is {}.", "a{}", "b", "{c}") == "{x} a{} of b is {c}."


def test_our_own_prompt_outside_of_a_clone() -> None:
    with serving_judge() as endpoint:
        task = replace(Loong(level=1), judge=Judge(endpoint.url, "judge-1"))
        (sample,) = task.load(str(FOLDER / "loong"))
        assert endpoint.requests == []  # loading asks nothing
        assert task.score(sample, "MORA").numerator == 0.01
    (prompt,) = endpoint.prompts
    for part in ("Which firm has the larger stock?", "TORV BOATS INC.", "\nMORA\n", "[[100]]"):
        assert part in prompt
    assert task.spec == "loong:type=,language=,level=1,set=0,hide_verdicts=false"


# All


@pytest.mark.parametrize(
    ("name", "pattern", "field"),
    [
        ("ruler", "4096/niah_single_1/validation.jsonl", "outputs"),
        ("longproc", "data/html_to_tsv/html_to_tsv_0.5k.json", "gt"),
        ("needlebench", "needles.jsonl", "arg2"),
        ("loong", "data/loong.jsonl", "instruction"),
    ],
)
def test_broken_rows_are_named(name: str, pattern: str, field: str, tmp_path: Path) -> None:
    folder = tmp_path / name
    shutil.copytree(FOLDER / name, folder)
    file = folder / pattern
    file.write_text(file.read_text().replace(f'"{field}":', '"other":', 1))
    with pytest.raises(DataError, match=rf"{file.name}:1: there is no '{field}'"):
        samples(f"{name}:needles=2,length=2000" if name == "needlebench" else name, folder)
    file.write_text("{broken")
    with pytest.raises(DataError, match="no JSON"):
        samples(f"{name}:needles=2,length=2000" if name == "needlebench" else name, folder)


@pytest.mark.parametrize(
    ("name", "file", "old"),
    [("longproc", "data/html_to_tsv/html_to_tsv_0.5k.json", "./data/html_to_tsv/webpage"),
     ("loong", "data/loong.jsonl", "2401.00001.md")],
)  # fmt: skip
def test_paths_stay_inside(name: str, file: str, old: str, tmp_path: Path) -> None:
    shutil.copytree(FOLDER / name, tmp_path / name)
    path = tmp_path / name / file
    path.write_text(path.read_text().replace(old, "../../../etc/passwd"))
    with pytest.raises(DataError, match="leads out of its folder"):
        samples(name, tmp_path / name)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("ruler:subset=niah", "no subset 'niah'"),
        ("longproc:length=4k", "no length '4k'"),
        ("loong:type=law", "no type 'law'"),
        ("loong:set=5", "no set 5"),
        ("needlebench:needles=0", "needles=0"),
    ],
)
def test_impossible_options_are_refused(spec: str, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        parse_task(spec)


@pytest.mark.parametrize("name", ["ruler", "loong"])
def test_data_without_a_publisher_must_be_named(name: str) -> None:
    with pytest.raises(SpecError, match="needs its data"):
        next(parse_task(name).load())


def test_a_missing_folder_is_named() -> None:
    with pytest.raises(DataError, match="no such file or folder"):
        samples("longproc", "./nowhere/at/all")


@pytest.mark.parametrize(
    ("spec", "identifier"),
    [("longproc", "PrincetonPLI/LongProc"), ("ruler:length=4096", "someone/ruler"),
     ("needlebench:needles=2,length=2500,samples=2", "opencompass/NeedleBench"), ("loong", "someone/Loong@v1")],
)  # fmt: skip
def test_a_hub_id_gives_what_a_folder_gives(spec: str, identifier: str, tmp_path: Path, hub: Hub) -> None:
    name = spec.partition(":")[0]
    repo, _, tag = identifier.partition("@")
    hub.store.add_folder("dataset", repo, FOLDER / name, tag=tag)
    home = {"HF_HOME": str(tmp_path / "home"), "HF_ENDPOINT": hub.endpoint}
    named = ["--data", identifier] if "someone" in identifier else []  # the others are where they are published
    done = subprocess.run(
        [sys.executable, "-m", "text2json", "tasks", spec, "--out", str(tmp_path / "hub.jsonl"), *named],
        env={**os.environ, **home}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert list(parse_task("text2json").load(str(tmp_path / "hub.jsonl"))) == samples(spec, FOLDER / name)


def test_an_unknown_hub_id_is_named(tmp_path: Path, hub: Hub) -> None:
    home = {"HF_HOME": str(tmp_path / "home"), "HF_ENDPOINT": hub.endpoint}
    done = subprocess.run(
        [sys.executable, "-m", "text2json", "tasks", "loong", "--out", str(tmp_path / "x"), "--data", "a/c"],
        env={**os.environ, **home}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "a/c: cannot be fetched" in done.stderr
    assert "Traceback" not in done.stderr
