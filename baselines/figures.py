"""From the measurements of a run's batches to the figures in its `run.json`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from text2json.schemas.run import Measurement, Quantiles, RunFigures


def figures(measurements: Sequence[Measurement]) -> RunFigures:
    """Sum up a run; bytes are means over batches, weighted by prompt tokens."""
    weights = [measurement.prompt_tokens for measurement in measurements]

    def mean(name: str) -> float:
        return float(np.average([getattr(measurement, name) for measurement in measurements], weights=weights))

    first = [measurement.seconds_to_first_token for measurement in measurements]
    sealing = [measurement.step_seconds[0] for measurement in measurements if measurement.step_seconds]
    steps = [step for measurement in measurements for step in measurement.step_seconds]
    later = [step for measurement in measurements for step in measurement.step_seconds[1:]]
    output_tokens = sum(measurement.output_tokens for measurement in measurements)
    gpu = [measurement.peak_gpu_bytes for measurement in measurements if measurement.peak_gpu_bytes is not None]
    return RunFigures(
        device_bytes_per_token=mean("device_bytes_per_token"),
        host_bytes_per_token=mean("host_bytes_per_token"),
        moved_bytes_per_step=mean("moved_bytes_per_step"),
        moved_bytes_per_step_with_reuse=mean("moved_bytes_per_step_with_reuse"),
        prompt_tokens=sum(weights),
        output_tokens=output_tokens,
        seconds_to_first_token=quantiles(first),
        seconds_of_first_step=quantiles(sealing or [0.0]),
        seconds_per_token=quantiles(later or steps or [0.0]),
        output_tokens_per_second=output_tokens / (sum(first) + sum(steps)),
        peak_rss_bytes=max(measurement.peak_rss_bytes for measurement in measurements),
        peak_gpu_bytes=max(gpu, default=None),
    )


def quantiles(values: Sequence[float]) -> Quantiles:
    """Return the median and the 95th percentile."""
    p50, p95 = np.percentile(values, [50, 95])
    return Quantiles(p50=round(float(p50), 6), p95=round(float(p95), 6))
