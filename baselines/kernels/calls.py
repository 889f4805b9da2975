"""The kernels as functions of tensors; each returns None where it cannot serve, and its caller goes the plain way."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from text2json.baselines.kernels.library import (
    KINDS,
    at,
    call,
    chain,
    half,
    numbers,
    pointers,
    room,
    serves,
    structure,
    threads,
)
from text2json.baselines.quantizers.build_grids import LATTICES

TILE = 8
"""Tokens that are scored together; jobs.h says so too."""
CODED = 32
"""Rows of codes that are looked up together; jobs.h says so too."""
SPARE = 64
"""Rows more than asked for that the memory of an attention has room for; see `Replay`."""
HiggsScoresJob = structure(
    "HiggsScoresJob",
    **pointers("codes", "scales", "grid", "query", "scores", "scratch", "points", "digits", "steps"),
    step=ctypes.c_double,
    **numbers("batch", "tokens", "heads", "per_head", "size", "d", "group", "groups", "block"),
)
TurnQueryJob = structure(
    "TurnQueryJob",
    **pointers("query", "signs", "turned"),
    **numbers("rows", "heads", "per_head", "size", "block", "half"),
)
RowScoresJob = structure(
    "RowScoresJob",
    **pointers("rows", "query", "scores", "scratch"),
    **numbers("planes", "units", "per_head", "size", "half", "query_half", "part", "add"),
)
SoftmaxMaxJob = structure(
    "SoftmaxMaxJob",
    **pointers("scores", "allowed", "weights"),
    scaling=ctypes.c_double,
    **numbers("planes", "units", "per_head"),
)
PlainRankJob = structure(
    "PlainRankJob",
    **pointers("scores", "allowed", "weights"),
    scaling=ctypes.c_double,
    **numbers("rows", "units", "per_row", "rows_per_head"),
)
SpreadUnitsJob = structure(
    "SpreadUnitsJob",
    **pointers("places", "chosen", "valid", "tokens", "known"),
    **numbers("rows", "most", "unit", "length", "rows_per_batch"),
)
PlaceJob = structure(
    "PlaceJob", **pointers("places", "starts", "positions"), **numbers("rows", "many", "rows_per_batch")
)
PickJob = structure(
    "PickJob",
    **pointers("weights", "counts", "places", "chosen", "scratch"),
    **numbers("rows", "units", "most", "rows_per_count"),
)
MarkJob = structure(
    "MarkJob",
    **pointers("places", "chosen", "last", "kept", "marks", "counts"),
    **numbers("rows", "most", "unit", "last_most", "units"),
)
SegmentJob = structure(
    "SegmentJob",
    **pointers("keys", "values", "codes", "scales", "grid", "signs", "key_at", "value_at", "known"),
    **numbers("length", "key_heads", "key_rows", "value_heads", "value_rows", "known_heads", "group", "d"),
)
AttendJob = structure(
    "AttendJob",
    **pointers("query", "out", "scratch"),
    scaling=ctypes.c_double,
    **numbers("scratch_size", "batch", "choosers", "per_chooser", "size", "half", "segments"),
    segment=SegmentJob * 3,
)
HiggsReadJob = structure(
    "HiggsReadJob",
    **pointers("codes", "scales", "grid", "signs", "at", "out", "scratch", "positions", "frequencies"),
    amplitude=ctypes.c_double,
    **numbers("rows", "rows_per_plane", "tokens", "size", "d", "group", "groups", "width", "half"),
)
LowRankReadJob = structure(
    "LowRankReadJob",
    **pointers("left", "right", "at", "out", "scratch", "positions", "frequencies"),
    amplitude=ctypes.c_double,
    **numbers("scratch_size", "planes", "heads", "rows_per_plane", "tokens", "size", "rank", "width", "half"),
)
RotateJob = structure(
    "RotateJob",
    **pointers("rows", "positions", "frequencies", "out"),
    amplitude=ctypes.c_double,
    **numbers("rows_", "size", "width", "half_in", "half_out"),
)
NearestJob = structure("NearestJob", **pointers("tuples", "grid", "codes"), **numbers("tuples_", "points", "d"))


def higgs_scores(codes: Tensor, scales: Tensor, grid: Tensor, query: Tensor, group: int, block: int) -> Tensor | None:
    """Return q·k (B, H, G, N) in float32 for keys as HIGGS codes.

    Args:
        codes: (B, N, C / d) of all heads side by side.
        scales: (B, N, groups) in float16.
        grid: (n, d).
        query: (B, H, G, D) in float32, turned in blocks.
        group: channels that share a scale.
        block: channels of a block; it divides D and the group.
    """
    d = grid.shape[1]
    if not serves(codes, scales, query) or d not in (2, 4, 8) or block % 4 or group % d:
        return None
    codes, scales, query = codes.contiguous(), scales.contiguous(), query.contiguous()
    batch, heads, per_head, size = query.shape
    scores = room(batch, heads, per_head, codes.shape[1])
    groups = scales.shape[2]
    whole: tuple[Tensor | None, ...] = None, None, None
    floats, step = groups * (group * TILE * 5 // 4 + TILE), 1.0
    lattice = lattice_of(grid) if tiled(heads, size, group, block) else None
    if lattice is not None:
        points, step = lattice
        columns = -(-3 * per_head * (group // size // 2) // 16) * 16
        floats = max(floats, group * 16 + 16 * columns + 64)
        digits = room(batch * groups * group * columns, dtype=torch.uint8)
        whole = points, digits, room(batch, heads, per_head)
    scratch = room(threads(), floats)
    pointed = (codes, scales, grid, query, scores, scratch, *whole)
    shape = (batch, codes.shape[1], heads, per_head, size, d, group, groups, block)
    job = HiggsScoresJob(*map(at, pointed), step, *shape)
    if lattice is None:
        call("higgs_scores", job)
    else:
        with chain():
            call("higgs_digits", job)
            call("higgs_scores", job)
    return scores


def tiled(heads: int, size: int, group: int, block: int) -> bool:
    """Tell whether groups hold several whole heads, and enough channels for whole numbers on tiles."""
    return block == size and group % size == 0 and 64 <= size < group >= 512 and heads % (group // size) == 0


@cache
def lattice_of(grid: Tensor) -> tuple[Tensor, float] | None:
    """Return a grid of 256 points as whole steps (4, 256) and the step, if two points joined still fit a byte."""
    step = LATTICES.get((grid.shape[1], grid.shape[0]), 1.0)
    steps = grid / step
    if grid.shape != (256, 4) or not bool((steps == steps.round()).all()) or float(steps.abs().max()) > 63:
        return None
    return steps.T.to(torch.int8).contiguous(), step


def turn_query(query: Tensor, signs: Tensor | None, block: int) -> Tensor | None:
    """Return the query (B, H, G, D) in float32, times signs (H, D), turned in blocks by an orthonormal transform."""
    if not serves(query) or query.shape[3] % block:
        return None
    query = read_as(query)
    batch, heads, per_head, size = query.shape
    turned = room(*query.shape)
    shape = batch * heads * per_head, heads, per_head, size, block, KINDS[query.dtype]
    call("turn_query", TurnQueryJob(at(query), at(signs), at(turned), *shape))
    return turned


def read_as(query: Tensor) -> Tensor:
    """Return a query in a number format that kernels read, its values side by side."""
    return (query if query.dtype in KINDS else query.float()).contiguous()


def row_scores(query: Tensor, rows: Tensor, *, add_to: Tensor | None = None, part: int = 0) -> Tensor | None:
    """Return q·rows (B, H, G, U) in float32 for query (B, H, G, D) and rows (B, H, U, D), added to what is given.

    Of the query, the positive channels count where `part` is 1, and the negative ones where it is -1.
    """
    kind = half(rows)
    if kind is None or not serves(query, rows):
        return None
    rows, query = rows.contiguous(), read_as(query)
    batch, heads, per_head, size = query.shape
    scores = room(batch, heads, per_head, rows.shape[2]) if add_to is None else add_to
    scratch = room(threads(), per_head * size)
    shape = batch * heads, rows.shape[2], per_head, size, kind, KINDS[query.dtype], part, int(add_to is not None)
    call("row_scores", RowScoresJob(*map(at, (rows, query, scores, scratch)), *shape))
    return scores


def softmax_max(scores: Tensor, allowed: Tensor, scaling: float) -> Tensor | None:
    """Return the logarithm of the largest softmax weight over the group (B, H, U) for scores (B, H, G, U)."""
    if scores.dtype != torch.float32 or not serves(scores, allowed):
        return None
    scores, allowed = scores.contiguous(), allowed.contiguous()
    batch, heads, per_head, units = scores.shape
    weights = room(batch, heads, units)
    job = SoftmaxMaxJob(at(scores), at(allowed), at(weights), scaling, batch * heads, units, per_head)
    call("softmax_max", job)
    return weights


def plain_rank(scores: Tensor, allowed: Tensor, scaling: float, *, each: bool) -> Tensor | None:
    """Return the mean over the group (B, H, U) of scores (B, H, G, U), or (B, H * G, U) each score, times a factor."""
    if scores.dtype != torch.float32 or not serves(scores, allowed):
        return None
    scores, allowed = scores.contiguous(), allowed.contiguous()
    batch, heads, per_head, units = scores.shape
    choosers, per_row = (heads * per_head, 1) if each else (heads, per_head)
    weights = room(batch, choosers, units)
    shape = batch * choosers, units, per_row, choosers // heads
    call("plain_rank", PlainRankJob(at(scores), at(allowed), at(weights), scaling, *shape))
    return weights


def spread_units(units: Tensor, chosen: Tensor, unit: int, valid: Tensor) -> tuple[Tensor, Tensor] | None:
    """Return the tokens (B, C, S * unit) of units (B, C, S), and which count: those of chosen units that are valid."""
    if not serves(units, chosen, valid):
        return None
    units, chosen, valid = units.contiguous(), chosen.contiguous(), valid.contiguous()
    batch, choosers, most = units.shape
    tokens = room(batch, choosers, most * unit, dtype=torch.int64)
    known = room(batch, choosers, most * unit, dtype=torch.bool)
    shape = batch * choosers, most, unit, valid.shape[1], choosers
    call("spread_units", SpreadUnitsJob(*map(at, (units, chosen, valid, tokens, known)), *shape))
    return tokens, known


def place(places: Tensor, starts: Tensor) -> Tensor | None:
    """Return the positions of places (B, H, S) in sequences that begin at `starts` (B,); 0 before that."""
    if places.dtype != torch.int64 or starts.dtype != torch.int64 or not serves(places, starts):
        return None
    places, starts = places.contiguous(), starts.contiguous()
    batch, heads, many = places.shape
    positions = room(*places.shape, dtype=torch.int64)
    call("place", PlaceJob(*map(at, (places, starts, positions)), batch * heads, many, heads))
    return positions


def pick(weights: Tensor, counts: Tensor, most: int) -> tuple[Tensor, Tensor] | None:
    """Return places (B, H, most) of the largest of weights (B, H, U), ascending, and which of them count.

    Args:
        weights: minus infinity for what may not be picked.
        counts: (B,) how many to pick.
        most: the largest of them.
    """
    if weights.dtype != torch.float32 or not serves(weights):
        return None
    weights = weights.contiguous()
    batch, heads, units = weights.shape
    counts = counts.to(torch.int64).contiguous()
    places = room(batch, heads, most, dtype=torch.int64)
    chosen = room(batch, heads, most, dtype=torch.bool)
    scratch = room(threads(), 3 * (units + 16))
    job = PickJob(*map(at, (weights, counts, places, chosen, scratch)), batch * heads, units, most, heads)
    call("pick", job)
    return places, chosen


def mark(places: Tensor, chosen: Tensor, last: Tensor, marks: Tensor, unit: int = 1) -> tuple[Tensor, Tensor] | None:
    """Count (rows, 2) the chosen places and those of them that are not marked yet, then mark them in place of the last.

    Returns the counts, and the marked units as the next call's `last`: the same tensor where it has their shape.

    Args:
        places: (B, C, S * unit) in int64; a unit's follow one another from a multiple of `unit`.
        chosen: which of them count.
        last: (B, C, L) the units that were marked, and perhaps others.
        marks: (B, C, N) bytes, 1 where a unit is marked.
        unit: places in a unit.
    """
    if not serves(places, chosen, last, marks):
        return None
    places, chosen, last = places.contiguous(), chosen.contiguous(), last.contiguous()
    rows, most = places.shape[0] * places.shape[1], places.shape[2] // unit
    counts = room(rows, 2, dtype=torch.int64)
    kept = last if last.shape[2] == most else places.new_empty(*places.shape[:2], most)
    pointed = map(at, (places, chosen, last, kept, marks, counts))
    call("mark", MarkJob(*pointed, rows, most, unit, last.shape[2], marks.shape[2]))
    return counts, kept


@dataclass(frozen=True)
class Coded:
    """Values as HIGGS codes (B, H, N, group / d) and scales (B, H, N, 1), of which only a sum is turned back."""

    codes: Tensor
    scales: Tensor
    grid: Tensor
    signs: Tensor | None
    group: int

    @property
    def shape(self) -> torch.Size:
        """(B, H, N, ..)."""
        return self.codes.shape


@dataclass(frozen=True)
class Stretch:
    """Keys and values of a step: rows (B, H, N, D), which of them (B, C, S), and which of those count (B, C or H, S).

    Without places the first `length` rows are meant; `rows` may have room for more. Values that are codes have places.
    """

    keys: Tensor
    values: Tensor | Coded
    length: int
    key_places: Tensor | None = None
    value_places: Tensor | None = None
    known: Tensor | None = None

    def tensors(self) -> tuple[Tensor | None, ...]:
        """Return all tensors."""
        values = self.values.codes if isinstance(self.values, Coded) else self.values
        return self.keys, values, self.key_places, self.value_places, self.known

    def rows(self) -> Iterator[Tensor]:
        """Yield keys, and values where they are rows."""
        yield self.keys
        if isinstance(self.values, Tensor):
            yield self.values


def rows_of(rows: Tensor) -> Tensor:
    """Return rows (B, H, N, D) such that each head's lie one after the other, evenly spaced: a copy only if need be."""
    return rows if even(rows) else rows.contiguous()


