"""Every kernel against the plain torch path or a definition, in every instruction set that this processor has."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from torch import Tensor

from tests.baselines.tiny import tiny
from text2json.baselines.attention import attend
from text2json.baselines.indexes import dots
from text2json.baselines.kernels import calls, library
from text2json.baselines.kernels.calls import Stretch
from text2json.baselines.quantizers.build_grids import GRIDS, nearest
from text2json.baselines.quantizers.higgs import Higgs, grid, hadamard
from text2json.baselines.rope import Rope
from text2json.baselines.rules import each_head, largest, mean, softmax_max

pytestmark = pytest.mark.skipif(library.library() is None, reason="the library is not built here")


@pytest.fixture(params=library.LEVELS, autouse=True)
def instructions(request: pytest.FixtureRequest) -> Iterator[str]:
    if library.LEVELS.index(request.param) > library.best():
        pytest.skip("this processor has no such instructions")
    with library.use(request.param):
        assert library.name() == request.param
        yield request.param


quick = settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
dtypes = st.sampled_from([torch.float32, torch.bfloat16])


def drawn(seed: int, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def same(kernel: Any, plain: Any, tolerance: float = 1e-5) -> None:
    torch.testing.assert_close(kernel, plain, rtol=tolerance, atol=tolerance)


@quick
@given(
    seed=st.integers(0, 10_000),
    points=st.sampled_from(GRIDS),
    heads=st.integers(1, 5),
    group=st.integers(1, 9),
    size=st.sampled_from([4, 8, 12, 16, 24, 32, 80, 96, 128]),
    scale_group=st.sampled_from([8, 16, 64, 128, 512]),
    tokens=st.integers(1, 40),
    signs=st.sampled_from([None, 3]),
)
def test_scores_of_codes_are_products_with_decoded_keys(
    seed: int,
    points: tuple[int, int],
    heads: int,
    group: int,
    size: int,
    scale_group: int,
    tokens: int,
    signs: int | None,
) -> None:
    quantizer = Higgs(*points, scale_group, signs)
    keys, query = drawn(seed, 2, tokens, heads * size), drawn(seed + 1, 2, heads, group, size)
    codes, scales = quantizer.encode(keys)
    decoded = quantizer.decode(codes, scales, heads * size).view(2, tokens, heads, size).transpose(1, 2)
    assert quantizer._compiled_scores(codes, scales, query) is not None
    same(quantizer.scores(codes, scales, query), query @ decoded.mT, 1e-4)
    with library.use("torch"):
        same(quantizer.scores(codes, scales, query), query @ decoded.mT, 1e-4)


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 10_000),
    shape=st.sampled_from([(8, 64, 512), (16, 64, 512), (8, 128, 1024), (4, 256, 1024), (2, 512, 1024)]),
    group=st.integers(1, 9),
    tokens=st.integers(1, 300),
    signs=st.sampled_from([None, 3]),
    size=st.sampled_from([1e-3, 1.0, 1e4]),
)
@example(seed=1, shape=(8, 128, 1024), group=4, tokens=273, signs=None, size=1.0)
@example(seed=2, shape=(16, 64, 512), group=4, tokens=300, signs=3, size=1.0)
@example(seed=3, shape=(2, 512, 1024), group=16, tokens=17, signs=None, size=1.0)
@example(seed=4, shape=(8, 128, 1024), group=3, tokens=15, signs=None, size=1.0)
def test_scores_of_codes_in_groups_of_several_heads(
    seed: int, shape: tuple[int, int, int], group: int, tokens: int, signs: int | None, size: float
) -> None:
    """The shapes that are scored in whole numbers where the processor can; as exact as in float32."""
    heads, channels, scale_group = shape
    quantizer = Higgs(4, 256, scale_group, signs)
    keys = drawn(seed, 2, tokens, heads * channels)
    query = drawn(seed + 1, 2, heads, group, channels) * size
    codes, scales = quantizer.encode(keys)
    decoded = quantizer.decode(codes, scales, heads * channels).view(2, tokens, heads, channels).transpose(1, 2)
    wanted = query.double() @ decoded.double().mT
    found = quantizer._compiled_scores(codes, scales, query)
    assert found is not None
    same(found.double() / wanted.std(), wanted / wanted.std())


def test_a_query_that_is_no_number_scores_no_number() -> None:
    quantizer = Higgs(4, 256, 512)
    codes, scales = quantizer.encode(drawn(1, 1, 20, 512))
    query = drawn(2, 1, 8, 2, 64)
    query[0, 3, 1, 5], query[0, 4, 0] = float("nan"), 0
    found = quantizer.scores(codes, scales, query)
    assert torch.equal(found.isnan().all(-1), found.isnan().any(-1))
    assert found.isnan().any(-1).nonzero().tolist() == [[0, 3, 1]]
    assert not found[0, 4, 0].any()


def test_the_grid_of_two_bits_is_a_lattice_and_others_are_not() -> None:
    found = calls.lattice_of(grid(4, 256))
    assert found is not None
    assert torch.equal(found[0].float().T * found[1], grid(4, 256))
    assert calls.lattice_of(grid(4, 256) + 0.01) is None
    assert calls.lattice_of(grid(8, 256)) is None


@quick
@given(
    seed=st.integers(0, 10_000),
    group=st.integers(1, 5),
    block=st.sampled_from([4, 8, 16, 32, 64, 128, 256]),
    blocks=st.integers(1, 3),
    signed=st.booleans(),
    dtype=dtypes,
)
def test_queries_are_turned_in_blocks(
    seed: int, group: int, block: int, blocks: int, signed: bool, dtype: torch.dtype
) -> None:
    query = drawn(seed, 2, 3, group, block * blocks).to(dtype)
    signs = drawn(seed + 1, 3, block * blocks).sign() if signed else None
    asked = query.float() if signs is None else query.float() * signs.unsqueeze(1)
    found = calls.turn_query(query, signs, block)
    assert found is not None
    same(found, (asked.unflatten(-1, (-1, block)) @ hadamard(block)).flatten(-2))


@quick
@given(
    seed=st.integers(0, 10_000),
    group=st.integers(1, 9),
    size=st.integers(1, 130),
    units=st.integers(1, 300),
    dtype=dtypes,
)
def test_scores_of_rows_are_products(seed: int, group: int, size: int, units: int, dtype: torch.dtype) -> None:
    query, rows = drawn(seed, 2, 3, group, size), drawn(seed + 1, 2, 3, units, size).to(dtype)
    first = calls.row_scores(query, rows)
    assert first is not None
    same(first.clone(), query @ rows.float().mT, 1e-4)
    same(dots(query, rows, add_to=first), 2 * query @ rows.float().mT, 1e-4)
    asked = query.to(dtype)
    for part, some in ((1, asked.clamp(min=0)), (-1, asked.clamp(max=0))):
        found = dots(asked, rows, part=part)
        same(found, some.float() @ rows.float().mT, 1e-4)
        with library.use("torch"):
            same(found, dots(asked, rows, part=part), 1e-4)


@quick
@given(
    seed=st.integers(0, 10_000),
    group=st.integers(1, 5),
    units=st.integers(1, 200),
    share=st.sampled_from([0.0, 0.3, 1.0]),
    spread=st.sampled_from([0.1, 3.0, 300.0]),
)
def test_ranking_is_the_maximum_of_softmaxes(seed: int, group: int, units: int, share: float, spread: float) -> None:
    scores = drawn(seed, 2, 2, group, units) * spread
    allowed = torch.rand(2, 2, units, generator=torch.Generator().manual_seed(seed)) < share
    found = softmax_max(scores, allowed, 0.7)
    assert torch.equal(found > float("-inf"), allowed)
    with library.use("torch"):
        same(found, softmax_max(scores, allowed, 0.7), 1e-5 * max(1, spread / 10))
    weights = (scores.double() * 0.7).masked_fill(~allowed.unsqueeze(2), float("-inf")).softmax(-1).amax(2)
    same(found[allowed].double().exp(), weights[allowed], 1e-5 * max(1, spread / 10))


@quick
@given(
    seed=st.integers(0, 10_000),
    group=st.integers(1, 6),
    units=st.integers(1, 100),
    rule=st.sampled_from([mean, each_head]),
)
def test_plain_ranking_is_a_mean_or_each_score(seed: int, group: int, units: int, rule: Any) -> None:
    scores = drawn(seed, 2, 3, group, units)
    allowed = drawn(seed + 1, 2, 3, units) > 0
    found = rule(scores, allowed, 0.3)
    with library.use("torch"):
        same(found, rule(scores, allowed, 0.3))


@quick
@given(seed=st.integers(0, 10_000), unit=st.integers(1, 9), most=st.integers(0, 12))
def test_units_are_spread_to_tokens_and_tokens_placed(seed: int, unit: int, most: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    units = torch.randint(0, 20, (2, 3, most), generator=generator)
    chosen, valid = (torch.rand(*shape, generator=generator) < 0.6 for shape in ((2, 3, most), (2, 20 * unit)))
    found = calls.spread_units(units, chosen, unit, valid)
    assert found is not None
    tokens = [[[u * unit + n for u in row for n in range(unit)] for row in rows] for rows in units.tolist()]
    assert found[0].tolist() == tokens
    known = [[[bool(c) and bool(valid[b, u * unit + n]) for u, c in zip(*pair, strict=True) for n in range(unit)]
              for pair in zip(units[b].tolist(), chosen[b].tolist(), strict=True)] for b in range(2)]  # fmt: skip
    assert found[1].tolist() == known
    positions = calls.place(found[0], torch.tensor([0, 7]))
    assert positions is not None
    assert torch.equal(positions, (found[0] - torch.tensor([0, 7]).view(2, 1, 1)).clamp(min=0))


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    values=st.lists(
        st.one_of(
            st.integers(-3, 3).map(float),
            st.floats(allow_nan=True, allow_infinity=True, width=32),
            st.floats(-1, 1, width=32),
        ),
        min_size=1,
        max_size=90,
    ),
    counts=st.tuples(st.integers(1, 100), st.integers(1, 100)),
)
def test_the_largest_are_those_of_a_stable_sort(values: list[float], counts: tuple[int, int]) -> None:
    """On every path: ties go to the first, what is minus infinity or no number is never taken."""
    row = torch.tensor(values)
    weights = torch.stack([row, row.flip(0)]).unsqueeze(1)
    most = min(max(counts), len(values))
    found = largest(weights, torch.tensor(counts), most)
    with library.use("torch"):
        plain = largest(weights, torch.tensor(counts), most)
    assert torch.equal(found[1], plain[1])
    assert torch.equal(found[0], plain[0])
    for b, count in enumerate(counts):
        numbers = weights[b, 0].tolist()
        real = [place for place, number in enumerate(numbers) if number > float("-inf")]
        wanted = sorted(sorted(real, key=lambda place: -numbers[place])[: min(count, most)])
        assert found[0][b, 0][found[1][b, 0]].tolist() == wanted


@pytest.mark.parametrize("kind", ["plain", "ties", "far apart"])
def test_the_largest_of_long_rows(kind: str) -> None:
    weights = drawn(1, 2, 3, 30_011)
    if kind == "ties":
        weights = (weights * 4).round() / 4
    if kind == "far apart":
        weights[:, :, 7::1000] *= 3e38
    counts = torch.tensor([937, 500])
    places, chosen = largest(weights, counts, 937)
    with library.use("torch"):
        plain_places, plain_chosen = largest(weights, counts, 937)
    assert torch.equal(places, plain_places)
    assert torch.equal(chosen, plain_chosen)
    order = weights[1, 2].sort(descending=True, stable=True).indices[:500].sort().values
    assert torch.equal(places[1, 2, :500], order)


@quick
@given(seed=st.integers(0, 10_000), length=st.integers(1, 60), most=st.integers(0, 60), unit=st.integers(1, 5))
def test_reuse_is_counted_as_sets_are(seed: int, length: int, most: int, unit: int) -> None:
    """Three steps, against sets of Python; what is not chosen stands at place 0, as a choice of places leaves it."""
    generator = torch.Generator().manual_seed(seed)
    marks, last = torch.zeros(2, 3, length, dtype=torch.uint8), torch.zeros(2, 3, 0, dtype=torch.long)
    before: list[set[int]] = [set() for _ in range(6)]
    for _ in range(3):
        count = min(most, length)
        places = torch.stack([torch.randperm(length, generator=generator)[:count] for _ in range(6)]).view(2, 3, count)
        chosen = torch.rand(2, 3, count, generator=generator) < 0.7
        places = places.masked_fill(~chosen, 0)
        tokens, of_units = (places * unit).repeat_interleave(unit, -1), chosen.repeat_interleave(unit, -1)
        tokens += torch.arange(unit).repeat(count)
        partly = of_units & (torch.rand(of_units.shape, generator=generator) < 0.8)
        partly[..., ::unit] = of_units[..., ::unit]
        counts = calls.mark(tokens, partly, last, marks, unit)
        now = [set(places.view(6, -1)[row][chosen.view(6, -1)[row]].tolist()) for row in range(6)]
        sizes = partly.unflatten(-1, (-1, unit)).sum(-1).view(6, -1).tolist() if count else [[]] * 6
        fresh = sum(size for row, size_of in enumerate(sizes)
                    for unit_at, size in zip(places.view(6, -1)[row].tolist(), size_of, strict=True)
                    if unit_at not in before[row])  # fmt: skip
        assert counts is not None
        assert counts[0].sum(0).tolist() == [int(partly.sum()), fresh]
        assert [set(row.nonzero().flatten().tolist()) for row in marks.view(6, -1)] == now
        last, before = counts[1], now
        assert torch.equal(last, places)


@quick
@given(
    seed=st.integers(0, 10_000),
    heads=st.integers(1, 3),
    group=st.integers(1, 6),
    size=st.sampled_from([4, 6, 16, 33, 64, 128]),
    lengths=st.tuples(st.integers(0, 70), st.integers(0, 5), st.integers(1, 9)),
    each=st.booleans(),
    fetched=st.booleans(),
    dtype=dtypes,
)
def test_attention_over_stretches(
    seed: int,
    heads: int,
    group: int,
    size: int,
    lengths: tuple[int, int, int],
    each: bool,
    fetched: bool,
    dtype: torch.dtype,
) -> None:
    generator = torch.Generator().manual_seed(seed)
    choosers, length = heads * group if each else heads, 90
    query = drawn(seed, 2, choosers, 1 if each else group, size).to(dtype)
    keys, values = (drawn(seed + n, 2, heads, length, size).to(dtype) for n in (1, 2))
    places = torch.randint(0, length, (2, choosers, lengths[0]), generator=generator)
    known = torch.rand(2, choosers, lengths[0], generator=generator) < 0.7
    resident = torch.rand(2, heads, lengths[1], generator=generator) < 0.5
    copied = drawn(seed + 3, 2, choosers, lengths[0], size).to(dtype)
    stretches = [
        Stretch(copied if fetched else keys, values, lengths[0], None if fetched else places, places, known),
        Stretch(keys, values, lengths[1], known=resident),
        Stretch(keys[:, :, 5:], values[:, :, 5:], lengths[2]),
    ]
    found = attend(query, size**-0.5, stretches)
    wide = [
        Stretch(s.keys.float(), s.values.float(), s.length, s.key_places, s.value_places, s.known)
        for s in stretches
        if isinstance(s.values, Tensor)
    ]
    with library.use("torch"):
        same(found.float(), attend(query.float(), size**-0.5, wide), 1e-5 if dtype == torch.float32 else 1e-2)


@quick
@given(
    seed=st.integers(0, 10_000),
    points=st.sampled_from(GRIDS),
    form=st.sampled_from([(8, 8), (20, 32), (33, 64), (64, 64), (96, 128), (128, 128), (6, 256)]),
    per_head=st.integers(1, 9),
    length=st.integers(1, 75),
    each=st.booleans(),
    signs=st.sampled_from([None, 7]),
    dtype=dtypes,
)
def test_attention_over_values_that_are_codes(
    seed: int,
    points: tuple[int, int],
    form: tuple[int, int],
    per_head: int,
    length: int,
    each: bool,
    signs: int | None,
    dtype: torch.dtype,
) -> None:
    """As over the rows that the codes stand for; and beside rows, whose attention is of the same weights."""
    (size, group), generator = form, torch.Generator().manual_seed(seed)
    quantizer, choosers = Higgs(*points, group, signs), 2 * per_head if each else 2
    query = drawn(seed, 2, choosers, 1 if each else per_head, size).to(dtype)
    keys, values = (drawn(seed + n, 2, 2, 90, size).to(dtype) for n in (1, 2))
    codes, scales = quantizer.encode(values)
    places = torch.randint(0, 90, (2, choosers, length), generator=generator)
    known = torch.rand(2, choosers, length, generator=generator) < 0.7
    coded, rows = quantizer.coded(codes, scales), quantizer.decode(codes, scales, size)
    found, wanted = (
        calls.attend(asked, size**-0.5, [
            Stretch(keys.to(asked.dtype), of_codes, length, places, places, known),
            Stretch(keys.to(asked.dtype), values.to(asked.dtype), 5),
        ])
        for asked, of_codes in ((query, coded), (query.float(), rows))
    )  # fmt: skip
    assert found is not None
    assert wanted is not None
    same(found.float(), wanted, 1e-5 if dtype == torch.float32 else 1e-2)


@quick
@given(
    seed=st.integers(0, 10_000),
    points=st.sampled_from(GRIDS),
    group=st.sampled_from([8, 16, 64, 128, 256]),
    size=st.integers(1, 140),
    signs=st.sampled_from([None, 7]),
)
def test_rows_come_back_from_codes(
    seed: int, points: tuple[int, int], group: int, size: int, signs: int | None
) -> None:
    quantizer = Higgs(*points, group, signs)
    codes, scales = quantizer.encode(drawn(seed, 2, 3, 50, size))
    index = torch.randint(0, 50, (2, 3, 20), generator=torch.Generator().manual_seed(seed))
    plain = quantizer.read(codes, scales, index, size)
    for dtype, tolerance in ((torch.float32, 1e-5), (torch.bfloat16, 1e-2)):
        found = quantizer.compiled_read(codes, scales, index, size, dtype, None)
        assert found is not None
        assert found.dtype == dtype
        same(found.float(), plain, tolerance)


@quick
@given(
    seed=st.integers(0, 10_000),
    heads=st.integers(1, 3),
    rank=st.integers(1, 70),
    rows=st.integers(1, 30),
    size=st.sampled_from([4, 6, 16, 32, 96, 128]),
    dtype=dtypes,
)
def test_rows_come_back_from_factors(
    seed: int, heads: int, rank: int, rows: int, size: int, dtype: torch.dtype
) -> None:
    left, right = drawn(seed, 2, 50, rank).to(dtype), drawn(seed + 1, 2, rank, heads * size).to(dtype)
    index = torch.randint(0, 50, (2, heads, rows), generator=torch.Generator().manual_seed(seed))
    whole = (left.float() @ right.float()).view(2, 50, heads, size).transpose(1, 2)
    wanted = whole.gather(2, index.unsqueeze(-1).expand(-1, -1, -1, size))
    found = calls.low_rank_read(left, right, index, heads, None)
    assert found is not None
    same(found.float(), wanted, 1e-4 if dtype == torch.float32 else 2e-2)
    rope = Rope.of(tiny(head_dim=size))
    positions = index + 1000 * seed % 50_000
    turned = calls.low_rank_read(left, right, index, heads, rope.turn(positions))
    assert turned is not None
    with library.use("torch"):
        same(turned.float(), rope.rotate(wanted, positions), 1e-4 if dtype == torch.float32 else 3e-2)


@pytest.mark.parametrize("scale", [1.0, 1e-6, 1e6])
def test_products_of_factors_are_as_exact_as_float32s(scale: float) -> None:
    left, right = drawn(1, 1, 700, 163) * scale, drawn(2, 1, 163, 3 * 96)
    left[:, :, ::7] *= 1e4
    index = torch.randint(0, 700, (1, 3, 600), generator=torch.Generator().manual_seed(3))
    whole = (left.double() @ right.double()).view(1, 700, 3, 96).transpose(1, 2)
    wanted = whole.gather(2, index.unsqueeze(-1).expand(-1, -1, -1, 96))
    found = calls.low_rank_read(left, right, index, 3, None)
    assert found is not None
    assert float((found - wanted).abs().max() / wanted.std()) < 1e-5


@quick
@given(seed=st.integers(0, 10_000), points=st.sampled_from(GRIDS), count=st.integers(1, 20_000))
def test_codes_are_those_of_the_nearest_points(seed: int, points: tuple[int, int], count: int) -> None:
    tuples, places = drawn(seed, count, points[0]), grid(*points)
    found = calls.nearest(tuples, places)
    assert found is not None
    plain = nearest(tuples, places)
    away, least = ((tuples - places[codes]).square().sum(1) for codes in (found.long(), plain))
    same(away, least)
    assert int((found.long() != plain).sum()) <= count // 5000


@pytest.mark.parametrize("family", ["llama", "llama-yarn", "qwen3"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_rotary_positions_are_the_models_own(family: str, dtype: torch.dtype) -> None:
    rope = Rope.of(tiny(family))
    assert rope.halves is not None
    rows = drawn(2, 2, 3, 40, 32).to(dtype)
    positions = torch.randint(0, 131_072, (2, 3, 40), generator=torch.Generator().manual_seed(3))
    found = rope.rotate(rows, positions)
    with library.use("torch"):
        same(found, rope.rotate(rows, positions), 2e-6 if dtype == torch.float32 else 1e-2)
        same(rope.rotate(rows, positions[:, 0]), Rope.of(tiny(family)).rotate(rows, positions[:, 0]))


def test_a_graph_or_another_number_format_is_left_to_torch() -> None:
    rows = drawn(1, 1, 1, 4, 8)
    assert calls.row_scores(rows, rows.half()) is None
    assert calls.row_scores(rows.requires_grad_(), rows) is None
    with torch.no_grad():
        assert calls.row_scores(rows, rows) is not None
