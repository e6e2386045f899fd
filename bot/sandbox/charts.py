"""Native charts (`data_visualization`) as inline SVG, with a legend, and with the same figures as a table for ears."""

import math
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from bot.sandbox.records import Json

WIDTH, HEIGHT = 600.0, 260.0
TOP, RIGHT, BOTTOM = 12.0, 10.0, 26.0
AXIS_LABEL = 18.0
CHARACTER = 6.3
TICKS = 5
STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
WIDEST_BAR = 44.0
PIE = 220.0
MILLION, LONGEST_PLAIN = 1_000_000, 100_000
# A line far above zero is drawn without the empty space below it.
FLAT = 0.5
# Values that differ by less than this part of their size are drawn as one.
LEAST_SPREAD = 1e-6
SWATCH = Markup('<svg class="swatch" aria-hidden="true"><rect width="12" height="12" rx="3" class="fill c{}"/></svg>')


def figure(title: str, chart: Json) -> Markup:
    """Draw a chart: its picture, a legend, and the table that a screen reader finds."""
    drawn = CHARTS[chart["type"]](chart)
    return Markup('<figure class="chart"><figcaption>{}</figcaption><div class="as-{}">{}{}</div>{}</figure>').format(
        title, chart["type"], _svg(drawn, title, chart), _legend(chart), _table(title, chart)
    )


def number(value: float) -> str:
    """Write a number as it stands on an axis: `1,200`, `−4.5`, `2.1M`."""
    if abs(value) >= MILLION:
        return f"{number(round(value / MILLION, 2))}M"
    if abs(value) >= LONGEST_PLAIN:
        return f"{number(round(value / 1_000, 1))}k"
    words = f"{abs(value):,.2f}".rstrip("0").rstrip(".")
    return f"−{words}" if value < 0 and words != "0" else words


# --- the axes --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Axis:
    """The vertical axis: its ticks at even steps, and where a value stands."""

    ticks: list[float]
    top: float
    bottom: float

    def y(self, value: float) -> float:
        low, high = self.ticks[0], self.ticks[-1]
        return round(self.bottom - (value - low) / (high - low) * (self.bottom - self.top), 1)

    @property
    def zero(self) -> float:
        return self.y(min(max(0.0, self.ticks[0]), self.ticks[-1]))


def ticks(values: Sequence[float], *, from_zero: bool) -> list[float]:
    """Choose about five round numbers that span the values."""
    low, high = min(values), max(values)
    near = from_zero or low <= 0 <= high or high - low > FLAT * max(abs(low), abs(high))
    if near:
        low, high = min(low, 0.0), max(high, 0.0)
    size = max(abs(low), abs(high))
    if high - low < max(size * LEAST_SPREAD, sys.float_info.min):
        low, high = low - max(1.0, size * LEAST_SPREAD), high + max(1.0, size * LEAST_SPREAD)
    step = _step((high - low) / TICKS)
    first, last = math.floor(low / step), math.ceil(high / step)
    # Twelve digits are more than anybody reads, and fewer than a float is sure of.
    return [float(f"{step * one:.12g}") for one in range(first, last + 1)]


def _step(rough: float) -> float:
    power = 10.0 ** math.floor(math.log10(rough))
    return next(step * power for step in STEPS if step * power >= rough * 0.999)


@dataclass(frozen=True)
class Plot:
    """The space between the axes, divided evenly among the categories."""

    chart: Json
    axis: Axis
    left: float

    @property
    def categories(self) -> list[str]:
        return list(self.chart["axis_config"]["categories"])

    @property
    def series(self) -> list[Json]:
        return list(self.chart["series"])

    @property
    def slot(self) -> float:
        return (WIDTH - RIGHT - self.left) / len(self.categories)

    def middle(self, index: int) -> float:
        return round(self.left + (index + 0.5) * self.slot, 1)

    def values(self, one: Json) -> list[float]:
        """Put a series' values into the order of the categories."""
        by_label = {point["label"]: float(point["value"]) for point in one["data"]}
        return [by_label[label] for label in self.categories]