def even(rows: Tensor) -> bool:
    """Tell whether the rows (B, H, N, D) of each head lie one after the other, and the heads evenly spaced."""
    batch, heads, length, size = rows.shape
    whole, plane, row, channel = rows.stride()
    lie = channel == 1 and row == size and plane % size == 0 and plane >= length * size
    return lie and (batch == 1 or whole == heads * plane)


def attend(query: Tensor, scaling: float, stretches: list[Stretch]) -> Tensor | None:
    """Attend from query (B, C, G, D) over all stretches; C are kv-heads, or query heads that choose for themselves."""
    kind = half(query)
    tensors = [tensor for stretch in stretches for tensor in stretch.tensors()]
    if kind is None or not serves(query, *tensors):
        return None
    if any(half(rows) != kind for stretch in stretches for rows in stretch.rows()):
        return None
    query = query.contiguous()
    batch, choosers, per_chooser, size = query.shape
    parts, alive = [], []
    for stretch in stretches:
        if stretch.length == 0:
            continue
        keys, values = rows_of(stretch.keys), stretch.values
        values = values if isinstance(values, Coded) else rows_of(values)
        places = [None if given is None else given.contiguous()
                  for given in (stretch.key_places, stretch.value_places, stretch.known)]  # fmt: skip
        known_heads = 1 if stretch.known is None else stretch.known.shape[1]
        alive.append((keys, values, places))
        shape = (stretch.length, keys.shape[1], spacing(keys), *heads_and_rows(values), known_heads, *form_of(values))
        parts.append(SegmentJob(at(keys), *at_values(values), *map(at, places), *shape))
    out = torch.empty_like(query)
    total = sum(stretch.length for stretch in stretches)
    floats = per_chooser * (total + SPARE + 2 * size)
    floats += (per_chooser + CODED) * max((part.group for part in parts), default=0)
    scratch = room(threads(), floats)
    told = (floats, batch, choosers, per_chooser, size, kind, len(parts))
    call("attend", AttendJob(at(query), at(out), at(scratch), scaling, *told, (SegmentJob * 3)(*parts)))
    return out


