"""A test of a destination: the message that shows where it posts, and that it can. It says nothing of anybody's MRR."""

from dataclasses import dataclass
from datetime import datetime

from scheduler.messages import mrkdwn
from scheduler.messages.menu import menu
from scheduler.messages.message import Message, message


@dataclass(frozen=True, kw_only=True)
class TrialMessage:
    """A destination that is tried out, and what comes of it next; `note` says who asked for that."""

    destination_name: str
    is_recap: bool = False
    next_at: datetime | None = None
    is_paused: bool = False
    note: str
    told_at: datetime
    may_be_repeat: bool = False


def draw(trial: TrialMessage) -> Message:
    """Draw the message."""
    name = mrkdwn.quoted(trial.destination_name)
    body = f"{mrkdwn.bold(f'Test of {name}')}: it can post here.\n{_next(trial)}"
    section = {"type": "section", "text": mrkdwn.marked(body), "accessory": menu()}
    repeat = " · may be a repeat: Slack didn't confirm the first one" if trial.may_be_repeat else ""
    reason = f"{mrkdwn.time(trial.told_at)} · {mrkdwn.escape(trial.note)}; nothing happened to MRR{repeat}"
    context = {"type": "context", "elements": [mrkdwn.marked(reason)]}
    return message(f"Test of {name}: it can post here", section, context)


def _next(trial: TrialMessage) -> str:
    """Say what is told here from now on."""
    if trial.is_paused:
        return "It is paused at present."
    if trial.is_recap:
        return f"Its next recap is due {mrkdwn.moment(trial.next_at)}." if trial.next_at else "No recap of it is due."
    return "Each movement that it hears of is told here as it happens."
