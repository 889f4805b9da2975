"""HIGGS vector quantisation (arXiv 2411.17525), as YAKV (arXiv 2604.08426) uses it for keys and values.

A group of g channels is scaled to norm 1, turned by a Hadamard transform into coordinates of unit variance that look
normal, and cut into d-tuples, each replaced by the nearest of n grid points: log2(n) / d bits a channel, plus one
16-bit scale for each group.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from torch import Tensor

from text2json.baselines.kernels import calls
from text2json.baselines.kernels.calls import Coded, Turn
from text2json.baselines.kernels.library import serves
from text2json.baselines.quantizers.build_grids import FILE, GRIDS, nearest
from text2json.baselines.quantizers.quantizer import Quantizer
from text2json.errors import SpecError


@cache
def grid(d: int, n: int) -> Tensor:
    """Return the shipped grid (n, d)."""
    with np.load(FILE) as grids:
        points: Tensor = torch.from_numpy(grids[f"{d}x{n}"])
        return points


@cache
def hadamard(size: int) -> Tensor:
    """Return the orthonormal Hadamard matrix (size, size); size is a power of two (Sylvester 1867)."""
    matrix = torch.ones(1, 1)
    while len(matrix) < size:
        matrix = torch.cat([torch.cat([matrix, matrix], 1), torch.cat([matrix, -matrix], 1)])
    unit: Tensor = matrix / size**0.5
    return unit


@cache
def random_signs(seed: int, size: int) -> Tensor:
    """Return (size,) random signs."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 2, (size,), generator=generator).float() * 2 - 1


def group_size(channels: int, wanted: int = 0) -> int:
    """Return `wanted`, or with 0 the smallest power of two that holds all channels, at most 1024."""
    whole = 1 << (channels - 1).bit_length()
    return min(wanted or 1024, whole)


@dataclass(frozen=True)
class Higgs(Quantizer):
    """Quantises the last dimension.

    The paper turns by a *random* Hadamard transform; the published code of arXiv 2604.08426 has no random signs. On
    keys they make little difference; a constant vector needs them.

    Args:
        d: tuple size, one of the shipped grids'.
        n: grid points, at most 256.
        group: channels that share a scale; a power of two. Channels are padded with zeros to a multiple of it.
        signs: seed of the random signs that channels get before they are turned; None for none.
    """

    d: int
    n: int
    group: int
    signs: int | None = None

    def __post_init__(self) -> None:
        if (self.d, self.n) not in GRIDS:
            shipped = ", ".join(f"({d}, {n})" for d, n in GRIDS)
            raise SpecError(f"no HIGGS grid ({self.d}, {self.n})", remedy=f"the shipped grids are {shipped}")
        if self.group < self.d or self.group & (self.group - 1):
            raise SpecError(f"a HIGGS group of {self.group} channels cannot be turned", remedy="give a power of two")

    def rotate(self, x: Tensor) -> Tensor:
        """Return x (..., c) padded, grouped and turned: (..., groups, group), orthonormally."""
        pad = -x.shape[-1] % self.group
        padded = torch.nn.functional.pad(x.float(), (0, pad))
        grouped: Tensor = padded.unflatten(-1, (-1, self.group))
        if self.signs is not None:
            grouped = grouped * random_signs(self.signs, self.group).to(x.device)
        return grouped @ hadamard(self.group).to(x.device)

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return codes (..., padded c / d) as bytes and scales (..., groups) as float16.

        A scale is the group's norm divided by the square root of its size, so that coordinates have unit variance.
        """
        turned = self.rotate(x)
        scale = (turned.norm(dim=-1) / self.group**0.5).half()
        unit = turned / scale.float().clamp(min=1e-12).unsqueeze(-1)
        tuples = unit.reshape(-1, self.d)
        points = grid(self.d, self.n).to(x.device)
        codes = calls.nearest(tuples, points)
        if codes is None:
            codes = torch.cat([nearest(part, points).to(torch.uint8) for part in tuples.split(1 << 18)])
        return codes.view(*x.shape[:-1], -1), scale

    def nbytes(self, channels: int) -> int:
        """Return a byte for each tuple of the padded groups and two for each group's scale."""
        groups = -(-channels // self.group)
        return groups * (self.group // self.d + 2)

    def turned(self, codes: Tensor, scales: Tensor) -> Tensor:
        """Return what the codes stand for, still turned: (..., groups, group) in float32."""
        points = grid(self.d, self.n).to(codes.device)
        coordinates = points.index_select(0, codes.reshape(-1).int()).view(*scales.shape, self.group)
        return coordinates * scales.float().unsqueeze(-1)

    def scores(self, codes: Tensor, scales: Tensor, query: Tensor) -> Tensor:
        """Return q·k (B, H, G, N) in float32 for query (B, H, G, D) and codes (B, N, bytes) of all heads side by side.

        Scores are taken in the turned space: the query is turned once, and keys are never turned back.
        """
        found = self._compiled_scores(codes, scales, query)
        if found is not None:
            return found
        batch, heads, group, size = query.shape
        spread = query.new_zeros(batch, heads, group, heads, size, dtype=torch.float32)
        places = torch.arange(heads, device=query.device)
        spread[:, places, :, places] = query.float().transpose(0, 1)
        turned = self.rotate(spread.flatten(3)).flatten(3)
        keys = self.turned(codes, scales).flatten(2)
        return (turned.flatten(1, 2) @ keys.transpose(1, 2)).view(batch, heads, group, -1)

    def _compiled_scores(self, codes: Tensor, scales: Tensor, query: Tensor) -> Tensor | None:
        """Score by the kernel, which joins the blocks of a group itself and takes the query turned block by block.

        A Hadamard matrix is the product of a small one across blocks and one within them, so a head of any size that
        its largest power of two divides needs no turn beyond its own channels.
        """
        _, heads, _, size = query.shape
        block = min(size & -size, self.group)
        if block % 4 or not serves(codes, query):
            return None
        signs = None
        if self.signs is not None:
            signs = random_signs(self.signs, self.group).repeat(-(-heads * size // self.group))[: heads * size]
        turned = calls.turn_query(query, signs, block)
        if turned is None:
            return None
        return calls.higgs_scores(codes, scales, grid(self.d, self.n), turned, self.group, block)

    def compiled_read(
        self, codes: Tensor, scales: Tensor, index: Tensor, channels: int, dtype: torch.dtype, turn: Turn | None
    ) -> Tensor | None:
        """Read by the kernel; see `Quantizer.compiled_read`."""
        signs = None if self.signs is None else random_signs(self.signs, self.group)
        points = grid(self.d, self.n)
        return calls.higgs_read(
            codes, scales, points, index, size=channels, group=self.group, dtype=dtype, signs=signs, turn=turn
        )

    def coded(self, codes: Tensor, scales: Tensor) -> Coded:
        """Return rows (B, H, N, ..) for a kernel that adds them up without decoding each."""
        signs = None if self.signs is None else random_signs(self.signs, self.group)
        return Coded(codes.contiguous(), scales.contiguous(), grid(self.d, self.n), signs, self.group)

    def decode(self, codes: Tensor, scales: Tensor, channels: int) -> Tensor:
        """Return the vectors (..., channels) in float32."""
        vectors = self.turned(codes, scales) @ hadamard(self.group).to(codes.device)
        if self.signs is not None:
            vectors = vectors * random_signs(self.signs, self.group).to(codes.device)
        return vectors.flatten(-2)[..., :channels]