def _plot(chart: Json) -> Plot:
    values = [float(point["value"]) for one in chart["series"] for point in one["data"]]
    steps = ticks(values, from_zero=chart["type"] != "line")
    widest = max(len(number(tick)) for tick in steps) * CHARACTER
    config = chart["axis_config"]
    bottom = HEIGHT - BOTTOM - (AXIS_LABEL if config.get("x_label") else 0)
    return Plot(chart, Axis(steps, TOP, bottom), widest + 12 + (AXIS_LABEL if config.get("y_label") else 0))


def _frame(plot: Plot) -> Markup:
    """Draw the lines and words around a plot."""
    axis, parts = plot.axis, []
    for tick in axis.ticks:
        y = axis.y(tick)
        parts += [
            _tag("line", cls="zero" if tick == 0 else "grid", x1=plot.left, x2=WIDTH - RIGHT, y1=y, y2=y),
            _tag("text", number(tick), cls="end", x=plot.left - 6, y=y + 4),
        ]
    parts += [_tag("text", label, cls="mid", x=plot.middle(index), y=axis.bottom + 18) for index, label in _shown(plot)]
    return Markup().join([*parts, *_axis_labels(plot)])


def _shown(plot: Plot) -> list[tuple[int, str]]:
    """Choose the categories whose names have room: all of them, or one in so many."""
    longest = max(len(label) for label in plot.categories) * CHARACTER + 8
    every = max(1, math.ceil(longest / plot.slot))
    return [(index, label) for index, label in enumerate(plot.categories) if index % every == 0]


def _axis_labels(plot: Plot) -> list[Markup]:
    config, middle = plot.chart["axis_config"], (TOP + plot.axis.bottom) / 2
    across, up = config.get("x_label"), config.get("y_label")
    turned = f"rotate(-90 12 {middle})"
    return [
        *([_tag("text", across, cls="mid", x=(plot.left + WIDTH - RIGHT) / 2, y=HEIGHT - 4)] if across else []),
        *([_tag("text", up, cls="mid", x=12.0, y=middle, transform=turned)] if up else []),
    ]


# --- the kinds -------------------------------------------------------------------------------------------------------


def _bars(chart: Json) -> Markup:
    plot = _plot(chart)
    many = len(plot.series)
    width = min(WIDEST_BAR, plot.slot * 0.76 / many)
    drawn = [_frame(plot)]
    for place, one in enumerate(plot.series):
        for index, value in enumerate(plot.values(one)):
            x = plot.middle(index) - width * many / 2 + place * width
            y, zero = plot.axis.y(value), plot.axis.zero
            title = _title(plot.categories[index], one["name"], value)
            box = {"x": x, "y": min(y, zero), "width": max(width - 1, 1), "height": max(abs(y - zero), 0.5)}
            drawn.append(_tag("rect", title, cls=f"fill c{place + 1}", rx=1.5, **box))
    return Markup().join(drawn)


def _lines(chart: Json) -> Markup:
    plot = _plot(chart)
    return Markup().join([_frame(plot), *(_line(plot, place, one) for place, one in enumerate(plot.series))])


def _line(plot: Plot, place: int, one: Json) -> Markup:
    values = plot.values(one)
    spots = [(plot.middle(index), plot.axis.y(value)) for index, value in enumerate(values)]
    dots = [
        _tag("circle", _title(label, one["name"], value), cls=f"fill c{place + 1}", cx=x, cy=y, r=3.0)
        for label, value, (x, y) in zip(plot.categories, values, spots, strict=True)
    ]
    path = _tag("polyline", cls=f"line c{place + 1}", points=_points(spots))
    return Markup().join([*_below(plot, place, spots), path, *dots])


def _below(plot: Plot, place: int, spots: list[tuple[float, float]]) -> list[Markup]:
    """Fill what an area chart fills."""
    if plot.chart["type"] != "area":
        return []
    closed = [(spots[0][0], plot.axis.zero), *spots, (spots[-1][0], plot.axis.zero)]
    return [_tag("polygon", cls=f"area c{place + 1}", points=_points(closed))]


def _points(spots: list[tuple[float, float]]) -> str:
    return " ".join(f"{x:g},{y:g}" for x, y in spots)


def _pie(chart: Json) -> Markup:
    total = sum(float(one["value"]) for one in chart["segments"])
    drawn, at = [], 0.0
    for place, one in enumerate(chart["segments"]):
        share = float(one["value"]) / total
        title = Markup("<title>{}: {} ({})</title>").format(one["label"], number(one["value"]), percent(share))
        drawn.append(_slice(at, share, f"fill c{place + 1}", title))
        at += share
    return Markup().join(drawn)


