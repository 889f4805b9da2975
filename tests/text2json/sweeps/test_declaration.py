from __future__ import annotations

from pathlib import Path

import pytest

from text2json.errors import DataError, SpecError
from text2json.sweeps.declaration import parse_sweep, read_sweep, ready_names
from text2json.sweeps.grid import data_sets
from text2json.sweeps.running import check

SMALL = """
title: t
models: [reader-llama]
data: [x.jsonl]
strategies: [full, {spec: yakv, options: {budget: [0.1, 64]}}]
"""


@pytest.mark.parametrize("name", ready_names())
def test_each_sweep_that_comes_with_the_package_declares_something_possible(name: str, tmp_path: Path) -> None:
    sweep = read_sweep(name)
    check(sweep)
    assert sweep.title.endswith("?")
    assert sweep.pictures
    assert data_sets(sweep, tmp_path)
    assert not list(tmp_path.iterdir())


def test_the_sweeps_that_are_promised_are_there() -> None:
    promised = {"rank", "landmarks", "budget", "traffic", "intensity", "length", "tasks", "decomposition"}
    assert promised <= set(ready_names())


def test_a_word_stands_for_a_row_with_no_more_to_say() -> None:
    sweep = parse_sweep(SMALL, Path("s.yaml"))
    assert [row.spec for row in sweep.strategies] == ["full", "yakv"]
    assert sweep.data[0].data == "x.jsonl"
    assert sweep.batch_size == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("title: [", r"s\.yaml:1: is no YAML"),
        ("- a", r"s\.yaml: .*valid dict"),
        (SMALL.replace("title: t", ""), "title: missing"),
        (SMALL + "strategy: full", r"strategy: no such key \(did you mean 'strategies'"),
        (SMALL.replace("data: [x.jsonl]", ""), "names no data"),
        (SMALL.replace("[reader-llama]", "[]"), "models: List should have at least 1 item"),
        (SMALL + "limit: 0", "limit: Input should be greater than or equal to 1"),
        (SMALL.replace("budget: [0.1, 64]", "budget: 3"), r"strategies\.1\.options\.budget: .*list"),
        (SMALL + "pictures: [{kind: pie}]", r"pictures\.0\.kind: Input should be 'lines'"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(text: str, said: str) -> None:
    with pytest.raises(DataError, match=said):
        parse_sweep(text, Path("s.yaml"))


def test_an_unknown_name_gets_the_nearest() -> None:
    with pytest.raises(SpecError, match="did you mean 'landmarks'"):
        read_sweep("landmark")


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="no UTF-8"):
        read_sweep(str(tmp_path / "s.yaml"))
