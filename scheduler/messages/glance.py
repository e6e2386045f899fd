"""A glance: a recap that somebody asked for, with what MRR stands at now where its period isn't over."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from models.glance import Seen
from models.recap import Figures
from models.schedule import Rhythm
from scheduler.messages import money, mrkdwn, recap
from scheduler.messages.message import Message
from scheduler.messages.recap import RecapMessage
from scheduler.messages.trend import as_far_as_known

MOST_CURRENCIES = 8
WORDS = {Rhythm.DAILY: "day", Rhythm.WEEKLY: "week", Rhythm.MONTHLY: "month"}
NOTHING_KNOWN = "No MRR is known yet: add a source in Runrate's Home tab, or import history."

_DOT = " · "


@dataclass(frozen=True, kw_only=True)
class GlanceMessage:
    """What is seen, and `note`, which says who sees it or who shared it."""

    seen: Seen
    note: str
    told_at: datetime
    is_posted: bool
    """Whether others see it: only what was posted has a menu, since only that stands in the ledger."""
    may_be_repeat: bool = False


def draw(glance: GlanceMessage) -> Message:
    """Draw it around a recap, with what that draws in place of its chart where there are none."""
    seen = glance.seen
    has_moved = any(one.count for one in seen.figures)
    told = RecapMessage(
        rhythm=seen.glance.rhythm,
        period=seen.glance.period,
        # What MRR stays at where nothing moved is said by what it is now.
        figures=seen.figures if has_moved or seen.is_over else (),
        destination_name="",
        channel_id=None,
        due_at=glance.told_at,
        told_at=glance.told_at,
        locale=seen.locale,
        may_be_repeat=glance.may_be_repeat,
        picture_urls={},
    )
    return _framed(recap.draw(told), glance)


def _framed(drawn: Message, glance: GlanceMessage) -> Message:
    """Put the MRR as it is now before a recap, and in place of its last line whose wish it is."""
    now, body = _now(glance.seen), drawn["blocks"][:-1]
    if not glance.is_posted:
        body = [{name: part for name, part in block.items() if name != "accessory"} for block in body]
    framed: Message = {**drawn, "blocks": [*([_section(now)] if now else []), *body, _below(glance)]}
    return {**framed, "plainer": _framed(drawn["plainer"], glance)} if "plainer" in drawn else framed


def _now(seen: Seen) -> str:
    """Say what MRR is now: in all, where rates say what all currencies come to, and in each of them."""
    if seen.is_over:
        return ""
    if not seen.figures:
        return NOTHING_KNOWN
    each = mrkdwn.listed((_stands(one, seen.locale) for one in seen.figures if not one.is_total), most=MOST_CURRENCIES)
    title = mrkdwn.bold("MRR now")
    if seen.total is None:
        return f"{title}  {each}"
    total = mrkdwn.bold(money.amount(*seen.total, seen.locale))
    return f"{title}  {total} in all, at the newest rates: {each}"


def _stands(one: Figures, locale: str) -> str:
    if one.end_minor is None:
        return as_far_as_known(one, locale)
    return mrkdwn.bold(money.amount(one.end_minor, one.currency, locale))


def _below(glance: GlanceMessage) -> dict[str, Any]:
    seen = glance.seen
    parts = [mrkdwn.escape(glance.note, 200)]
    if not seen.is_over:
        parts.append(f"this {WORDS[seen.glance.rhythm]} isn't over: as of {mrkdwn.time(glance.told_at)}")
    parts.append(f"days begin at midnight in {mrkdwn.escape(seen.glance.zone, 60)}")
    if not glance.is_posted:
        parts.append("`/mrr help` shows what else there is")
    if glance.may_be_repeat:
        parts.append("may be a repeat: Slack didn't confirm the first one")
    return {"type": "context", "elements": [mrkdwn.marked(_DOT.join(parts))]}


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": mrkdwn.marked(text)}
