from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure

from text2json.sweeps.declaration import Picture, Sweep
from text2json.sweeps.pictures import COLOURS, DRAWERS, bars, decomposed, draw, frontier, lines, points, wrap


def row(label: str, score: float, **more: Any) -> dict[str, Any]:
    return {
        "label": label, "name": label, "data": "demo", "part": "whole", "baseline": label == "full",
        "metric": "record F1", "score": score, "score_low": score - 0.1, "score_high": score + 0.1,
        "device_bytes_per_token": 100.0, "moved_share": 0.0, **more,
    }  # fmt: skip


@given(places=st.lists(st.tuples(st.integers(1, 20), st.integers(0, 20)), min_size=1, max_size=30))
def test_the_frontier_is_what_nothing_at_most_as_dear_beats(places: list[tuple[int, int]]) -> None:
    wanted = {p for p in places if not any(q != p and q[0] <= p[0] and q[1] >= p[1] for q in places)}
    assert frontier([(float(a), float(b)) for a, b in places]) == sorted(wanted)


def test_a_line_goes_through_every_point_of_its_series_in_order() -> None:
    figure = Figure()
    table = [
        row("full", 0.9),
        *(row("means", 0.1 * chunk, chunk=chunk, bits=bits) for bits in (2, 16) for chunk in (8, 1)),
    ]
    words = lines(figure, Picture(kind="lines", x="chunk", series="bits"), table)
    axes = figure.axes[0]
    drawn = [container[0] for container in axes.containers]
    assert [list(line.get_ydata()) for line in drawn] == [[0.1, 0.8], [0.1, 0.8]]
    assert list(drawn[0].get_xdata()) == pytest.approx([1, 8], rel=0.02)
    assert len({(line.get_color(), line.get_marker(), line.get_linestyle()) for line in drawn}) == 2
    assert axes.get_ylabel() == "record F1"
    assert axes.get_xscale() == "log"
    assert "bits per channel: 16" in words


def test_points_without_bytes_are_told_where_an_axis_of_logarithms_has_no_room() -> None:
    figure = Figure()
    table = [row("full", 0.9), row("yakv", 0.8, moved_share=0.05), row("oracle", 0.7, moved_share=0.1)]
    points(figure, Picture(kind="points", x="moved_share"), table)
    assert len(figure.axes[0].containers) == 2
    assert "none: full" in figure.axes[0].get_xlabel()


def test_bars_stand_side_by_side_for_each_data_set() -> None:
    figure = Figure()
    table = [row(name, 0.5, data=data) for name in ("full", "yakv", "oracle") for data in ("a", "b")]
    bars(figure, Picture(kind="bars"), table)
    patches: list[Any] = list(figure.axes[0].patches)
    boxes = sorted((patch.get_x(), patch.get_x() + patch.get_width()) for patch in patches)
    assert len(boxes) == 6
    assert all(left[1] <= right[0] for left, right in pairwise(boxes))


def test_stacked_causes_end_where_the_whole_loss_is() -> None:
    figure = Figure()
    costs = {"budget": 0.2, "selection": 0.3, "stores": -0.1, "together": 0.05, "both": 0.45}
    apart = [{"name": "s", "label": "s", "metric": "record F1", "cause": cause, "cost": cost, "cost_low": cost - 0.1,
              "cost_high": cost + 0.1} for cause, cost in costs.items()]  # fmt: skip
    decomposed(figure, Picture(kind="decomposition"), apart)
    patches: list[Any] = list(figure.axes[0].patches)
    assert [patch.get_y() for patch in patches] == pytest.approx([0, 0.2, 0, 0.5])
    assert [patch.get_height() for patch in patches] == pytest.approx([0.2, 0.3, -0.1, 0.05])
    assert sum(patch.get_height() for patch in patches) == pytest.approx(costs["both"])


def test_every_kind_has_its_drawer_and_colours_differ_in_grey() -> None:
    assert set(DRAWERS) == set(Picture.model_fields["kind"].annotation.__args__)  # type: ignore[union-attr]
    grey = [sum(w * int(c[i : i + 2], 16) for w, i in ((0.299, 1), (0.587, 3), (0.114, 5))) for c in COLOURS[:3]]
    assert len(set(COLOURS)) == len(COLOURS)
    assert max(grey) > min(grey)


def test_files_are_the_same_bytes_each_time(tmp_path: Path) -> None:
    sweep = Sweep.model_validate({"title": "t", "models": ["m"], "data": ["d"], "strategies": ["full"],
                                  "pictures": [{"kind": "points", "title": "Score / bytes"}]})  # fmt: skip
    table = [row("full", 0.9), row("yakv", 0.8, device_bytes_per_token=10.0)]
    for name in ("a", "b"):
        drawn = draw(sweep, table, [], tmp_path / name)
        assert list(drawn) == ["Score / bytes"]
    for kind in ("svg", "png"):
        one, two = (tmp_path / name / f"1-score-bytes.{kind}" for name in ("a", "b"))
        assert one.read_bytes() == two.read_bytes()


def test_long_names_are_wrapped() -> None:
    assert wrap("landmarks, chunk 8", 12) == "landmarks,\nchunk 8"