def at_values(values: Tensor | Coded) -> tuple[int | None, ...]:
    """Return where rows begin, or else codes, scales, grid and signs."""
    if isinstance(values, Coded):
        return None, at(values.codes), at(values.scales), at(values.grid), at(values.signs)
    return at(values), None, None, None, None


def heads_and_rows(values: Tensor | Coded) -> tuple[int, int]:
    """Return how many heads values have, and how many rows lie between the first rows of two heads."""
    return values.shape[1], values.shape[2] if isinstance(values, Coded) else spacing(values)


def form_of(values: Tensor | Coded) -> tuple[int, int]:
    """Return the channels that a row of codes stands for, and those of a code; zeros for rows."""
    return (values.group, values.grid.shape[1]) if isinstance(values, Coded) else (0, 0)


def spacing(rows: Tensor) -> int:
    """Return how many rows lie between the first rows of two heads."""
    return rows.stride(1) // rows.shape[3]


@dataclass(frozen=True)
class Turn:
    """Rotary positions (B, H, S) to put on rows, as channel c and c + width / 2 turn by position times frequency c."""

    positions: Tensor
    frequencies: Tensor
    amplitude: float

    @property
    def told(self) -> tuple[int | None, int | None, float]:
        """What a job is told."""
        return at(self.positions), at(self.frequencies), self.amplitude


