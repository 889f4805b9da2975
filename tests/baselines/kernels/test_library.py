from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch

from text2json.baselines.kernels import calls, library

ROOT = Path(__file__).parents[3]
built = pytest.mark.skipif(library.library() is None, reason="the library is not built here")


def test_the_plain_path_can_be_asked_for_and_is_left_again() -> None:
    before, rows = library.name(), torch.ones(1, 1, 2, 4)
    with library.use("torch"):
        assert library.name() == "torch"
        assert not library.serves(rows)
        assert calls.row_scores(rows, rows) is None
    assert library.name() == before


@pytest.mark.parametrize("wanted", ["torch", *library.LEVELS])
def test_the_environment_asks_for_no_more_than_one_instruction_set(wanted: str) -> None:
    code = "from text2json.baselines.kernels import library; print(library.name())"
    environment = os.environ | {library.SWITCH: wanted, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    best = library.best()
    expected = "torch" if wanted == "torch" or best < 0 else library.LEVELS[min(best, library.LEVELS.index(wanted))]
    assert done.stdout.strip() == expected


def test_without_a_library_everything_runs_on_torch(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(library, "__file__", str(tmp_path / "library.py"))
    assert library.library.__wrapped__() is None
    (tmp_path / "compiled.so").write_text("no library")
    assert library.library.__wrapped__() is None


@built
def test_a_library_of_other_sources_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    assert library.library.__wrapped__() is not None
    monkeypatch.setattr(library, "INTERFACE", library.INTERFACE + 1)
    assert library.library.__wrapped__() is None


@built
def test_the_jobs_have_the_fields_of_the_header_in_its_order() -> None:
    """Sizes and offsets, as the compiler that built the library would lay them out: 8 bytes a field."""
    header = (ROOT / "baselines" / "kernels" / "jobs.h").read_text()
    for name in (
        "HiggsScores",
        "TurnQuery",
        "RowScores",
        "SoftmaxMax",
        "PlainRank",
        "Pick",
        "SpreadUnits",
        "Place",
        "Mark",
        "Attend",
        "HiggsRead",
        "LowRankRead",
        "Rotate",
        "Nearest",
    ):
        kind: type[ctypes.Structure] = getattr(calls, f"{name}Job")
        snake = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")
        body = header.split(f"struct {snake}_job {{")[1].split("\n};")[0]
        code = " ".join(line.split("/*")[0] for line in body.splitlines())
        declared = [part.split()[-1].strip("*") for line in code.split(";") for part in line.split(",") if part.strip()]
        fields = [field[0] for field in kind._fields_]
        assert len(declared) == len(fields), name
        for there, here in zip(declared, fields, strict=True):
            assert there.rstrip("_").removesuffix("16").split("[")[0] == here.rstrip("_"), name
        for place, field in enumerate(fields):
            assert getattr(kind, field).offset == 8 * place


@built
def test_several_threads_may_call_at_once() -> None:
    """One of them gets the crew, the others work alone; all get their own results."""
    rows = [torch.randn(1, 2, 3_000, 32, generator=torch.Generator().manual_seed(seed)) for seed in range(8)]
    query = torch.randn(1, 2, 4, 32, generator=torch.Generator().manual_seed(9))
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda one: calls.row_scores(query, one), rows * 5))
    for scores, one in zip(found, rows * 5, strict=True):
        assert scores is not None
        torch.testing.assert_close(scores, query @ one.mT, rtol=1e-4, atol=1e-4)


@built
@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system cannot fork")
def test_a_forked_child_makes_threads_of_its_own() -> None:
    code = (
        "import os, torch; from text2json.baselines.kernels import calls\n"
        "torch.set_num_threads(3); rows, query = torch.randn(1, 2, 3000, 32), torch.randn(1, 2, 4, 32)\n"
        "before = calls.row_scores(query, rows); child = os.fork()\n"
        "if child == 0: os._exit(0 if torch.equal(calls.row_scores(query, rows), before) else 1)\n"
        "print(os.waitpid(child, 0)[1])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60,
                          env=os.environ | {"PYTHONPATH": str(ROOT)})  # fmt: skip
    assert done.stdout.strip() == "0"


@built
def test_a_chain_runs_at_its_end_and_gives_what_single_calls_give() -> None:
    query, rows = torch.randn(1, 2, 3, 16), torch.randn(1, 2, 50, 16)
    allowed, counts = torch.rand(1, 2, 50) < 0.9, torch.tensor([7])

    def step() -> tuple[torch.Tensor, ...]:
        scores = calls.row_scores(query, rows)
        assert scores is not None
        weights = calls.softmax_max(scores, allowed, 0.5)
        assert weights is not None
        found = calls.pick(weights, counts, 7)
        assert found is not None
        return weights, *found

    alone = step()
    with library.chain():
        together = step()
        together[0].fill_(5)
    assert all(torch.equal(*pair) for pair in zip(alone, together, strict=True))
    with library.chain(wanted=False):
        assert torch.equal(step()[1], alone[1])


@built
def test_a_chain_that_fails_leaves_nothing_behind() -> None:
    rows = torch.ones(1, 1, 2, 4)

    def half() -> None:
        with library.chain():
            calls.row_scores(rows, rows)
            raise ValueError("halfway")

    with pytest.raises(ValueError, match="halfway"):
        half()
    assert calls.row_scores(rows, rows) is not None
    assert library._here.chain is None
