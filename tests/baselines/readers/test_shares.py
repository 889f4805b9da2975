from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor
from transformers import PreTrainedModel

from text2json.baselines.readers.architecture import build_model
from text2json.baselines.readers.attention import install
from text2json.baselines.readers.batches import Batch, collate
from text2json.baselines.readers.hints import KINDS
from text2json.baselines.readers.rows import Row
from text2json.baselines.readers.shares import Shares, split
from text2json.baselines.readers.train import measure


@pytest.fixture(autouse=True)
def in_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sums over other rows are compared, so nothing is rounded between them, whatever the processor."""
    monkeypatch.setattr("text2json.baselines.readers.train.native", lambda: False)


def rows(*learned: int, hints: bool = False) -> Batch:
    """Return a batch with a row for each number of learned places."""
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(0, 50, (40,), generator=generator).tolist()
    looks = torch.tensor([[KINDS.index("value"), 30, 4, 6], [KINDS.index("record"), 20, 1, 2]]).numpy()
    kept = {"hints": looks} if hints else {}
    made = [
        Row(ids[::step], [False] * (40 - count) + [True] * count, **kept)
        for step, count in zip(itertools.cycle((1, -1)), learned, strict=False)
    ]
    return collate(made, length=40, pad=0)


def small_model() -> PreTrainedModel:
    model = build_model("llama", vocab_size=50, seed=0, hidden_size=64, head_dim=16, num_hidden_layers=5)
    install(model)
    return model


def gradients(batch: Batch, threads: int, hints: float = 0.0) -> tuple[Tensor, Tensor, Tensor, list[Tensor]]:
    """Return the losses, what is right, and the gradients of a small model."""
    model = small_model()
    loss, shown, right = Shares(model, threads).learn(measure, batch, hints)
    return loss, shown, right, [p.grad for p in model.parameters() if p.grad is not None]


@pytest.mark.parametrize("learned", [(3, 12, 7, 1), (5, 9, 2), (6,)])
def test_shares_learn_what_the_whole_batch_does(learned: tuple[int, ...]) -> None:
    batch = rows(*learned)
    model = small_model()
    loss, _, right = measure(model, batch)
    loss.backward()
    shared_loss, _, shared_right, shared = gradients(batch, threads=2)
    torch.testing.assert_close(shared_loss, loss.detach())
    assert torch.equal(shared_right, right)
    for ours, whole in zip(shared, [p.grad for p in model.parameters()], strict=True):
        torch.testing.assert_close(ours, whole, rtol=1e-4, atol=1e-6)


def test_in_bfloat16_shares_differ_from_the_whole_batch_by_rounding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("text2json.baselines.readers.train.native", lambda: True)
    one, two = (gradients(rows(3, 12, 7, 1), threads) for threads in (1, 2))
    torch.testing.assert_close(two[0], one[0], rtol=1e-2, atol=0)
    for ours, whole in zip(two[3], one[3], strict=True):
        assert (ours - whole).norm() < 0.02 * whole.norm()


def test_hints_are_shared_too() -> None:
    batch = rows(4, 4, 4, 4, hints=True)
    one, two = (gradients(batch, threads, hints=0.5) for threads in (1, 2))
    assert one[1] > 0
    torch.testing.assert_close(two[1], one[1])
    for ours, whole in zip(two[3], one[3], strict=True):
        torch.testing.assert_close(ours, whole, rtol=1e-4, atol=1e-6)


def test_a_second_batch_is_learned_with_the_weights_that_the_first_left() -> None:
    model = small_model()
    shares = Shares(model, 2)
    batch = rows(4, 4, 4, 4)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(3):
        expected = float(measure(model, batch)[0].detach())
        assert float(shares.learn(measure, batch, 0.0)[0]) == pytest.approx(expected, rel=1e-5)
        optimizer.step()
        optimizer.zero_grad()
    assert float(measure(model, batch)[0].detach()) != pytest.approx(expected)


def test_rows_are_split_evenly_and_none_is_lost() -> None:
    batch = rows(1, 2, 3, 4, 5)
    parts = split(batch, 2)
    assert [len(part.ids) for part in parts] == [3, 2]
    assert torch.equal(torch.cat([part.targets for part in parts]), batch.targets)
    assert torch.equal(torch.cat([part.hints for part in parts], 1), batch.hints)
    assert [len(part.ids) for part in split(batch, 8)] == [1] * 5


@pytest.mark.parametrize("hints", [False, True])
def test_trimming_a_batch_changes_no_loss_and_no_gradient(hints: bool) -> None:
    batch = rows(1, 9, 4, hints=hints)
    trimmed = batch.trimmed()
    assert (trimmed.places.shape, trimmed.hints.shape[2]) == ((3, 9), int(hints))
    assert batch.places.shape[1] > 9
    whole, less = (gradients(one, threads=2, hints=0.5) for one in (batch, trimmed))
    torch.testing.assert_close(less[:2], whole[:2])
    assert torch.equal(less[2], whole[2][:, :9])
    for ours, others in zip(less[3], whole[3], strict=True):
        torch.testing.assert_close(ours, others, rtol=1e-4, atol=1e-6)
