"""What holds for every generated task: the same bytes for ever, evidence that states the gold, splits apart."""

from __future__ import annotations

import hashlib
import html
import json
import re

import pytest

from text2json.errors import SpecError
from text2json.generators.splits import split_of
from text2json.schemas.canonical import canonical_json
from text2json.schemas.sample import Sample
from text2json.tasks import TASKS, parse_task
from text2json.tasks.task import GeneratedTask

GENERATED = [name for name in TASKS if isinstance(parse_task(name), GeneratedTask)]
SHA256 = {
    "needles": "ff60dd4949e4fb05a52a34933e94b02e0e1cfefd5dc9f087f4bc5e96380f2f76",
    "html-to-tsv": "9c7e0014fac6a68fc32f3e6b53a913b371bb573af2e67c6ca2a96bca60309d6b",
    "single-needle": "8edf9a62a17909d3f1d3088d51e4c2cd6c40651acb7fe1c2c0e7d1568920eb6e",
    "multi-key": "cc4f23b71e5a2e770773e3240e3e507a0eb08063ec9c91e612c0c2906b66916d",
    "multi-value": "d9dafdb891cdeaa3c880d47bb3215631191f2f72f1a6cc6520ad778f3d60c039",
    "multi-query": "0ec23e4d7d9173cd4fd0264772e7409140a7ae2e1b4770fdf0d4a59955c79bf9",
    "variable-tracking": "972ed97e0bfe4d9414429d3dba8d8b17677f610219c006a3fffa52745517fd4f",
    "common-words": "86acca0620f4e140b569389268565c6ea96b6e3bc43d654929e279676b5fab7d",
    "frequent-words": "4492d7678160c94bb328faeefd64299f527b6521269eec813253d7fb440a2bc0",
}
"""Over the canonical rows of the first three samples of the default task."""


def samples(spec: str, count: int = 5) -> list[Sample]:
    separator = "," if ":" in spec else ":"
    return list(parse_task(f"{spec}{separator}samples={count}").load())


@pytest.mark.parametrize("name", GENERATED)
def test_the_bytes_are_the_same_for_ever(name: str) -> None:
    text = "".join(canonical_json(sample.to_dict()) + "\n" for sample in samples(name, 3))
    assert hashlib.sha256(text.encode()).hexdigest() == SHA256[name]


@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize("name", [*GENERATED, "html-to-tsv:missing=30,filtered=true"])
def test_evidence_states_the_gold(name: str, split: str) -> None:
    for sample in samples(f"{name}{',' if ':' in name else ':'}split={split}", 12):
        gold = json.loads(sample.answer)
        low, high = sample.text_span
        stated = set()
        for row in json.loads(sample.evidence):
            found = re.fullmatch(r"\[(\d+)\](?:\.(.+))?", row["path"])
            assert found is not None
            for start, end in row["spans"]:
                assert low <= start < end <= high
                text = html.unescape(sample.problem[start:end])
                assert text == cell(gold, int(found[1]), found[2])
            stated.add(row["path"])
        assert stated == leaves(gold)


def cell(gold: str | list[str], row: int, column: str | None) -> str:
    if isinstance(gold, list):
        return gold[row]
    lines = [line.split("\t") for line in gold.splitlines()]
    return lines[row + 1][lines[0].index(str(column))]


def leaves(gold: str | list[str]) -> set[str]:
    if isinstance(gold, list):
        return {f"[{place}]" for place in range(len(gold))}
    header, *rows = gold.splitlines()
    return {
        f"[{place}].{column}"
        for place, row in enumerate(rows)
        for column, value in zip(header.split("\t"), row.split("\t"), strict=True)
        if value != "N/A"
    }


@pytest.mark.parametrize("name", GENERATED)
def test_lengths_are_about_what_was_asked(name: str) -> None:
    for length in (20_000, 60_000):
        for sample in samples(f"{name}:length={length}", 3):
            assert 0.9 * length <= len(sample.problem) <= length


@pytest.mark.parametrize("name", GENERATED)
def test_another_seed_gives_other_samples(name: str) -> None:
    first, other = samples(name, 3), samples(f"{name}:seed=1", 3)
    assert not {sample.problem for sample in first} & {sample.problem for sample in other}
    assert [sample.answer for sample in first] != [sample.answer for sample in other]


@pytest.mark.parametrize("name", ["needles", "common-words"])
def test_invented_words_belong_to_their_split(name: str) -> None:
    for split in ("train", "test"):
        for sample in samples(f"{name}:split={split}"):
            assert {split_of(word.lower()) for word in json.loads(sample.answer)} == {split}


@pytest.mark.parametrize("name", ["html-to-tsv", "needles", "multi-key"])
def test_splits_share_no_statement(name: str) -> None:
    def asked(split: str) -> set[str]:
        found = samples(f"{name}:split={split}", 40)
        texts = (sample.problem[: sample.text_span[0]] + sample.problem[sample.text_span[1] :] for sample in found)
        return {
            re.sub(r"\d+|[A-Z]\w+ [A-Z]\w+( [A-Z]0)?", "0", line)
            for text in texts
            for line in text.splitlines()
            if "?" in line or "\t" in line
        }

    assert not asked("train") & asked("test")


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("needles:needles=0", "needles=0"),
        ("needles:needles=65", r"give 1 to 64"),
        ("needles:needles=64,length=300", "do not fit into"),
        ("single-needle:queries=2", "1 <= queries <= keys"),
        ("multi-value:values=0", "values"),
        ("variable-tracking:chains=0", "at least 1 chain"),
        ("common-words:length=3000", "raise length to"),
        ("common-words:often=3", "often > rarely"),
        ("frequent-words:length=900", "too small to count in"),
        ("html-to-tsv:rows=0", "at least 1"),
        ("html-to-tsv:missing=91", "give 0 to 90"),
        ("needles:split=validation", "no split 'validation'"),
        ("needles:samples=0", "at least 1"),
    ],
)
def test_impossible_settings_are_refused(spec: str, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        list(parse_task(spec).load())
