"""The cache: transformers' own, with its full-attention layers replaced by layers that keep their prompt on tiers.

The design works unpatched over many transformers releases: the cache is built from the model's configuration, sliding
layers stay stock, `update` tags the keys that it returns with their layer, and one attention function, registered
under a name of its own, reads the tag. More than one query position is dense attention over everything; a single one
first seals the prompt and then reads residents plus what the strategy selects.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol
from weakref import WeakSet

import torch
import transformers
from packaging.version import Version
from torch import Tensor, nn
from transformers import AttentionInterface, GenerationMixin, PreTrainedModel
from transformers.cache_utils import Cache, DynamicCache, DynamicLayer
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS, AttentionMaskInterface

from text2json.baselines.attention import attend
from text2json.baselines.host import Disk, Host, Memory, host_for, prompt_bytes
from text2json.baselines.kernels.calls import Stretch, even
from text2json.baselines.kernels.library import Arena, chain
from text2json.baselines.ledger import Ledger
from text2json.baselines.prompt import Prompt
from text2json.baselines.rope import Rope
from text2json.baselines.sealed import Sealed
from text2json.baselines.solver import ByteBudget, geometry_of, solve
from text2json.baselines.speculation import predicted_query, record_inputs
from text2json.baselines.strategies import parse_spec
from text2json.baselines.strategy import Strategy
from text2json.errors import InputError, ModelError, SpecError

IMPLEMENTATION = "tiered_kv"
ARGUMENT = "cache" if Version(transformers.__version__) >= Version("5.24") else "past_key_values"
"""What models and `generate` call the cache that they are given; transformers 5.24 gave it another name."""
ROOM = 64
"""Generated tokens for which there is room in advance."""
PROBED = 31
"""Position that a model's keys are compared at, and the token whose they are: not 0, whose embedding is often zero."""
_TURNED: WeakSet[PreTrainedModel] = WeakSet()


