"""The picture of a reader's training: `python -m text2json.baselines.readers.curves DIR/log.jsonl picture.png`."""

from __future__ import annotations

import argparse
import itertools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from text2json.errors import DataError, told_in_a_line

Line = dict[str, Any]
SMOOTH = 10
"""Lines of the log that a drawn value is the mean of; one batch alone says little."""


def draw(log: Sequence[Line], picture: Path, title: str) -> None:
    """Draw loss, and the shares of held-out tokens and answers that are right, over training tokens."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.2, 5.4), dpi=160, layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True)
    above.plot(*smooth(log, "loss"), color="#0072B2", label="loss on training documents")
    above.plot(*smooth(log, "held_out_loss"), color="#D55E00", linestyle="--", label="loss on held-out documents")
    above.set_yscale("log")
    above.set_ylabel("nats per answer token")
    below.plot(*smooth(log, "held_out_tokens"), color="#009E73", label="held-out answer tokens right")
    below.plot(*smooth(log, "held_out_answers"), color="#000000", linestyle="--", label="held-out answers right")
    below.set_ylim(-0.02, 1.02)
    below.set_ylabel("share")
    below.set_xlabel("million tokens")
    for name, lines in itertools.groupby(log, key=lambda line: line["stage"]):
        start = next(lines)["tokens"] / 1e6
        for axes in (above, below):
            axes.axvline(start, color="#bbbbbb", linewidth=0.8)
        above.text(start, 1.02, f" {name}", transform=above.get_xaxis_transform(), fontsize=6, rotation=18)
    for axes in (above, below):
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False, fontsize=8)
    figure.suptitle(title)
    figure.savefig(picture)


def smooth(log: Sequence[Line], key: str) -> tuple[list[float], list[float]]:
    """Return million tokens, and the running mean of the figure `key`, where the log has it."""
    found = [(line["tokens"] / 1e6, line[key]) for line in log if key in line]
    recent = [found[max(0, place - SMOOTH + 1) : place + 1] for place in range(len(found))]
    return [tokens for tokens, _ in found], [sum(value for _, value in window) / len(window) for window in recent]


def read_log(path: Path) -> list[Line]:
    """Return the lines of a training's log.

    Raises:
        DataError: there is none, or a line is no JSON.
    """
    try:
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    except FileNotFoundError:
        raise DataError("no such log", file=path, remedy="give the log.jsonl of a training") from None
    except json.JSONDecodeError as error:
        raise DataError(f"no log of a training: {error}", file=path, remedy="give its log.jsonl") from None


def main() -> None:
    """Parse the command line and draw."""
    parser = argparse.ArgumentParser(description="Draw a reader's training.")
    parser.add_argument("log", type=Path)
    parser.add_argument("picture", type=Path)
    args = parser.parse_args()
    with told_in_a_line():
        draw(read_log(args.log), args.picture, title=f"Training of {args.picture.stem}")


if __name__ == "__main__":
    main()
