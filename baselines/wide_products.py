"""Products of bfloat16 on processors without instructions for it.

There PyTorch multiplies bfloat16 matrices some fifty times as slowly as float32 ones (a plain AVX2 processor, 2.13),
and nine tenths of reading a prompt go there. Turning both sides into float32 first costs one more pass over
the weights and gives what such instructions give: sums in float32, rounded once.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

ROWS = 16
"""From about so many rows on it is faster: through reader-llama 8 rows take as long either way, 1,000 an eighth."""


def native() -> bool:
    """Tell whether this processor multiplies bfloat16 by itself."""
    return torch.backends.mkldnn.is_available() and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def widen(model: nn.Module) -> None:
    """Let the bfloat16 linear layers of a model that lies in main memory multiply in float32 where that is faster."""
    if native():
        return
    for layer in model.modules():
        if type(layer) is nn.Linear and layer.weight.dtype == torch.bfloat16 and layer.weight.device.type == "cpu":
            layer.forward = partial(product, layer)  # type: ignore[method-assign]


def product(layer: nn.Linear, rows: Tensor) -> Tensor:
    """Return rows (..., I) through `layer`, in their own format; few rows are faster as they are."""
    if rows.dtype != torch.bfloat16 or rows.numel() < ROWS * rows.shape[-1] or torch.is_grad_enabled():
        return nn.functional.linear(rows, layer.weight, layer.bias)
    bias = None if layer.bias is None else layer.bias.float()
    return nn.functional.linear(rows.float(), layer.weight.float(), bias).to(rows.dtype)


class InFloat32(TorchDispatchMode):
    """Turns both sides of every bfloat16 product of matrices into float32 first."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run one operation."""
        if func not in (torch.ops.aten.mm.default, torch.ops.aten.addmm.default) or args[0].dtype != torch.bfloat16:
            return func(*args, **(kwargs or {}))
        return func(*(side.float() for side in args), **(kwargs or {})).to(torch.bfloat16)


@contextmanager
def widened() -> Iterator[None]:
    """Let code that is not ours multiply bfloat16 matrices in float32 where that is faster."""
    if native():
        yield
        return
    with InFloat32():  # type: ignore[no-untyped-call]
        yield
