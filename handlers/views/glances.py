"""What `/mrr` and `/mrr recap` answer."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from handlers.views.answers import Answer
from handlers.views.blocks import Block, actions, button, section
from models import glance
from models.glance import Glance, Seen
from models.schedule import Rhythm
from scheduler.messages import glance as drawing
from scheduler.messages.glance import GlanceMessage
from scheduler.messages.message import Message

USAGE = (
    "Say which: `/mrr recap day`, `/mrr recap week` or `/mrr recap month` for the last whole one; "
    "`/mrr recap this week` for the one that isn't over. With a `#channel` at the end, it is shared there."
)
PRIVATE = "Only you see this"

RHYTHMS = {
    "day": Rhythm.DAILY,
    "daily": Rhythm.DAILY,
    "week": Rhythm.WEEKLY,
    "weekly": Rhythm.WEEKLY,
    "month": Rhythm.MONTHLY,
    "monthly": Rhythm.MONTHLY,
}
PLACE = re.compile(r"(?:\s+(?:to|in))?\s+(?:<#(?P<id>[A-Z0-9]+)(?:\|[^<>]*)?>|#(?P<name>\S+))$")
"""A channel at the end of what was typed, as Slack writes it, or as somebody did whose channel Slack doesn't know."""

WHOLE = {"yesterday": "day", "last day": "day", "last week": "week", "last month": "month"}
TODAY = "today"


@dataclass(frozen=True)
class Actions:
    """The name of what can be pressed."""

    share: str = "glance_share"


ACTIONS = Actions()


@dataclass(frozen=True)
class Place:
    """The channel in which a recap is to be shared: its id, or the name of one that Slack doesn't know."""

    channel_id: str | None
    name: str = ""


def read_place(typed: str) -> tuple[str, Place | None]:
    """Part what was typed into the period and the channel, which may be left out."""
    found = PLACE.search(f" {typed.rstrip()}")
    if found is None:
        return typed, None
    return found.string[: found.start()], Place(found["id"], found["name"] or "")


def read_period(words: str, zone: str, *, now: datetime) -> Glance | None:
    """Read which period is asked for: `today`, `week` for the last whole one, `this week`; None for anything else."""
    typed = " ".join(words.casefold().split())
    is_present = typed == TODAY or typed.startswith("this ")
    word = "day" if typed == TODAY else WHOLE.get(typed, typed.removeprefix("this "))
    rhythm = RHYTHMS.get(word)
    if rhythm is None:
        return None
    return glance.present(rhythm, zone, now=now) if is_present else glance.last(rhythm, zone, now=now)


def read(action: Mapping[str, Any]) -> Glance:
    """Read which period a press is about."""
    return glance.read(str(action.get("value")))


def usage() -> Answer:
    """Answer how to ask for a recap."""
    return Answer(response_type="ephemeral", text=USAGE.replace("`", ""), blocks=[section(USAGE)])


def answer(seen: Seen, *, can_share: bool, told_at: datetime) -> list[Answer]:
    """Answer with a period, in the forms that Slack may take, the plainest last."""
    drawn = drawing.draw(GlanceMessage(seen=seen, note=PRIVATE, told_at=told_at, is_posted=False))
    share = button("Share here", ACTIONS.share, value=seen.glance.key, style="primary")
    below = [actions(share, block_id="glance_below")] if can_share else []
    return _forms(drawn, below)


def _forms(drawn: Message, below: list[Block]) -> list[Answer]:
    form = Answer(response_type="ephemeral", text=drawn["text"], blocks=[*drawn["blocks"], *below])
    return [form, *(_forms(drawn["plainer"], below) if "plainer" in drawn else [])]
