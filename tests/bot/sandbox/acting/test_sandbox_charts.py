"""Native charts as inline SVG."""

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.sandbox import charts

HOSTILE = "<i>&\"'"


def series(name: str, **values: float) -> dict[str, Any]:
    return {"name": name, "data": [{"label": label, "value": value} for label, value in values.items()]}


def chart(kind: str, *all_series: dict[str, Any]) -> dict[str, Any]:
    labels = [point["label"] for point in all_series[0]["data"]]
    return {"type": kind, "series": list(all_series), "axis_config": {"categories": labels, "y_label": "USD"}}


def test_bars_stand_on_the_line_of_zero_and_say_what_they_are() -> None:
    html = charts.figure("MRR", chart("bar", series("Week", Mon=100, Tue=-50)))
    boxes = [
        (float(y), float(height)) for y, height in re.findall(r'y="([\d.]+)" width="[\d.]+" height="([\d.]+)"', html)
    ]
    zero = boxes[0][0] + boxes[0][1]
    assert boxes[1][0] == pytest.approx(zero, abs=0.2)
    assert boxes[0][1] == pytest.approx(2 * boxes[1][1], abs=0.3)
    assert "<title>Tue, Week: −50</title>" in html
    assert 'aria-label="Bar chart: MRR"' in html


def test_the_points_follow_the_order_of_the_categories() -> None:
    drawn = chart("line", series("A", Mon=1, Tue=3))
    drawn["series"][0]["data"].reverse()
    html = charts.figure("MRR", drawn)
    assert html.index("Mon, A: 1") < html.index("Tue, A: 3")


def test_a_screen_reader_finds_the_figures_in_a_table() -> None:
    html = charts.figure("MRR", chart("area", series("A", Mon=1200), series("B", Mon=3)))
    assert "<tr><th></th><th>A</th><th>B</th></tr><tr><td>Mon</td><td>1,200</td><td>3</td></tr>" in html


def test_a_legend_tells_several_series_apart_and_one_needs_none() -> None:
    one, other = series("A", Mon=1), series("B", Mon=2)
    assert "legend" not in charts.figure("MRR", chart("bar", one))
    assert charts.figure("MRR", chart("bar", one, other)).count("<li>") == 2


def test_a_pie_tells_the_shares_in_its_legend() -> None:
    pie = {"type": "pie", "segments": [{"label": "Scale", "value": 3}, {"label": "Team", "value": 1}]}
    html = charts.figure("Plans", pie)
    assert 'Scale</span> <span class="quiet">3 · 75%</span>' in html
    assert html.count('class="fill c1 slice"') == 1


def test_a_pie_of_one_is_a_circle() -> None:
    html = charts.figure("Plans", {"type": "pie", "segments": [{"label": "All", "value": 3}]})
    assert '<circle class="fill c1"' in html


def test_words_are_escaped() -> None:
    html = charts.figure(HOSTILE, chart("bar", series(HOSTILE, **{HOSTILE: 1})))
    assert "<i>" not in html


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0, "0"), (-0.0, "0"), (1200, "1,200"), (-4.5, "−4.5"), (0.126, "0.13"), (152_480, "152.5k"),
        (2_100_000, "2.1M"), (-1_000_000, "−1M"),
    ],
)  # fmt: skip
def test_numbers_are_written_for_people(value: float, words: str) -> None:
    assert charts.number(value) == words


@pytest.mark.parametrize(
    ("values", "from_zero", "ticks"),
    [
        ([0, 100], True, [0, 20, 40, 60, 80, 100]),
        ([-50, 100], True, [-50, 0, 50, 100]),
        ([148_170, 152_480], False, [148_000, 149_000, 150_000, 151_000, 152_000, 153_000]),
        ([148_170, 152_480], True, [0, 50_000, 100_000, 150_000, 200_000]),
        ([0, 0], True, [-1, -0.5, 0, 0.5, 1]),
    ],
)
def test_ticks_are_round_numbers_that_span_the_values(values: list[float], from_zero: bool, ticks: list[float]) -> None:
    assert charts.ticks(values, from_zero=from_zero) == pytest.approx(ticks)


@given(
    st.sampled_from(["bar", "line", "area"]),
    st.lists(st.floats(-1e15, 1e15, allow_nan=False), min_size=1, max_size=20),
)
@settings(deadline=None)
def test_any_numbers_can_be_drawn(kind: str, values: list[float]) -> None:
    html = charts.figure("Any", chart(kind, series("A", **{f"c{index}": value for index, value in enumerate(values)})))
    assert "nan" not in html
    assert "inf" not in html
