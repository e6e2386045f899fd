"""Many movements in one message: what they come to, the accounts that moved most, and that nothing is left out."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from models.fact import MovementKind
from models.recap import Figures
from scheduler.messages import money, mrkdwn
from scheduler.messages.menu import menu
from scheduler.messages.message import Message, message
from scheduler.messages.recap import by_kind, largest

MOST_DETAILED = 3
"""How many currencies are told in full; of the rest the net is named."""

MOST_BRIEF = 20


@dataclass(frozen=True, kw_only=True)
class MergedMessage:
    """Movements that are told together, the currency with the most of them first, and to whom."""

    count: int
    first_at: datetime | None
    last_at: datetime | None
    figures: tuple[Figures, ...]
    taken_back: int = 0
    """How many that it told are no more since."""
    corrected_at: datetime | None = None
    destination_name: str
    channel_id: str | None
    """The channel that it is posted to; None where one person gets it, or those of a group DM."""
    is_group: bool = False
    report_url: str | None = None
    locale: str = money.DEFAULT_LOCALE
    may_be_repeat: bool = False


def draw(merged: MergedMessage) -> Message:
    """Draw the message."""
    context = {"type": "context", "elements": [mrkdwn.marked(_reason(merged))]}
    return message(_notification(merged), *_body(merged), context)


def _notification(merged: MergedMessage) -> str:
    """Say the fact for a phone's lock screen: `1,240 MRR movements: +$42,310 net`."""
    nets = mrkdwn.listed((_net(merged, one) for one in merged.figures), most=MOST_DETAILED) or "all were taken back"
    repeat = " (may be a repeat)" if merged.may_be_repeat else ""
    return f"{_title(merged)}: {nets}{repeat}"


def _title(merged: MergedMessage) -> str:
    number = merged.count or merged.taken_back
    return f"{number:,} MRR movement{'' if number == 1 else 's'}"


def _net(merged: MergedMessage, one: Figures) -> str:
    return f"{money.signed(one.net_minor, one.currency, merged.locale)} net"


def _body(merged: MergedMessage) -> Iterable[dict[str, Any]]:
    told = f"{mrkdwn.bold(_title(merged))} in one message, because so many were waiting. {_left_out(merged)}"
    if not merged.figures:
        yield {**_section(told), "accessory": menu()}
    for number, one in enumerate(merged.figures[:MOST_DETAILED]):
        headline = mrkdwn.bold(_net(merged, one))
        if number == 0:
            yield {**_section(f"{told}\n{headline}"), "accessory": menu()}
        else:
            yield {"type": "divider"}
            yield _section(headline)
        moved = [kind for kind in MovementKind if kind in one.sums]
        yield {"type": "section", "fields": [mrkdwn.marked(by_kind(one, kind, merged.locale)) for kind in moved]}
        if one.gains or one.losses:
            yield largest(one, merged.locale)
    rest = merged.figures[MOST_DETAILED:]
    if rest:
        nets = mrkdwn.listed((_net(merged, one) for one in rest), most=MOST_BRIEF)
        yield _section(f"{mrkdwn.bold('Also')}  {nets}")


def _left_out(merged: MergedMessage) -> str:
    """Say that nothing is, and what was told here and did not happen after all."""
    if not merged.taken_back:
        return "None is left out."
    if not merged.count:
        return "All were taken back: they did not happen."
    return f"{merged.taken_back:,} more {'was' if merged.taken_back == 1 else 'were'} taken back since."


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": mrkdwn.marked(text)}


def _reason(merged: MergedMessage) -> str:
    """Say when they happened, and whose wish it is that they stand here."""
    to = mrkdwn.reader(merged.channel_id, is_group=merged.is_group)
    by = f"to {to} by {mrkdwn.quoted(merged.destination_name)}"
    parts = [by]
    if merged.first_at is not None and merged.last_at is not None:
        parts = [mrkdwn.span(merged.first_at, merged.last_at), by]
    if merged.corrected_at is not None:
        parts.append(f"corrected {mrkdwn.moment(merged.corrected_at)}")
    if merged.report_url:
        parts.append(mrkdwn.link(merged.report_url, "Open the report"))
    if merged.may_be_repeat:
        parts.append("may be a repeat: Slack didn't confirm the first one")
    return " · ".join(parts)
