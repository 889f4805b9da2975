"""Where keys and values are kept until they are selected, and how precisely."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from text2json.baselines.indexes import ExactKeys
from text2json.baselines.kernels import calls
from text2json.baselines.kernels.calls import Coded
from text2json.baselines.parts import Part, Tier, fetch, take, take_shared
from text2json.baselines.prompt import Prompt
from text2json.baselines.quantizers.higgs import Higgs
from text2json.baselines.quantizers.quantizer import Quantizer
from text2json.baselines.rope import Rope

START = 8
"""Bytes of a sequence's first place, from which the positions of its keys are told."""


@dataclass
class Store(Part, ABC):
    """Keys or values of a prompt."""

    @abstractmethod
    def read(self, index: Tensor, dtype: torch.dtype) -> Tensor:
        """Return what stands at index (B, H, S), as (B, H, S, D)."""

    def fetch(self, places: Tensor, heads: int, dtype: torch.dtype) -> Tensor:
        """Return what stands at places (B, C, S), as (B, C, S, D); C are `heads`, or several for each of them."""
        rows = self.read(places.reshape(places.shape[0], heads, -1), dtype)
        return rows.view(*places.shape, rows.shape[-1])

    def lend(self, places: Tensor, heads: int, dtype: torch.dtype) -> tuple[Tensor, Tensor | None]:
        """Return the same as rows (B, C or H, .., D) with the places to read among them, None for all in order.

        A store that holds plain rows within reach hands on the rows themselves, and nothing is copied.
        """
        return self.fetch(places, heads, dtype), None

    def coded(self) -> Coded | None:
        """Return the rows as codes that a kernel adds up as they are, or None where they must be read one by one."""
        return None

    def chained(self, dtype: torch.dtype) -> bool:
        """Tell whether nothing but kernels, where they serve, touches the places to read and what is read."""
        return False

    @property
    @abstractmethod
    def moved_bytes_per_token(self) -> float:
        """Bytes that cross from host to device for one token of one kv-head; 0 for what is on the device."""


@dataclass
class ExactStore(Store):
    """The tensors as the model made them: `rows` (B, H, N, D)."""

    rows: Tensor

    def read(self, index: Tensor, dtype: torch.dtype) -> Tensor:
        """Return the rows themselves."""
        return fetch(self.rows, index).to(dtype)

    def lend(self, places: Tensor, heads: int, dtype: torch.dtype) -> tuple[Tensor, Tensor | None]:
        """Hand on the rows where no device boundary lies between."""
        if self.rows.device == places.device and self.rows.dtype == dtype:
            return self.rows, places
        return super().lend(places, heads, dtype)

    def chained(self, dtype: torch.dtype) -> bool:
        """Rows are lent."""
        return self.rows.is_cpu and self.rows.dtype == dtype

    @property
    def moved_bytes_per_token(self) -> float:
        """A row's bytes, unless it lies on the device."""
        return self.rows.shape[-1] * self.rows.element_size() if self.tier != "device" else 0.0


@dataclass
class IndexedKeys(Store):
    """Keys that are read from the index itself, and so take no bytes of their own."""

    index: ExactKeys

    def read(self, index: Tensor, dtype: torch.dtype) -> Tensor:
        """Return the index's rows."""
        return take(self.index.rows, index).to(dtype)

    def lend(self, places: Tensor, heads: int, dtype: torch.dtype) -> tuple[Tensor, Tensor | None]:
        """Hand on the index's rows."""
        return (self.index.rows, places) if self.index.rows.dtype == dtype else super().lend(places, heads, dtype)

    def chained(self, dtype: torch.dtype) -> bool:
        """Rows are lent."""
        return self.index.rows.is_cpu and self.index.rows.dtype == dtype

    @property
    def moved_bytes_per_token(self) -> float:
        """Nothing crosses: the index is on the device."""
        return 0.0


