"""A report for people: its figures in words, what stands under a shared link to it, and its preview picture."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from models.report import Figures
from scheduler.messages import chart, money, mrkdwn
from scheduler.messages.movement import KINDS

TITLE = "MRR this month"
NOTHING = "No MRR movement yet this month."
EXPIRED = ("This preview has expired.", "Open the report to see it as it is now.")
MOST_CURRENCIES = 4
"""How many currencies an unfurl and a picture name; the report names all."""

_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


@dataclass(frozen=True, kw_only=True)
class ReportUnfurl:
    """A report under its link."""

    url: str
    preview_url: str
    workspace_name: str
    figures: tuple[Figures, ...]
    as_of: datetime
    locale: str


def period(now: datetime) -> str:
    """Name the month so far: `1 – 16 November 2026`."""
    today = now.astimezone(UTC)
    days = "1" if today.day == 1 else f"1 – {today.day}"
    return f"{days} {_MONTHS[today.month - 1]} {today.year}"


def net(figures: Figures, locale: str, *, strong: bool = False) -> str:
    """Say how MRR changed, and by how much of what it was: `+$4,310 net (▲ 2.9 %)`."""
    start = (figures.mrr_minor or 0) - figures.net_minor if figures.mrr_minor is not None else 0
    share = money.share(figures.net_minor, max(start, 0), locale)
    amount = money.signed(figures.net_minor, figures.currency, locale)
    told = f"{mrkdwn.bold(amount) if strong else amount} net"
    return f"{told} ({share})" if share else told


def now(figures: Figures, locale: str) -> str | None:
    """Say what MRR is now, where that is known."""
    return None if figures.mrr_minor is None else money.amount(figures.mrr_minor, figures.currency, locale)


def sums(figures: Figures, locale: str) -> tuple[tuple[str, str, str, int], ...]:
    """Give a row for each kind: its shape, its word, its amount and how many movements that were."""
    by_kind = {one.kind: one for one in figures.sums}
    return tuple(
        (
            shown.shape,
            shown.word,
            money.signed(by_kind[kind].amount_minor if kind in by_kind else 0, figures.currency, locale),
            by_kind[kind].count if kind in by_kind else 0,
        )
        for kind, shown in KINDS.items()
    )


def largest(figures: Figures, locale: str) -> tuple[tuple[str, str, str], ...]:
    """Give a row for each of the largest movements: the account, the kind's word, the amount."""
    return tuple(
        (one.account_name, KINDS[one.kind].word, money.signed(one.amount_minor, figures.currency, locale))
        for one in figures.largest
    )


def draw(unfurl: ReportUnfurl) -> list[dict[str, Any]]:
    """Draw what stands under the link."""
    title = mrkdwn.bold(mrkdwn.link(unfurl.url, f"{TITLE} · {mrkdwn.escape(unfurl.workspace_name, 160)}"))
    lines = [_line(one, unfurl.locale) for one in unfurl.figures[:MOST_CURRENCIES]] or [NOTHING]
    opens_for = (
        f"as of {mrkdwn.moment(unfurl.as_of)} · opens for members of {mrkdwn.escape(unfurl.workspace_name, 160)}"
    )
    return [
        {"type": "section", "text": mrkdwn.marked("\n".join([title, period(unfurl.as_of), *lines]))},
        {"type": "image", "image_url": unfurl.preview_url, "alt_text": _described(unfurl)},
        {"type": "context", "elements": [mrkdwn.marked(opens_for)]},
    ]


def _line(figures: Figures, locale: str) -> str:
    known = now(figures, locale)
    after = f" → {mrkdwn.bold(known)}" if known else " · MRR now unknown"
    return f"{net(figures, locale, strong=True)}{after}"


def _described(unfurl: ReportUnfurl) -> str:
    """Say in words what the picture shows."""
    told = [f"{net(one, unfurl.locale)} in {one.currency}" for one in unfurl.figures[:MOST_CURRENCIES]]
    return f"{TITLE}, {period(unfurl.as_of)}: {', '.join(told) or NOTHING}"


def picture(figures: tuple[Figures, ...], *, as_of: datetime, locale: str) -> str:
    """Draw the preview as SVG: title, period, what changed in each currency, and the first one's five kinds.

    It says nothing of MRR itself: the picture may be fetched days later, and of that only today's is known.
    """
    left = chart.MARGIN
    nets = [money.signed(one.net_minor, one.currency, locale) for one in figures[:MOST_CURRENCIES]]
    lines = [f"{one} net" for one in nets] or [NOTHING]
    drawn = [
        chart.text(TITLE, left, 56, size=chart.LARGE, more=' font-weight="bold"'),
        chart.text(period(as_of), left, 84, fill=chart.QUIET),
        *(chart.text(line, left, 122 + 28 * row, size=chart.MIDDLE) for row, line in enumerate(lines)),
    ]
    bottom = 122 + 28 * len(lines)
    if figures:
        inside = "".join(chart.kinds(figures[0].sums, figures[0].currency, locale))
        drawn.append(f'<g transform="translate({left} {bottom})">{inside}</g>')
        bottom += chart.ROW * 5 + 16
    return chart.card(drawn, height=bottom, label=TITLE)