def _slice(at: float, share: float, cls: str, title: Markup) -> Markup:
    middle, radius = PIE / 2, PIE / 2 - 4
    if share > 1 - 1e-9:
        return _tag("circle", title, cls=cls, cx=middle, cy=middle, r=radius)
    (x1, y1), (x2, y2) = (_around(middle, radius, turn) for turn in (at, at + share))
    large = int(share > FLAT)
    path = f"M{middle:g} {middle:g}L{x1:g} {y1:g}A{radius:g} {radius:g} 0 {large} 1 {x2:g} {y2:g}Z"
    return _tag("path", title, cls=f"{cls} slice", d=path)


def _around(middle: float, radius: float, turn: float) -> tuple[float, float]:
    """Return the place on the circle after this part of a turn, clockwise from the top."""
    angle = 2 * math.pi * turn
    return round(middle + radius * math.sin(angle), 2), round(middle - radius * math.cos(angle), 2)


def percent(share: float) -> str:
    return f"{share:.1%}" if share < 0.1 else f"{share:.0%}"  # noqa: PLR2004  Small shares need the decimal.


CHARTS: Mapping[str, Callable[[Json], Markup]] = {"pie": _pie, "bar": _bars, "line": _lines, "area": _lines}


# --- around the picture ----------------------------------------------------------------------------------------------


def _svg(drawn: Markup, title: str, chart: Json) -> Markup:
    width, height = (PIE, PIE) if chart["type"] == "pie" else (WIDTH, HEIGHT)
    words = f"{chart['type'].capitalize()} chart: {title}"
    return Markup('<svg viewBox="0 0 {:g} {:g}" role="img" aria-label="{}">{}</svg>').format(
        width, height, words, drawn
    )


def _legend(chart: Json) -> Markup:
    """Name the colours where there are several; a pie's legend has the figures as well: they stand nowhere else."""
    if chart["type"] != "pie":
        named = [(one["name"], "") for one in chart["series"]]
        return _list(named) if len(named) > 1 else Markup()
    total = sum(float(one["value"]) for one in chart["segments"])
    return _list(
        [
            (one["label"], f"{number(one['value'])} · {percent(float(one['value']) / total)}")
            for one in chart["segments"]
        ]
    )


def _list(named: list[tuple[str, str]]) -> Markup:
    items = [
        Markup('<li>{}<span>{}</span> <span class="quiet">{}</span></li>').format(SWATCH.format(place), name, figures)
        for place, (name, figures) in enumerate(named, start=1)
    ]
    return Markup('<ul class="legend" aria-hidden="true">{}</ul>').format(Markup().join(items))


def _table(title: str, chart: Json) -> Markup:
    if chart["type"] == "pie":
        head, rows = ["", "Value"], [[one["label"], number(one["value"])] for one in chart["segments"]]
    else:
        plot = _plot(chart)
        columns = [plot.values(one) for one in plot.series]
        head = ["", *(one["name"] for one in plot.series)]
        rows = [[label, *(number(column[index]) for column in columns)] for index, label in enumerate(plot.categories)]
    return Markup('<table class="unseen"><caption>{}</caption>{}{}</table>').format(
        title, _row("th", head), Markup().join(_row("td", row) for row in rows)
    )


def _row(tag: str, cells: list[str]) -> Markup:
    drawn = Markup().join(Markup("<{0}>{1}</{0}>").format(tag, cell) for cell in cells)
    return Markup("<tr>{}</tr>").format(drawn)


def _title(category: str, name: str, value: float) -> Markup:
    return Markup("<title>{}, {}: {}</title>").format(category, name, number(value))


def _tag(name: str, content: Any = "", *, cls: str, **attributes: Any) -> Markup:
    """Write an element; numbers are written short."""
    written = {"class": cls, **attributes}
    drawn = Markup().join(
        Markup(' {}="{}"').format(key, f"{value:.1f}" if isinstance(value, float) else value)
        for key, value in written.items()
    )
    return Markup("<{0}{1}>{2}</{0}>").format(Markup(name), drawn, content)  # noqa: S704  Names are ours.
