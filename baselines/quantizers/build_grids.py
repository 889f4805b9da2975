"""Compute the HIGGS grids: `python -m text2json.baselines.quantizers.build_grids`.

A grid (d, n) is the set of n points that quantises the d-dimensional standard normal with the least squared error.
Lloyd's iteration (1982) on fresh samples at each step: assign every sample to its nearest point, move each point to
the mean of its samples; the last steps average over a growing window, as the grids of the HIGGS paper
(arXiv 2411.17525) are made by a damped form of the same iteration.

The grid of 2 bits is put on a lattice at the end, which costs a thousandth of its error: its points are multiples of
1/16 below 4, so that kernels can look them up as bytes, join them in pairs, and sum products exactly in whole numbers.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

FILE = Path(__file__).with_name("grids.npz")
LATTICES = {(4, 256): 1 / 16}
"""Grid → the step that its points are rounded to."""
GRIDS = ((2, 16), (2, 64), (2, 256), (4, 16), (4, 256), (8, 256))


def nearest(points: Tensor, grid: Tensor) -> Tensor:
    """Return for each of `points` (m, d) the place of the nearest point of `grid` (n, d)."""
    return (2 * points @ grid.T - (grid * grid).sum(1)).argmax(1)


def lloyd(d: int, n: int, *, steps: int, samples: int, seed: int) -> Tensor:
    """Return a grid (n, d)."""
    generator = torch.Generator().manual_seed(seed)
    grid = torch.randn(n, d, generator=generator)
    for step in range(steps):
        points = torch.randn(samples, d, generator=generator)
        places = nearest(points, grid)
        sums = torch.zeros(n, d).index_add_(0, places, points)
        counts = torch.bincount(places, minlength=n).unsqueeze(1)
        means = torch.where(counts > 0, sums / counts.clamp(min=1), torch.randn(n, d, generator=generator))
        share = 1.0 if step < steps // 2 else 1 / (2 + step - steps // 2)
        grid = grid + share * (means - grid) if share < 1 else means
    return grid


def error(grid: Tensor, *, samples: int, seed: int) -> float:
    """Return the mean squared error per dimension on fresh samples."""
    points = torch.randn(samples, grid.shape[1], generator=torch.Generator().manual_seed(seed))
    return float(((points - grid[nearest(points, grid)]) ** 2).mean())


def main() -> None:
    """Compute all grids and write them beside this file."""
    parser = argparse.ArgumentParser(description="Compute the HIGGS grids.")
    parser.add_argument("--steps", type=int, default=160)
    parser.add_argument("--samples", type=int, default=300_000)
    args = parser.parse_args()
    grids = {}
    for d, n in GRIDS:
        grid = lloyd(d, n, steps=args.steps, samples=args.samples, seed=1000 * d + n)
        if (d, n) in LATTICES:
            grid = (grid / LATTICES[d, n]).round() * LATTICES[d, n]
        grids[f"{d}x{n}"] = grid.numpy().astype(np.float32)
        print(f"({d}, {n}) {error(grid, samples=1_000_000, seed=7):.5f}", flush=True)  # noqa: T201
    np.savez_compressed(FILE, **grids)  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