class TieredLayer(DynamicLayer):
    """One layer: dense until its first decoding step, then sealed.

    While dense, `keys` and `values` hold everything; once sealed, only the tokens generated since.
    """

    keys: Tensor
    values: Tensor

    def __init__(self, cache: TieredCache, place: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.cache = cache
        self.place = place
        self.queries: Tensor | None = None
        """(B, H_q, M, D) the prompt's last queries, while its strategy still needs them."""
        self.sealed: Sealed | None = None
        self.dense = False
        """The strategy keeps this prompt whole."""
        self.prompt_length = 0
        """Positions of a prompt that is kept whole."""
        self.pending = False
        """Keys were stored that no attention has read yet."""

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        """Store new keys and values (B, H_kv, S, D); return all that a dense attention would read."""
        if self.pending:
            raise ModelError(
                "the model stores keys that its attention never hands on",
                remedy="use a cache from text2json.baselines.tiered_cache with the model that it was made for",
            )
        several = key_states.shape[2] > 1
        if several and not bool(torch.isfinite(key_states).all() and torch.isfinite(value_states).all()):
            raise ModelError("the model makes keys or values that are not finite",
                             remedy="load it with --dtype float32 or bfloat16, and check its weights")  # fmt: skip
        if several and self is self.cache.tiered_layers()[0]:
            self.cache.require_space(key_states)
        keys, values = self.append(key_states, value_states)
        if several:
            self.lay_down()
            keys, values = self.rebuilt(self.keys, self.values)
        tagged = keys.view(keys.shape)  # a tensor object of its own, so that the tag never outlives this step
        tagged._tiered_layer = self  # type: ignore[attr-defined]
        self.pending = True
        return tagged, values

    def append(self, key_states: Tensor, value_states: Tensor) -> tuple[Tensor, Tensor]:
        """Add keys and values (B, H_kv, S, D) to what is dense or generated, and return all of that.

        Generated tokens get room in advance: a concatenation at every step would copy all of them every time.
        """
        if self.sealed is None:
            keys, values = super().update(key_states, value_states)
            return keys, values
        self.keys, self.values = grown(self.keys, key_states), grown(self.values, value_states)
        return self.keys, self.values

    def lay_down(self) -> None:
        """Keep a prompt that is still dense in mapped files, where the host tier is on disk and the device is a CPU."""
        if isinstance(self.cache.host, Disk) and self.sealed is None and self.keys is not None and self.keys.is_cpu:
            self.keys, self.values = self.cache.host.keep(self.keys), self.cache.host.keep(self.values)

    def rebuilt(self, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Return the sealed prompt, as its stores have it, before the keys and values since."""
        if self.sealed is None:
            return keys, values
        self.cache.refetched += self.sealed.stored_bytes
        old_keys, old_values = self.sealed.rebuild(keys.dtype)
        return torch.cat([old_keys, keys], 2), torch.cat([old_values, values], 2)

    def keep_queries(self, query: Tensor) -> None:
        """Keep as many of the prompt's last queries (B, H_q, S, D) as the strategy wants to see when it seals."""
        wanted = self.cache.strategy.prompt_queries
        if wanted == 0 or self.sealed is not None or self.dense:
            return
        seen = query if self.queries is None else torch.cat([self.queries, query], 2)
        self.queries = seen if wanted < 0 else seen[:, :, -wanted:].contiguous()

    def seal(self, mask: Tensor | None, scaling: float | None) -> None:
        """Hand the prompt, everything but the token at hand, to the strategy, with the attention's scaling of q·k."""
        length = self.keys.shape[2] - 1
        if length < 1:
            self.dense = True
            return
        batch = self.keys.shape[0]
        valid = torch.ones(batch, length, dtype=torch.bool, device=self.keys.device)
        if mask is not None:
            valid = seen_by_last(mask, batch)[:, :length].clone()
        keys, values = self.keys[:, :, :length], self.values[:, :, :length]
        layer = self.cache.tiered_layers().index(self)
        prompt = Prompt(keys, values, valid, positions_of(valid), self.cache.model, layer, self.queries, scaling)
        self.sealed = self.cache.strategy.seal(prompt)
        self.queries = None
        self.dense, self.prompt_length = self.sealed is None, length
        if self.sealed is not None:
            self.sealed.settle(self.cache.host)
            self.keys = self.keys[:, :, length:].clone(memory_format=torch.contiguous_format)
            self.values = self.values[:, :, length:].clone(memory_format=torch.contiguous_format)

    def get_seq_length(self) -> int:
        """Return the tokens seen, on whichever tier."""
        recent: int = super().get_seq_length()
        return recent + (self.sealed.length if self.sealed is not None else 0)

    def get_mask_sizes(self, query_length: int | Tensor) -> tuple[int, int]:
        """Return the mask's width and offset: masks always span everything seen.

        Early releases hand over the queries' positions in place of their number.
        """
        if isinstance(query_length, Tensor):
            query_length = query_length.shape[0]
        return self.get_seq_length() + query_length, 0

    def reset(self) -> None:
        """Forget everything, for another prompt."""
        self.sealed, self.dense, self.pending, self.queries = None, False, False, None
        self.prompt_length = 0
        self.keys = self.values = None  # type: ignore[assignment]
        self.is_initialized = False

    def crop(self, tokens: int) -> None:
        """Drop the newest tokens, as assisted decoding does; a sealed prompt cannot shrink.

        Args:
            tokens: minus the number to drop; a positive number is the length to keep, as releases before 5 have it.

        Raises:
            InputError: the crop reaches into the sealed prompt.
        """
        if getattr(self, "keys", None) is None:
            return
        recent, prompt = self.keys.shape[2], 0 if self.sealed is None else self.sealed.length
        keep = recent + tokens if tokens <= 0 else min(recent, tokens - prompt)
        if keep < 0:
            raise InputError("the cache cannot be cropped into its offloaded prompt", remedy="start with a new cache")
        self.keys, self.values = self.keys[:, :, :keep], self.values[:, :, :keep]
        if self.queries is not None:
            self.queries = self.queries[:, :, : max(0, self.queries.shape[2] - (recent - keep))]

    def apply(self, change: Callable[[Tensor], Tensor]) -> None:
        """Reorder, repeat or pick sequences everywhere."""
        if getattr(self, "keys", None) is not None:
            self.keys, self.values = change(self.keys), change(self.values)
        if self.queries is not None:
            self.queries = change(self.queries)
        if self.sealed is not None:
            self.sealed.apply(change)

    def reorder_cache(self, beam_idx: Tensor) -> None:
        """Reorder sequences for beam search."""
        self.apply(lambda tensor: tensor.index_select(0, beam_idx.to(tensor.device)))

    def batch_repeat_interleave(self, repeats: int) -> None:
        """Repeat every sequence."""
        self.apply(lambda tensor: tensor.repeat_interleave(repeats, dim=0))

    def batch_select_indices(self, indices: Tensor) -> None:
        """Keep some sequences."""
        self.apply(lambda tensor: tensor[indices.to(tensor.device)])


class Observer(Protocol):
    """Sees every decoding step of every tiered layer; analyses put one into `TieredCache.observer`."""

    def see(self, layer: TieredLayer, query: Tensor, scaling: float, output: Tensor, read: Read | None) -> None:
        """See one layer's step.

        Args:
            layer: after the step.
            query: (B, H_q, 1, D).
            scaling: of q·k.
            output: (B, 1, H_q, D).
            read: what `Sealed.select` returned; None where the layer keeps its prompt whole.
        """


def handed(cache: Cache) -> dict[str, Any]:
    """Return the argument by which a model or `generate` takes `cache`."""
    return {ARGUMENT: cache}


Read = tuple[Tensor, Tensor]
"""Token places (B, H or H_q, S), and which of them count."""


class TieredCache(DynamicCache):
    """A cache for one model under one strategy; give it to `generate(cache=...)`.

    Before transformers 5.24 the argument is called `past_key_values`; `handed` names it rightly.

    Attributes:
        strategy: with all options resolved.
        host: where the host tier lies.
        ledger: bytes kept and moved so far.
    """

    def __init__(self, model: PreTrainedModel, strategy: Strategy, host: Host | None = None) -> None:
        super().__init__(config=model.config)
        self.model = model
        self.strategy = strategy
        self.host = Memory() if host is None else host
        self.refetched = 0.0
        """Bytes that passes of several tokens over a sealed prompt have fetched."""
        self._steps = self._moved = self._moved_with_reuse = 0.0
        self.observer: Observer | None = None
        self.arena = Arena()
        """Memory for what lives within one step of a layer."""
        self.inputs: dict[int, tuple[Tensor, tuple[Tensor, Tensor]]] = {}
        """Each layer's newest attention input with its cosines and sines, where the strategy reads them."""
        stock = [type(layer) for layer in self.layers]
        if DynamicLayer not in stock:
            raise ModelError(
                f"{type(model).__name__} has no full-attention layer to offload", remedy="choose another model"
            )
        self.layers = [TieredLayer(self, place) if kind is DynamicLayer else layer
                       for place, (kind, layer) in enumerate(zip(stock, self.layers, strict=True))]  # fmt: skip

    @cached_property
    def rope(self) -> Rope:
        """The model's rotary embedding."""
        return Rope.of(self.model)

    def tiered_layers(self) -> list[TieredLayer]:
        """Return the layers whose prompt is on tiers."""
        return [layer for layer in self.layers if isinstance(layer, TieredLayer)]

    def require_space(self, new: Tensor) -> None:
        """Make sure, before any layer keeps them, that all layers' keys and values fit, and one layer's twice.

        Args:
            new: (B, H, S, D) the first layer's new keys.

        Raises:
            InputError: the host tier has no room.
        """
        layers = self.tiered_layers()
        self.host.require(prompt_bytes(new.shape, new.element_size(), len(layers) + 1))

    def note_step(self, layer: TieredLayer, moved: float, moved_with_reuse: float) -> None:
        """Add what one layer moved in one step."""
        sealed = (each for each in self.layers if isinstance(each, TieredLayer) and each.sealed is not None)
        self._steps += layer is next(sealed)
        self._moved += moved
        self._moved_with_reuse += moved_with_reuse

    def reset(self) -> None:
        """Forget everything, for another prompt."""
        super().reset()  # type: ignore[no-untyped-call]
        self.arena = Arena()
        self.refetched = 0.0
        self._steps = self._moved = self._moved_with_reuse = 0.0

    @property
    def ledger(self) -> Ledger:
        """Count now: bytes kept by every tensor of every layer, and bytes moved so far."""
        ledger = Ledger(steps=int(self._steps), moved=self._moved, moved_with_reuse=self._moved_with_reuse,
                        refetched=self.refetched)  # fmt: skip
        for layer in self.layers:
            keys, values = getattr(layer, "keys", None), getattr(layer, "values", None)
            if keys is None or values is None:
                continue
            ledger.batch = keys.shape[0]
            sealed = layer.sealed if isinstance(layer, TieredLayer) else None
            if sealed is None:
                prompt = layer.prompt_length if isinstance(layer, TieredLayer) and layer.dense else keys.shape[2]
                of_prompt = (keys.nbytes + values.nbytes) * min(prompt, keys.shape[2]) // max(1, keys.shape[2])
                ledger.kept["device", "exact"] += of_prompt
                ledger.kept["device", "generated"] += keys.nbytes + values.nbytes - of_prompt
                ledger.positions = max(ledger.positions, ledger.batch * min(prompt, keys.shape[2]))
                continue
            ledger.positions = ledger.batch * sealed.length
            ledger.kept["device", "generated"] += sum(part.untyped_storage().nbytes() for part in (keys, values))
            for part in sealed.parts():
                ledger.kept[part.tier, part.purpose] += part.nbytes
        return ledger


def grown(old: Tensor, new: Tensor) -> Tensor:
    """Return old and new rows (B, H, N, D) one after the other, in the room behind the old ones if there is enough.

    The room is told from how far apart the heads lie, since a tensor of inference mode does not know what it is a
    view of.
    """
    batch, heads, length, size = old.shape
    together, plane = length + new.shape[2], old.stride(1) // size
    alone = old.untyped_storage().nbytes() == batch * heads * plane * size * old.element_size()
    if alone and even(old) and old.storage_offset() == 0 and plane >= together:
        whole = old.as_strided((batch, heads, plane, size), old.stride())
    else:
        whole = old.new_empty(batch, heads, together + ROOM, size)
        whole[:, :, :length] = old
    whole[:, :, length:together] = new
    return whole[:, :, :together]


def positions_of(valid: Tensor) -> Tensor:
    """Return the rotary positions (B, N) that `generate` gives left-padded prompts: 0, 1, ... from the first token."""
    return (valid.long().cumsum(1) - 1).clamp(min=0)


def seen_by_last(mask: Tensor, batch: int) -> Tensor:
    """Return which keys (B, N) the last query of a mask (1 or B, 1, S, N), boolean or added to scores, may see."""
    seen = mask[:, 0, -1]
    return (seen if seen.dtype == torch.bool else seen >= 0).expand(batch, -1)


def tiered_attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    **kwargs: Any,
) -> tuple[Tensor, None]:
    """Attend from query (B, H_q, S, D) to a tiered layer, or like `sdpa` where `key` carries no tag.

    Raises:
        ModelError: the model's attention has sinks or caps its scores, which this attention would silently drop.
    """
    layer: TieredLayer | None = getattr(key, "_tiered_layer", None)
    if kwargs.get("s_aux") is not None or kwargs.get("softcap") is not None:
        raise ModelError("the model's attention has sinks or capped scores, which cannot be served",
                         remedy="choose a model with plain attention, such as Llama or Qwen 3")  # fmt: skip
    if layer is not None:
        layer.pending = False
        if query.shape[2] == 1 and layer.sealed is None and not layer.dense:
            layer.seal(attention_mask, scaling)
        if query.shape[2] == 1 and layer.sealed is not None:
            factor = scaling if scaling is not None else query.shape[-1] ** -0.5
            reads = layer.cache.strategy.reads_inputs
            predicted = predicted_query(module, layer.cache, layer.cache.rope) if reads else None
            known = None if attention_mask is None else seen_by_last(attention_mask, query.shape[0])
            return decode(layer, layer.sealed, query, factor, predicted, known), None
        if query.shape[2] > 1:
            layer.keep_queries(query)
            attention_mask = without_evicted(layer, query, key, attention_mask)
    output, _ = sdpa_attention_forward(module, query, key, value, attention_mask, scaling=scaling, **kwargs)
    if layer is not None and layer.cache.observer is not None and query.shape[2] == 1:
        factor = scaling if scaling is not None else query.shape[-1] ** -0.5
        layer.cache.observer.see(layer, query, factor, output, None)
    return output, None


def without_evicted(layer: TieredLayer, query: Tensor, key: Tensor, mask: Tensor | None) -> Tensor | None:
    """Return the mask (B, 1 or H_q, S, N) of more than one query (B, H_q, S, D) without what a seal has thrown away."""
    evicted = None if layer.sealed is None else layer.sealed.evicted()
    if evicted is None:
        return mask
    steps, length = query.shape[2], key.shape[2]
    if mask is None:
        mask = torch.ones(steps, length, dtype=torch.bool, device=key.device).tril(length - steps)[None, None]
    lost = torch.nn.functional.pad(evicted, (0, length - evicted.shape[2]))
    lost = lost.repeat_interleave(query.shape[1] // lost.shape[1], 1).unsqueeze(2)
    return mask & ~lost if mask.dtype == torch.bool else mask.masked_fill(lost, torch.finfo(mask.dtype).min)


def decode(
    layer: TieredLayer,
    sealed: Sealed,
    query: Tensor,
    scaling: float,
    predicted: Tensor | None,
    seen: Tensor | None = None,
) -> Tensor:
    """Attend from one query position (B, H_q, 1, D) to residents, generated tokens and what is selected.

    Query heads that read the same tokens are packed together: (B, H_kv, G, D), or (B, H_q, 1, D) where each query
    head selects for itself. `seen` (B, N) are all tokens that the mask leaves; of those in the prompt the seal knows.
    """
    known = None if seen is None else seen[:, None, sealed.length :]
    if known is not None and bool(known.all()):
        known = None  # as it is without padding between turns, and kernels run as they are
    again = None if known is not None else decode_again(layer, sealed, query, scaling)
    if again is not None:
        return again.transpose(1, 2)
    batch, heads, _, size = query.shape
    packed = query.view(batch, layer.keys.shape[1], -1, size)
    if sealed.index is not None:
        foretold = None if predicted is None else predicted.reshape(packed.shape)
        sealed.index.observe(packed, layer.keys[:, :, -1:], foretold)
    observer = layer.cache.observer
    chained = sealed.chained(packed)
    with chain(chained, layer.cache.arena if observer is None else None) as made:
        tokens, chosen = sealed.select(packed, scaling)
        counted = sealed.counted(tokens, chosen)
        packed = query.view(batch, tokens.shape[1], -1, size)
        recent = Stretch(layer.keys, layer.values, layer.keys.shape[2], known=known)
        output = attend(packed, scaling, [*sealed.stretches(tokens, chosen, query.dtype, chained=chained), recent])
    output = output.view(batch, heads, 1, size).transpose(1, 2)
    layer.cache.note_step(layer, *sealed.bytes_of(counted))
    if observer is not None:
        observer.see(layer, query, scaling, output, (tokens, chosen))
    elif made is not None and known is None:
        sealed.keep_chain(made, query, counted, scaling)
    return output


def decode_again(layer: TieredLayer, sealed: Sealed, query: Tensor, scaling: float) -> Tensor | None:
    """Do `decode` by the last step's kernels, run as they are on this query and these generated tokens, if they fit.

    What Python and torch do around kernels takes longer than some of the kernels.
    """
    replay = sealed.replay
    if replay is None or layer.cache.observer is not None:
        return None
    output = replay.run(query, layer.keys, layer.values, scaling)
    if output is not None:
        layer.cache.note_step(layer, *sealed.bytes_of(replay.counted))
    return output


AttentionInterface.register(IMPLEMENTATION, tiered_attention)
AttentionMaskInterface.register(IMPLEMENTATION, ALL_MASK_ATTENTION_FUNCTIONS["sdpa"])


def check_served(model: PreTrainedModel, strategies: Sequence[Strategy]) -> None:
    """Refuse a model whose attention would be served wrongly under any of `strategies`, before it reads a token.

    Raises:
        ModelError: latent attention (DeepSeek-V2 and V3), sinks (gpt-oss), capped scores (Gemma 2), an encoder, or
            `generate` that drops the cache (Phi-3 with LongRoPE).
    """
    config = model.config.get_text_config(decoder=True)
    rope = getattr(config, "rope_parameters", None) or {}
    stock = GenerationMixin.prepare_inputs_for_generation
    own = getattr(type(model), stock.__name__, stock) is not stock
    reasons = {
        "keeps latents in place of keys and values (MLA)": getattr(config, "kv_lora_rank", None) is not None,
        "has attention sinks": any(name.rpartition(".")[2] == "sinks" for name, _ in model.named_parameters()),
        "caps its attention scores": getattr(config, "attn_logit_softcapping", None) is not None,
        "is an encoder with a decoder": bool(getattr(model.config, "is_encoder_decoder", False)),
        "drops its cache where LongRoPE changes its frequencies": rope.get("rope_type") == "longrope" and own,
    }
    for reason, found in reasons.items():
        if found:
            raise ModelError(f"{type(model).__name__} {reason}, which cannot be served",
                             remedy="choose a model with plain attention, such as Llama or Qwen 3")  # fmt: skip
    if any(strategy.turns_keys for strategy in strategies):
        check_turned(model)


def check_turned(model: PreTrainedModel) -> None:
    """Make sure that all tiered layers' keys have their positions from the one rotary embedding; done once a model.

    Taken for granted of no model: a single token's hidden states are the same at every position, so its key at a
    position must be its key at the first one, turned.

    Raises:
        ModelError: a layer's keys have no positions (SmolLM3, Cohere 2, EXAONE 4), or others.
    """
    if model in _TURNED:
        return
    Rope.of(model)  # or says that there is none
    token, place = (torch.tensor([[number]], device=model.device) for number in (PROBED, 0))
    caches = [DynamicCache(config=model.config) for _ in range(2)]
    with torch.inference_mode():
        for cache, position in zip(caches, (place, place + PROBED), strict=True):
            model(input_ids=token, position_ids=position, use_cache=True, **handed(cache))
        rope = Rope.of(model)  # with the frequencies of short texts
        keys: list[list[Any]] = [[layer.keys for layer in cache.layers if type(layer) is DynamicLayer]
                                 for cache in caches]  # fmt: skip
        for first, later in zip(*keys, strict=True):
            expected = rope.rotate(rope.unrotate(first, place), place + PROBED)
            if not float((later - expected).norm()) < 0.05 * float(expected.norm()):
                raise ModelError(
                    f"{type(model).__name__} has layers whose keys are turned in other ways, or not at all",
                    remedy="use a strategy that leaves keys as they are, such as oracle, quest or arkvale",
                )
    _TURNED.add(model)


def tiered_cache(
    model: PreTrainedModel,
    spec: str,
    *,
    device_bytes_per_token: float | None = None,
    traffic_bytes_per_token: float | None = None,
    tokens: int | None = None,
    disk: str | Path | None = None,
) -> TieredCache:
    """Return a new cache for `model` under the strategy that `spec` describes, as in `yakv:budget=0.03`.

    The model's attention implementation is set to one that equals `sdpa` wherever no such cache is given. With a
    budget in bytes, the strategy's own parameters are chosen to fit it; `cache.strategy.spec` says which.

    Args:
        model: of transformers.
        spec: the strategy.
        device_bytes_per_token: the most on the device for one prompt token and kv-head, mean over layers.
        traffic_bytes_per_token: the most from host to device in a decoding step for one prompt token and kv-head.
        tokens: the prompt length that byte budgets are for.
        disk: a folder for mapped files that the host tier then lies in; without it, it lies in memory.

    Raises:
        InputError: the disk tier's folder cannot be used.
        SpecError: the strategy or an option is unknown or impossible, or does not fit a budget.
        ModelError: the strategy cannot serve the model.
    """
    strategy = parse_spec(spec)
    check_served(model, [strategy])
    budget = ByteBudget(device_bytes_per_token, traffic_bytes_per_token)
    if budget:
        if tokens is None or tokens < 1:
            raise SpecError("a budget in bytes is for prompts of a length", remedy="give tokens, as in tokens=20000")
        strategy = solve(strategy, geometry_of(model, tokens), budget)
    cache = TieredCache(model, strategy, host_for(model, disk))
    if cache.strategy.reads_inputs:
        record_inputs(model)
    model.set_attn_implementation(IMPLEMENTATION)
    return cache
