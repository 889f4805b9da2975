"""Is one run better than another on the same samples? A paired bootstrap and a paired permutation test.

The bootstrap (Efron 1979) draws samples again, both runs' answers to a sample together, and gives the interval of the
difference. The permutation test (Fisher 1935; approximate, as in Noreen 1989) swaps the two runs' answers to each
sample by a coin and asks how often the difference is as large as the one that was seen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from text2json.errors import DataError
from text2json.metrics.report import Report, SampleScore
from text2json.metrics.uncertainty import SEED, quotients, resampled

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

RESAMPLES = 10_000
_AT_ONCE = 1 << 22


@dataclass(frozen=True)
class Difference:
    """One figure in two runs.

    Args:
        figure: `records` and `fields` (micro F1), or `paper` (0 to 100).
        a, b: the figure in each run.
        difference: b - a.
        interval: its 95 % interval by the paired bootstrap.
        p: two-sided, by the paired permutation test; never below 1 / (resamples + 1).
    """

    figure: str
    a: float
    b: float
    difference: float
    interval: tuple[float, float]
    p: float


@dataclass(frozen=True)
class Changed:
    """A sample that the two runs answered differently: record and field F1 in both."""

    id: str
    records: tuple[float, float]
    fields: tuple[float, float]


@dataclass(frozen=True)
class Comparison:
    """The result; `str(comparison)` is what a person reads."""

    samples: int
    left_out: int
    """Samples that only one of the runs has an answer to."""
    differences: list[Difference]
    changed: list[Changed]
    """The samples that changed most, the largest change of record F1 first."""
    better: int
    worse: int
    resamples: int
    signature: str

    def to_dict(self) -> dict[str, Any]:
        """Return the comparison as plain values for JSON."""
        return asdict(self)

    def __str__(self) -> str:
        lines = [
            f"samples   {self.samples}" + (f" ({self.left_out} of one run only, left out)" if self.left_out else ""),
            f"B is better on {self.better}, worse on {self.worse}, by record F1",
            "",
            "                  A        B    B - A   95 % interval            p",
        ]
        for item in self.differences:
            low, high = item.interval
            told = f"{low:+.3f} to {high:+.3f}"
            lines.append(
                f"{item.figure:<11}{item.a:>8.3f} {item.b:>8.3f} {item.difference:>+8.3f}   {told:<22} {item.p:.4f}"
            )
        if self.changed:
            lines += ["", "changed most               record F1          field F1"]
            lines += [
                f"  {item.id:<24.24} {item.records[0]:.3f} to {item.records[1]:.3f}    "
                f"{item.fields[0]:.3f} to {item.fields[1]:.3f}"
                for item in self.changed
            ]
        lines += [
            "",
            f"{self.resamples:,} draws, seed {SEED}; p by swapping the runs' answers sample by sample",
            self.signature,
        ]
        return "\n".join(lines)


def compare(
    a: Report, b: Report, *, only_common: bool = False, most: int = 10, resamples: int = RESAMPLES, seed: int = SEED
) -> Comparison:
    """Compare two reports on the same data.

    Args:
        a: the one that is compared with.
        b: the one that is asked about.
        only_common: where the runs answered different samples, use those that both answered instead of refusing.
        most: how many changed samples are listed.
        resamples: draws of the bootstrap, and of the permutation test.
        seed: of both.

    Raises:
        DataError: the runs answered different samples, or were scored by different rules.
    """
    if a.signature != b.signature:
        raise DataError("the two runs were scored by different rules or on different data",
                        remedy="score both on the same data with the same options")  # fmt: skip
    ours, theirs = ({s.id: s for s in report.details if s.status != "missing"} for report in (a, b))
    apart = ours.keys() ^ theirs.keys()
    if apart and not only_common:
        raise DataError(
            f"the runs answered different samples: {len(ours)} and {len(theirs)}, {len(apart)} of one run only, "
            f"for example {min(apart)!r}",
            remedy="finish the shorter run, or compare what both answered with --only-common",
        )
    pairs = [(score, theirs[score.id]) for score in a.details if score.id in ours and score.id in theirs]
    if not pairs:
        raise DataError("the runs have no sample in common", remedy="compare runs on the same data")
    changed = [
        Changed(one.id, (one.records.f1, other.records.f1), (one.fields.f1, other.fields.f1))
        for one, other in pairs
        if (one.records, one.fields) != (other.records, other.fields)
    ]
    changed.sort(key=lambda c: (-abs(c.records[1] - c.records[0]), -abs(c.fields[1] - c.fields[0]), c.id))
    figures: dict[str, Callable[[SampleScore], tuple[float, float]]] = {
        "records": lambda s: (2 * s.records.right, s.records.predicted + s.records.gold),
        "fields": lambda s: (2 * s.fields.right, s.fields.predicted + s.fields.gold),
    }
    differences = [_difference(name, part, pairs, resamples, seed) for name, part in figures.items()]
    published = [pair for pair in pairs if all(s.paper is not None and s.paper.score is not None for s in pair)]
    if a.paper is not None and b.paper is not None and published:
        differences.append(_difference("paper", _paper, published, resamples, seed))
    return Comparison(
        samples=len(pairs),
        left_out=len(apart),
        differences=differences,
        changed=changed[:most],
        better=sum(other.records.f1 > one.records.f1 for one, other in pairs),
        worse=sum(other.records.f1 < one.records.f1 for one, other in pairs),
        resamples=resamples,
        signature=a.signature,
    )


def _paper(score: SampleScore) -> tuple[float, float]:
    return 100 * (score.paper.score if score.paper and score.paper.score else 0.0), 1.0


def _difference(
    name: str,
    figure: Callable[[SampleScore], tuple[float, float]],
    pairs: Sequence[tuple[SampleScore, SampleScore]],
    resamples: int,
    seed: int,
) -> Difference:
    import numpy as np

    ours, theirs = (np.array([figure(pair[side]) for pair in pairs], dtype=np.float64).T for side in (0, 1))
    seen = _apart(np.concatenate([ours, theirs]).sum(1, keepdims=True))[0]
    low, high = np.percentile(_apart(resampled(np.concatenate([ours, theirs]), resamples, seed)), [2.5, 97.5])
    swapped = _swapped(ours, theirs, resamples, seed)
    # A hair's breadth keeps a swap of equal answers from falling on the wrong side by rounding.
    extreme = int((np.abs(swapped) >= abs(seen) - 1e-12).sum())
    values = quotients(np.concatenate([ours, theirs]).sum(1, keepdims=True))[:, 0]
    return Difference(
        figure=name, a=float(values[0]), b=float(values[1]), difference=float(seen),
        interval=(float(low), float(high)), p=(extreme + 1) / (resamples + 1),
    )  # fmt: skip


def _apart(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    both = quotients(sums)
    difference: NDArray[np.float64] = both[1] - both[0]
    return difference


def _swapped(ours: NDArray[np.float64], theirs: NDArray[np.float64], resamples: int, seed: int) -> NDArray[np.float64]:
    """Return (resamples,) the difference after the two runs' answers to each sample were swapped by a coin."""
    import numpy as np

    rng = np.random.default_rng(seed)
    count = ours.shape[1]
    step = max(1, _AT_ONCE // count)
    found = []
    for start in range(0, resamples, step):
        coins = rng.integers(0, 2, (min(step, resamples - start), count)).astype(np.float64)
        moved = (theirs - ours) @ coins.T
        found.append(_apart(np.concatenate([ours.sum(1)[:, None] + moved, theirs.sum(1)[:, None] - moved])))
    return np.concatenate(found)
