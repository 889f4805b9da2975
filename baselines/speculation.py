"""Queries foretold: what a layer would ask, told from the input of the layer before (InfiniGen, section 4.3).

Consecutive layers' attention inputs are alike, because each adds little to the residual stream. A hook on every
attention module leaves its input with the cache that it was called with; nothing else of the model changes.
"""

from __future__ import annotations

from typing import Any, Protocol
from weakref import WeakSet

from torch import Tensor, nn
from transformers import PreTrainedModel

from text2json.baselines.rope import Rope
from text2json.errors import ModelError

_RECORDED: WeakSet[nn.Module] = WeakSet()


class Recorder(Protocol):
    """A cache that keeps each layer's newest attention input."""

    inputs: dict[int, tuple[Tensor, tuple[Tensor, Tensor]]]


def record_inputs(model: PreTrainedModel) -> None:
    """Let every attention module leave its one-token inputs with a cache that has `inputs`; done once a model.

    Raises:
        ModelError: the model does not project its queries as Llama and Qwen 3 do.
    """
    if model in _RECORDED:
        return
    Rope.of(model)
    found = [module for name, module in model.named_modules() if name.endswith("self_attn")]
    for module in found:
        norm = getattr(module, "q_norm", None)
        size = getattr(module, "head_dim", None)
        if not hasattr(module, "q_proj") or (norm is not None and tuple(norm.weight.shape) != (size,)):
            raise ModelError(f"{type(model).__name__} has no query projection to predict the next layer's queries with",
                             remedy="use a strategy that reads the layer's own query, such as quest")  # fmt: skip
    for module in found:
        module.register_forward_pre_hook(_record, with_kwargs=True)
    _RECORDED.add(model)


def _record(module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    hidden = args[0] if args else kwargs["hidden_states"]
    if hidden.shape[1] != 1:
        return
    for value in (*args, *kwargs.values()):
        if isinstance(inputs := getattr(value, "inputs", None), dict):
            inputs[module.layer_idx] = hidden, kwargs["position_embeddings"]


def predicted_query(module: Any, cache: Recorder, rope: Rope) -> Tensor:
    """Return the query (B, H_q, 1, D) that the layer before's input makes with this layer's weights.

    The first layer has none before it and predicts from its own input, which is exact.
    """
    place = module.layer_idx
    hidden, _ = cache.inputs.get(place - 1, cache.inputs[place])
    _, (cos, sin) = cache.inputs[place]
    query = module.q_proj(hidden).unflatten(-1, (-1, module.head_dim))
    if getattr(module, "q_norm", None) is not None:
        query = module.q_norm(query)
    query = query.transpose(1, 2)
    turned: Tensor = rope.apply(query, query, cos, sin)[0]
    return turned
