"""What managers read when a source is silent for longer than its habit, and when it is back."""

from dataclasses import dataclass
from datetime import datetime

from scheduler.messages import mrkdwn
from scheduler.messages.menu import menu
from scheduler.messages.message import Message, message


@dataclass(frozen=True)
class SilenceActions:
    """The name of the button. Its value is the source's id."""

    details: str = "source_details"


ACTIONS = SilenceActions()


@dataclass(frozen=True, kw_only=True)
class SilenceNotice:
    """A silence of a source, which is over where `until` is known."""

    source_id: str
    source_name: str
    since: datetime
    until: datetime | None = None


def draw_silence(notice: SilenceNotice) -> Message:
    """Draw what is told once when a source has been silent for too long."""
    fact = f"{mrkdwn.quoted(notice.source_name)} has sent nothing since {mrkdwn.moment(notice.since)}."
    rest = "That is longer than its longest pauses of late. Look whether it still sends, and where to."
    body = {"type": "section", "text": mrkdwn.marked(f"{mrkdwn.bold(fact)}\n{rest}"), "accessory": menu()}
    button = {
        "type": "button",
        "text": mrkdwn.plain("Show the source", 75),
        "action_id": ACTIONS.details,
        "value": notice.source_id,
    }
    return message(f"{fact} {rest}", body, {"type": "actions", "elements": [button]})


def draw_heard_again(notice: SilenceNotice) -> Message:
    """Draw what the same people are told once when it sends again."""
    at = f" at {mrkdwn.time(notice.until)}" if notice.until else ""
    text = f"{mrkdwn.quoted(notice.source_name)} is back: an event arrived{at}."
    return message(text, {"type": "section", "text": mrkdwn.marked(text), "accessory": menu()})