NO_TURN: tuple[None, None, float] = (None, None, 1.0)


def higgs_read(
    codes: Tensor,
    scales: Tensor,
    grid: Tensor,
    index: Tensor,
    *,
    size: int,
    group: int,
    dtype: torch.dtype = torch.float32,
    signs: Tensor | None = None,
    turn: Turn | None = None,
) -> Tensor | None:
    """Return rows (B, H, S, D) that codes (B, H, N, bytes) and scales (B, H, N, groups) hold at index (B, H, S)."""
    d, kind = grid.shape[1], KINDS.get(dtype)
    if kind is None or d not in (2, 4, 8) or not serves(codes, scales, index):
        return None
    codes, scales, index = codes.contiguous(), scales.contiguous(), index.contiguous()
    out = room(*index.shape, size, dtype=dtype)
    scratch = room(threads(), 4 * scales.shape[3] * group)
    width = 0 if turn is None else 2 * len(turn.frequencies)
    shape = (index.numel(), index.shape[2], codes.shape[2], size, d, group, scales.shape[3], width, kind)
    pointed = map(at, (codes, scales, grid, signs, index, out, scratch))
    call("higgs_read", HiggsReadJob(*pointed, *(NO_TURN if turn is None else turn.told), *shape))
    return out


def low_rank_read(left: Tensor, right: Tensor, index: Tensor, heads: int, turn: Turn | None) -> Tensor | None:
    """Return rows (B, H, S, D) of left (B, N, r) times right (B, r, H * D) at index (B, H, S), in their dtype."""
    kind = KINDS.get(left.dtype)
    if kind is None or left.dtype != right.dtype or not serves(left, right, index):
        return None
    left, right, index = left.contiguous(), right.contiguous(), index.contiguous()
    batch, rank, channels = right.shape
    size = channels // heads
    out = room(*index.shape, size, dtype=left.dtype)
    depth, parts = -(-rank // 32) * 32, 1 if kind else 3
    floats = max(4 * (rank + size) + rank * size, parts * depth * (size // 2 + 16) + 32 * size)
    scratch = room(threads(), floats)
    width = 0 if turn is None else 2 * len(turn.frequencies)
    shape = (floats, batch * heads, heads, index.shape[2], left.shape[1], size, rank, width, kind)
    pointed = map(at, (left, right, index, out, scratch))
    call("low_rank_read", LowRankReadJob(*pointed, *(NO_TURN if turn is None else turn.told), *shape))
    return out


def rotate(rows: Tensor, positions: Tensor, frequencies: Tensor, amplitude: float, dtype: torch.dtype) -> Tensor | None:
    """Put positions (..., S) on rows (..., S, D): channel c and c + width / 2 turn by position times frequency c."""
    out = torch.empty(rows.shape, dtype=dtype)
    kinds = half(rows), half(out)
    if None in kinds or not serves(rows, positions, frequencies):
        return None
    rows, positions = rows.contiguous(), positions.to(torch.int64).contiguous()
    job = RotateJob(at(rows), at(positions), at(frequencies), at(out), amplitude, positions.numel(), rows.shape[-1],
                    2 * len(frequencies), *kinds)  # fmt: skip
    call("rotate", job)
    return out


def nearest(tuples: Tensor, grid: Tensor) -> Tensor | None:
    """Return the place (m,) of the nearest point of grid (n, d) for tuples (m, d), as bytes."""
    if tuples.dtype != torch.float32 or grid.shape[1] not in (2, 4, 8) or not serves(tuples):
        return None
    tuples, grid = tuples.contiguous(), grid.contiguous()
    codes = torch.empty(len(tuples), dtype=torch.uint8)
    call("nearest", NearestJob(at(tuples), at(grid), at(codes), *tuples.shape[:1], *grid.shape))
    return codes