@dataclass
class QuantizedStore(Store):
    """Each head's vector quantised alone: `codes` (B, H, N, bytes) and `scales` (B, H, N, numbers).

    The paper of YAKV puts all heads of a token into one group; a head that needs a token would then have to fetch the
    codes of all of them, so here each head has groups of its own, at the price of a 16-bit scale each.

    With a `rope`, the rows are keys without positions, which get theirs when read, counted from `starts` (B,). `top`
    (B, H, 1, 1) is the one scale of the whole tensor, where the format has one.
    """

    codes: Tensor
    scales: Tensor
    quantizer: Quantizer
    size: int
    rope: Rope | None = None
    starts: Tensor | None = None
    top: Tensor | None = None
    small = ("starts", "top")

    @classmethod
    def of(cls, tier: Tier, purpose: str, rows: Tensor, quantizer: Quantizer) -> QuantizedStore:
        """Quantise rows (B, H, N, D)."""
        top = quantizer.tensor_scale(rows)
        codes, scales = quantizer.encode(rows if top is None else rows / top)
        return cls(tier, purpose, codes, scales, quantizer, rows.shape[3], top=top)

    @classmethod
    def keys(cls, prompt: Prompt, quantizer: Quantizer) -> QuantizedStore:
        """Quantise the prompt's keys without their positions, for the host."""
        heads, size = prompt.keys.shape[1], prompt.keys.shape[3]
        plain = prompt.plain_keys.unflatten(-1, (heads, size)).transpose(1, 2)
        return replace(cls.of("host", "keys", plain, quantizer), rope=prompt.rope, starts=prompt.starts)

    @classmethod
    def values(cls, prompt: Prompt, quantizer: Quantizer) -> QuantizedStore:
        """Quantise the prompt's values, for the host."""
        return cls.of("host", "values", prompt.values, quantizer)

    def read(self, index: Tensor, dtype: torch.dtype) -> Tensor:
        """Fetch the selected tokens' codes, dequantise them, and put positions on keys."""
        positions = None if self.starts is None else positions_at(index, self.starts)
        turn = None if self.rope is None or positions is None else self.rope.turn(positions)
        if self.top is None and (self.rope is None or turn is not None):
            found = self.quantizer.compiled_read(self.codes, self.scales, index, self.size, dtype, turn)
            if found is not None:
                return found
        rows = self.quantizer.read(self.codes, self.scales, index, self.size)
        if self.top is not None:
            rows = rows * self.top
        if self.rope is not None and positions is not None:
            rows = self.rope.rotate(rows, positions, dtype)
        return rows.to(dtype)

    def coded(self) -> Coded | None:
        """Return codes of HIGGS where a row is one group and has no position."""
        if self.rope is not None or self.top is not None or self.scales.shape[-1] != 1:
            return None
        return self.quantizer.coded(self.codes, self.scales) if isinstance(self.quantizer, Higgs) else None

    def chained(self, dtype: torch.dtype) -> bool:
        """Codes of HIGGS are read by a kernel, which knows the usual rotary positions."""
        turned = self.rope is None or self.rope.halves is not None
        return self.codes.is_cpu and self.top is None and turned and isinstance(self.quantizer, Higgs)

    @property
    def moved_bytes_per_token(self) -> float:
        """A token's codes and scales, unless they lie on the device."""
        per_token = self.codes.shape[-1] + self.scales.shape[-1] * self.scales.element_size()
        return float(per_token) if self.tier != "device" else 0.0


@dataclass
class ChannelQuantizedStore(Store):
    """Rows quantised along the tokens, each channel with scales of its own: KIVI's keys (arXiv 2402.02750, 3.1).

    `codes` (B, H, D, bytes) and `scales` (B, H, D, numbers). Reading one token decodes all of its group, so this store
    suits a strategy that reads everything.
    """

    codes: Tensor
    scales: Tensor
    quantizer: Quantizer
    tokens: int

    @classmethod
    def of(cls, tier: Tier, purpose: str, rows: Tensor, quantizer: Quantizer) -> ChannelQuantizedStore:
        """Quantise rows (B, H, N, D)."""
        codes, scales = quantizer.encode(rows.transpose(2, 3))
        return cls(tier, purpose, codes, scales, quantizer, rows.shape[2])

    def read(self, index: Tensor, dtype: torch.dtype) -> Tensor:
        """Dequantise everything and pick."""
        rows = self.quantizer.decode(self.codes, self.scales, self.tokens).transpose(2, 3)
        return take(rows, index).to(dtype)

    @property
    def moved_bytes_per_token(self) -> float:
        """Nothing crosses: the codes are on the device."""
        return 0.0


@dataclass
class LowRankKeys(Store):
    """Keys without positions as factors on the device: `left` (B, N, r) and `right` (B, r, H * D); ShadowKV, 3.1."""

    left: Tensor
    right: Tensor
    starts: Tensor
    heads: int
    size: int
    rope: Rope

    @classmethod
    def of(cls, prompt: Prompt, rank: int) -> LowRankKeys:
        """Factor the prompt's keys by a singular value decomposition in float32, truncated to `rank`."""
        left, weights, right = torch.linalg.svd(prompt.plain_keys, full_matrices=False)
        dtype = prompt.keys.dtype
        _, heads, _, size = prompt.keys.shape
        scaled = (left[..., :rank] * weights[..., None, :rank]).to(dtype).contiguous()
        return cls(
            "device", "keys", scaled, right[:, :rank].to(dtype).contiguous(), prompt.starts, heads, size, prompt.rope
        )

    def read(self, index: Tensor, dtype: torch.dtype) -> Tensor:
        """Rebuild the selected keys and put their positions on."""
        positions = positions_at(index, self.starts)
        turn = self.rope.turn(positions) if dtype == self.left.dtype else None
        if turn is not None:
            found = calls.low_rank_read(self.left, self.right, index, self.heads, turn)
            if found is not None:
                return found
        left = take_shared(self.left, index)
        batch, rank = self.right.shape[:2]
        right = self.right.view(batch, rank, self.heads, self.size).transpose(1, 2)
        # A product of bfloat16 is summed up in float32 and rounded once, and some processors have instructions for it.
        keys = left @ right if left.dtype == torch.bfloat16 == dtype else (left.float() @ right.float()).to(dtype)
        return self.rope.rotate(keys, positions)

    def chained(self, dtype: torch.dtype) -> bool:
        """Products are a kernel's, which knows the usual rotary positions."""
        return self.left.is_cpu and self.left.dtype == dtype and self.rope.halves is not None

    @property
    def moved_bytes_per_token(self) -> float:
        """Nothing crosses: the factors are on the device."""
        return 0.0


def positions_at(places: Tensor, starts: Tensor) -> Tensor:
    """Return the rotary positions of places (B, H, S) in sequences whose first tokens stand at `starts` (B,)."""
    found = calls.place(places, starts)
    if found is not None:
        return found
    return (places - starts.view(-1, 1, 1)).clamp(min=0)
