"""Integer, FP8 and NVFP4 against their definitions written out, and against their known errors."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from text2json.baselines.quantizers.fp8 import Fp8
from text2json.baselines.quantizers.higgs import Higgs
from text2json.baselines.quantizers.integer import WIDTHS, Integer
from text2json.baselines.quantizers.nvfp4 import Nvfp4
from text2json.baselines.quantizers.quantizer import Quantizer, pack, unpack
from text2json.errors import SpecError


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def relative_error(quantizer: Quantizer, x: Tensor) -> float:
    scale = quantizer.tensor_scale(x[None, None])
    top = torch.ones(()) if scale is None else scale[0, 0]
    back = quantizer.decode(*quantizer.encode(x / top), x.shape[-1]) * top
    return float((back - x).square().sum() / x.square().sum())


@given(st.sampled_from(WIDTHS), st.data())
def test_codes_come_back_from_their_bytes(bits: int, data: st.DataObject) -> None:
    codes = data.draw(st.lists(st.integers(0, 2**bits - 1), min_size=8, max_size=8))
    packed = pack(torch.tensor(codes), bits)
    assert packed.dtype == torch.uint8
    assert packed.shape == (bits,)
    assert unpack(packed, bits).tolist() == codes
    whole = sum(code << (bits * place) for place, code in enumerate(codes))  # little-endian, as one number
    assert whole.to_bytes(bits, "little") == bytes(packed.tolist())


@given(st.sampled_from(WIDTHS), st.integers(1, 70), st.integers(0, 1000))
def test_an_integer_is_the_nearest_of_equal_steps(bits: int, channels: int, seed: int) -> None:
    x = 5 * normal(3, channels, seed=seed) + 2
    quantizer = Integer(bits, 16)
    codes, scales = quantizer.encode(x)
    groups = -(-channels // 16)
    assert codes.nbytes == 3 * groups * 2 * bits
    assert scales.nbytes == 3 * groups * 4
    back = quantizer.decode(codes, scales, channels)
    for row in range(3):
        for channel in range(channels):
            group = channel // 16
            step, least = float(scales[row, group]), float(scales[row, groups + group])
            levels = [least + step * code for code in range(2**bits)]
            nearest = min(abs(level - float(x[row, channel])) for level in levels)
            assert abs(float(back[row, channel]) - float(x[row, channel])) == pytest.approx(nearest, abs=1e-4)


def test_integers_of_uniform_values_have_the_error_of_uniform_rounding() -> None:
    """Rounding to steps s = (63/65)/255 leaves s²/12, but nothing on the least and the greatest of 64 channels."""
    x = torch.rand(4000, 64, generator=torch.Generator().manual_seed(1))
    quantizer = Integer(8, 64)
    back = quantizer.decode(*quantizer.encode(x), 64)
    assert float((back - x).square().mean()) == pytest.approx((63 / 65 / 255) ** 2 / 12 * 62 / 64, rel=0.01)


def e4m3_values() -> list[float]:
    """Every non-negative E4M3 number from its bits: bias 7, exponent 0 subnormal, 0x7F is NaN."""
    return [
        (code & 7) / 8 * 2.0**-6 if code < 8 else (1 + (code & 7) / 8) * 2.0 ** ((code >> 3) - 7) for code in range(127)
    ]


@given(st.floats(-500, 500, width=32))
def test_fp8_is_the_nearest_e4m3_number(value: float) -> None:
    codes, scales = Fp8().encode(torch.tensor([[value]]))
    assert scales.nbytes == 0
    back = float(Fp8().decode(codes, scales, 1))
    nearest = min(abs(level - min(abs(value), 448.0)) for level in e4m3_values())
    assert abs(abs(back) - min(abs(value), 448.0)) == pytest.approx(nearest, rel=1e-6)
    assert back * value >= 0


def test_fp8_has_its_known_error() -> None:
    """METHODS: relative error 0.0007 on normal vectors of 1,024 channels."""
    assert relative_error(Fp8(), normal(2000, 1024)) == pytest.approx(0.0007, abs=0.00005)


def test_nvfp4_has_its_known_error_and_size() -> None:
    """METHODS: relative error 0.0090 at 4.5 bits on normal vectors of 1,024 channels."""
    x = normal(2000, 1024)
    assert relative_error(Nvfp4(), x) == pytest.approx(0.0090, abs=0.00009)
    codes, scales = Nvfp4().encode(x)
    assert 8 * (codes.nbytes + scales.nbytes) / x.numel() == 4.5


@given(st.integers(1, 40), st.integers(0, 1000))
def test_nvfp4_is_the_nearest_level_under_its_block_scale(channels: int, seed: int) -> None:
    x = normal(1, channels, seed=seed)
    codes, scales = Nvfp4().encode(x)
    back = Nvfp4().decode(codes, scales, channels)
    for channel in range(channels):
        code = int(scales[0, channel // 16])
        scale = e4m3_values()[code]
        block = x[0, 16 * (channel // 16) : 16 * (channel // 16) + 16]
        greatest = float(block.abs().max()) / 6
        assert abs(scale - greatest) == pytest.approx(min(abs(v - greatest) for v in e4m3_values()), abs=1e-7)
        value = abs(float(x[0, channel]))
        levels = (0, 0.5, 1, 1.5, 2, 3, 4, 6)
        assert abs(abs(float(back[0, channel])) - value) == pytest.approx(
            min(abs(scale * level - value) for level in levels), abs=1e-6
        )


@pytest.mark.parametrize("quantizer", [Integer(4, 32), Fp8(), Nvfp4(), Higgs(2, 256, 64, signs=0)])
def test_zeros_come_back_as_zeros_and_large_values_stay_finite(quantizer: Quantizer) -> None:
    zeros = torch.zeros(2, 64)
    assert torch.equal(quantizer.decode(*quantizer.encode(zeros), 64), zeros)
    assert bool(torch.isfinite(quantizer.decode(*quantizer.encode(3e4 * normal(2, 64)), 64)).all())


def test_seeded_signs_repeat_and_rescue_a_constant_vector() -> None:
    """METHODS: without signs a constant vector has 0.62 to 0.86 relative error, with signs that of the grid."""
    constant = torch.full((1, 1024), 3.0)
    assert relative_error(Higgs(4, 256, 1024), constant) > 0.5
    signed = [relative_error(Higgs(2, 256, 1024, signs=seed), constant) for seed in range(8)]
    assert sum(signed) / 8 < 0.012
    one, two = (Higgs(2, 256, 1024, signs=5).encode(normal(4, 1024))[0] for _ in range(2))
    assert torch.equal(one, two)
    assert not torch.equal(one, Higgs(2, 256, 1024, signs=6).encode(normal(4, 1024))[0])


@pytest.mark.parametrize(("d", "n", "error"), [(2, 16, 0.1077), (2, 64, 0.0297), (2, 256, 0.00776),
                                               (4, 16, 0.3415), (4, 256, 0.0966), (8, 256, 0.322)])  # fmt: skip
@pytest.mark.parametrize("signs", [None, 3])
def test_higgs_reaches_the_designs_error_within_a_hundredth(d: int, n: int, error: float, signs: int | None) -> None:
    """The whole path, packed codes and 16-bit scales included, on normal vectors of 1,024 channels."""
    assert relative_error(Higgs(d, n, 1024, signs), normal(400, 1024, seed=4)) == pytest.approx(error, rel=0.01)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Integer(3, 32), "does not pack"),
        (lambda: Integer(2, 3), "fills no whole bytes"),
        (lambda: Higgs(3, 256, 64), "no HIGGS grid"),
        (lambda: Higgs(2, 256, 96), "cannot be turned"),
    ],
)
def test_an_impossible_quantiser_is_an_error(make: type[Quantizer], said: str) -> None:
    with pytest.raises(SpecError, match=said):
        make()
