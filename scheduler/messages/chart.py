"""Charts as SVG: the same drawing stands in a page and, made into a PNG, in a preview.

Colours are attributes, which a page's style sheet overrides, so that a chart follows the page into the dark.
"""

from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape, quoteattr

from models.fact import MovementKind
from models.movement import KindSum
from scheduler.messages import money
from scheduler.messages.movement import KINDS

WIDTH, ROW, BAR = 640, 34, 18
VALUES_END, BARS_START = 262, 282
"""Kinds stand at the left, their amounts end at one line, and the bars have the rest."""

INK, QUIET, PAPER, ACCENT, LINE = "#1c211f", "#5a625e", "#ffffff", "#12684f", "#dfe2de"
FONT = "Liberation Sans, Arial, sans-serif"
LARGE, MIDDLE, SMALL = 26, 18, 15
MARGIN = 32


def svg(inside: Sequence[str], *, height: int, label: str, width: int = WIDTH) -> str:
    """Put a drawing together; `label` is what a screen reader says."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="chart" role="img" aria-label={quoteattr(label)} '
        f'viewBox="0 0 {width} {height}" width="{width}" height="{height}" font-family="{FONT}">{"".join(inside)}</svg>'
    )


def card(drawn: Sequence[str], *, height: int, label: str, width: int = WIDTH + 2 * MARGIN) -> str:
    """Put a drawing on paper, so that it can be read on Slack's dark background too."""
    paper = f'<rect width="{width}" height="{height}" fill="{PAPER}"/>'
    return svg([paper, *drawn], width=width, height=height, label=label)


def stock(fact: str, fix: str) -> str:
    """Draw two sentences where a picture was."""
    middle = WIDTH / 2 + MARGIN
    lines = [
        text(fact, middle, 84, size=MIDDLE, more=' text-anchor="middle"'),
        text(fix, middle, 114, fill=QUIET, more=' text-anchor="middle"'),
    ]
    return card(lines, height=180, label=f"{fact} {fix}")


def text(words: str, x: float, y: float, *, size: int = SMALL, fill: str = INK, more: str = "") -> str:
    """Write a line whose base is at y."""
    return f'<text x="{x:g}" y="{y:g}" font-size="{size}" fill="{fill}"{more}>{escape(words)}</text>'


def by_kind(sums: Sequence[KindSum], currency: str, locale: str) -> str:
    """Draw the five kinds of movements of one currency as bars, each with its amount."""
    told = _told(sums, currency, locale)
    label = f"{currency}: " + ", ".join(f"{KINDS[kind].word} {amount}" for kind, amount in told.items())
    return svg(kinds(sums, currency, locale), height=ROW * len(KINDS), label=label)


def kinds(sums: Sequence[KindSum], currency: str, locale: str) -> list[str]:
    """Draw the bars alone, to stand inside another drawing."""
    amounts = {one.kind: one.amount_minor for one in sums}
    return bars({words.word: amounts.get(kind, 0) for kind, words in KINDS.items()}, currency, locale)


def bars(amounts: Mapping[str, int], currency: str, locale: str) -> list[str]:
    """Draw a bar for each amount, in minor units, beside what it is called."""
    low, high = min(0, *amounts.values(), 0), max(0, *amounts.values(), 0)
    scale = (WIDTH - BARS_START) / (high - low or 1)
    zero = BARS_START - low * scale
    drawn = [_line(zero, rows=len(amounts))]
    for row, (word, amount) in enumerate(amounts.items()):
        middle = ROW * row + ROW / 2
        drawn.append(text(word, 0, middle + 5))
        drawn.append(text(money.signed(amount, currency, locale), VALUES_END, middle + 5, more=' text-anchor="end"'))
        drawn.append(_bar(zero, amount * scale, middle))
    return drawn


def _told(sums: Sequence[KindSum], currency: str, locale: str) -> Mapping[MovementKind, str]:
    amounts = {one.kind: one.amount_minor for one in sums}
    return {kind: money.signed(amounts.get(kind, 0), currency, locale) for kind in KINDS}


def _line(x: float, *, rows: int) -> str:
    bottom = ROW * rows
    return f'<line class="axis" x1="{x:.1f}" y1="0" x2="{x:.1f}" y2="{bottom}" stroke="{LINE}" stroke-width="1"/>'


def _bar(zero: float, length: float, middle: float) -> str:
    start, top = min(zero, zero + length), middle - BAR / 2
    size = f'width="{abs(length):.1f}" height="{BAR}" rx="2"'
    return f'<rect class="bar" x="{start:.1f}" y="{top:g}" {size} fill="{ACCENT}"/>'
