"""The trend of MRR as people see it in the Home tab: in words, and as a small picture."""

from collections.abc import Sequence
from datetime import date

from models.recap import Figures
from models.trend import DAYS, Trend
from scheduler.messages import chart, money, mrkdwn

MOST_CURRENCIES = 4
EXPIRED = ("This picture has expired.", "Open the Home tab again to see MRR as it is now.")

LEFT, RIGHT = chart.MARGIN, chart.WIDTH + chart.MARGIN
TOP, BOTTOM = 22, 84
WORDS_AT, HEIGHT = 112, 130
"""Where the line is drawn, where the words below it stand, and where the picture ends."""

_DOT = " · "


def words(trends: Sequence[Trend], locale: str) -> str:
    """Say what MRR is now, and the three figures of today in each currency that moved."""
    each = [one for one in trends if not one.is_total]
    moved = [_today(one, locale) for one in each if one.today.count]
    first = f"{mrkdwn.bold('MRR now')}  {_in_all(trends, locale)}{_in_each(each, locale)}"
    return "\n".join([first, *(moved[:MOST_CURRENCIES] or ["Nothing moved today."])])


def _in_all(trends: Sequence[Trend], locale: str) -> str:
    total = next((one for one in trends if one.is_total), None)
    if total is None:
        return ""
    return f"{mrkdwn.bold(money.amount(total.now_minor or 0, total.currency, locale))} in all, at the newest rates: "


def _in_each(each: Sequence[Trend], locale: str) -> str:
    """Name what each currency has; one that has nothing is named only where none has anything."""
    held = [one for one in each if one.now_minor != 0] or each[:1]
    return mrkdwn.listed((_stands(one, locale) for one in held), most=MOST_CURRENCIES)


def _stands(one: Trend, locale: str) -> str:
    if one.now_minor is None:
        return as_far_as_known(one, locale)
    return mrkdwn.bold(money.amount(one.now_minor, one.currency, locale))


def as_far_as_known(one: Trend | Figures, locale: str) -> str:
    """Say what MRR is at least where some of it isn't known, and why not."""
    if one.least_minor <= 0:
        return f"unknown in {mrkdwn.escape(one.currency, 20)}, until its history is imported"
    least = mrkdwn.bold(money.amount(one.least_minor, one.currency, locale))
    accounts = "1 account" if one.unclear == 1 else f"{money.number(one.unclear, locale)} accounts"
    return f"at least {least} (the history of {accounts} isn't imported)"


def _today(one: Trend, locale: str) -> str:
    """Write `Today  +$420 net · +$520 gained (3 movements) · −$100 lost (1 movement)`."""
    moved = one.today
    net = f"{mrkdwn.bold(money.signed(moved.net_minor, one.currency, locale))} net"
    parts = (("gained", moved.gained_minor, moved.gains), ("lost", moved.lost_minor, moved.losses))
    told = (_part(word, money.signed(minor, one.currency, locale), count) for word, minor, count in parts)
    return f"Today  {_DOT.join([net, *told])}"


def _part(word: str, amount: str, count: int) -> str:
    if not count:
        return f"nothing {word}"
    return f"{amount} {word} ({'1 movement' if count == 1 else f'{count:,} movements'})"


def shown(trends: Sequence[Trend]) -> Trend | None:
    """Choose the one that the picture shows: all currencies together, or the largest; None where it is not known."""
    return next((one for one in trends if one.points and any(one.points)), None)


def described(one: Trend, locale: str) -> str:
    """Say in words what the picture shows."""
    points = one.points or (0,)
    start, now, low, high = (
        money.amount(minor, one.currency, locale) for minor in (points[0], points[-1], min(points), max(points))
    )
    what = f"MRR of all currencies in {one.currency}" if one.is_total else f"MRR in {one.currency}"
    return f"{what}, last {DAYS} days: from {start} on {_day(one.first)} to {now} now; lowest {low}, highest {high}."


def picture(one: Trend, locale: str) -> str:
    """Draw the line of the last days as SVG, with what it was and is below its ends."""
    places = _places(one.points or (0,))
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    start, now = (money.amount(minor, one.currency, locale) for minor in ((one.points or (0,))[0], one.now_minor or 0))
    x, y = places[-1]
    drawn = [
        f'<polygon points="{LEFT},{BOTTOM} {line} {RIGHT},{BOTTOM}" fill="{chart.ACCENT}" fill-opacity="0.12"/>',
        f'<polyline points="{line}" fill="none" stroke="{chart.ACCENT}" stroke-width="3" stroke-linejoin="round"/>',
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" fill="{chart.ACCENT}"/>',
        chart.text(f"{start} on {_day(one.first)}", LEFT, WORDS_AT, fill=chart.QUIET),
        chart.text(f"{now} now", RIGHT, WORDS_AT, more=' text-anchor="end" font-weight="bold"'),
    ]
    return chart.card(drawn, height=HEIGHT, label=described(one, locale))


def _places(points: Sequence[int]) -> list[tuple[float, float]]:
    """Spread the points over the picture's width, and from the lowest to the highest over its height."""
    low, span = min(points), (max(points) - min(points))
    step = (RIGHT - LEFT) / max(len(points) - 1, 1)
    rise = (BOTTOM - TOP) / span if span else 0
    flat = (BOTTOM + TOP) / 2
    return [(LEFT + step * place, BOTTOM - (one - low) * rise if span else flat) for place, one in enumerate(points)]


def _day(of: date) -> str:
    return f"{of.day} {of:%B}"
