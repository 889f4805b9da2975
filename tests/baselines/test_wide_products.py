from __future__ import annotations

import copy
from pathlib import Path

import pytest
import torch
from torch import nn

from text2json.baselines import wide_products
from text2json.baselines.models import load_model
from text2json.baselines.wide_products import widen, widened


@pytest.fixture
def plain_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wide_products, "native", lambda: False)


@pytest.fixture
def layer() -> nn.Linear:
    torch.manual_seed(0)
    return nn.Linear(256, 96).bfloat16()


@pytest.mark.usefixtures("plain_processor")
@torch.no_grad()
def test_many_rows_are_the_exact_product_rounded_once(layer: nn.Linear) -> None:
    rows = torch.randn(3, 7, 256).bfloat16()
    exact = rows.double() @ layer.weight.double().T + layer.bias.double()
    widen(layer)
    found = layer(rows)
    assert found.dtype == torch.bfloat16
    # Half a unit in bfloat16's eighth bit, and what float32 sums may lose before.
    assert bool(((found.double() - exact).abs() <= exact.abs() * 2**-8 + 1e-5).all())


@pytest.mark.usefixtures("plain_processor")
@torch.no_grad()
def test_few_rows_float32_rows_and_other_layers_are_as_before(layer: nn.Linear) -> None:
    row, as_it_was = torch.randn(3, 1, 256).bfloat16(), copy.deepcopy(layer)
    in_float32 = nn.Linear(4, 4)
    model = nn.ModuleList([layer, in_float32])
    widen(model)
    assert torch.equal(layer(row), as_it_was(row))
    assert "forward" not in vars(in_float32)


@pytest.mark.usefixtures("plain_processor")
def test_a_layer_still_learns_and_can_be_copied(layer: nn.Linear) -> None:
    widen(layer)
    twin = copy.deepcopy(layer)
    twin(torch.randn(wide_products.ROWS, 256).bfloat16()).sum().backward()
    assert twin.weight.grad is not None
    assert layer.weight.grad is None


def test_muon_moves_weights_alike_on_either_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    moved = []
    for native in (True, False):
        monkeypatch.setattr(wide_products, "native", lambda native=native: native)
        torch.manual_seed(0)
        weight = nn.Parameter(torch.randn(48, 96))
        weight.grad = torch.randn(48, 96)
        with widened():
            torch.optim.Muon([weight], lr=0.1).step()
        moved.append(weight.detach())
    torch.testing.assert_close(moved[0], moved[1], atol=1e-3, rtol=0.01)


def test_a_processor_with_such_instructions_is_left_alone(monkeypatch: pytest.MonkeyPatch, layer: nn.Linear) -> None:
    monkeypatch.setattr(wide_products, "native", lambda: True)
    widen(layer)
    assert "forward" not in vars(layer)


@torch.no_grad()
def test_a_loaded_model_answers_alike_on_either_processor(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = torch.arange(4, 60)[None]
    logits = []
    for native in (True, False):
        monkeypatch.setattr(wide_products, "native", lambda native=native: native)
        logits.append(load_model(str(tiny_model), dtype="bfloat16", device="cpu").model(ids).logits.float())
    torch.testing.assert_close(logits[0], logits[1], atol=0.05, rtol=0.05)
