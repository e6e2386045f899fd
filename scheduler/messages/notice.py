"""What we tell people about a destination that can't post: the fact, what it means for them, the one thing to do."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from scheduler.messages import mrkdwn
from scheduler.messages.message import Message, message


@dataclass(frozen=True)
class NoticeActions:
    """The names of the buttons under a notice. Each carries the destination's id as its value."""

    edit: str = "destination_edit"
    try_now: str = "destination_try_now"


ACTIONS = NoticeActions()


@dataclass(frozen=True, kw_only=True)
class FailureNotice:
    """A streak of failures. `cause` and `fix` are our own words: “the channel is archived”, “Unarchive it, or …”."""

    destination_id: str
    destination_name: str
    channel_id: str
    cause: str
    fix: str
    waiting: int


@dataclass(frozen=True, kw_only=True)
class RecoveryNotice:
    """The end of a streak."""

    channel_id: str
    delivered: int
    at: datetime


def draw_failure(notice: FailureNotice) -> Message:
    """Draw what the destination's creator reads once when a streak of failures begins."""
    fact, rest = sentences(notice)
    edit = f"Edit “{mrkdwn.shown(notice.destination_name, 50)}”"
    buttons = [_button(edit, ACTIONS.edit, notice), _button("Try now", ACTIONS.try_now, notice)]
    body = _section(f"{mrkdwn.bold(fact)}\n{rest}")
    return message(f"{fact} {rest}", body, {"type": "actions", "elements": buttons})


def sentences(notice: FailureNotice) -> tuple[str, str]:
    """Say the fact, and then what it means and what to do; the Home tab says the same."""
    fact = f"I can't post to {mrkdwn.channel(notice.channel_id)}: {mrkdwn.escape(notice.cause)}."
    return fact, f"{waiting(notice.waiting)} {mrkdwn.escape(notice.fix, 600)}"


def waiting(number: int) -> str:
    """Say how many wait, and that nothing is lost."""
    match number:
        case 0:
            return "Nothing is waiting, and nothing is lost."
        case 1:
            return "1 update is waiting; nothing is lost."
        case _:
            return f"{number} updates are waiting; nothing is lost."


def draw_recovery(notice: RecoveryNotice) -> Message:
    """Draw what the same person reads once when posting works again."""
    text = f"Posting to {mrkdwn.channel(notice.channel_id)} works again."
    if notice.delivered:
        updates = "The waiting update was" if notice.delivered == 1 else f"The {notice.delivered} waiting updates were"
        text = f"{text} {updates} delivered at {mrkdwn.time(notice.at)}."
    return message(text, _section(text))


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": mrkdwn.marked(text)}


def _button(text: str, action_id: str, notice: FailureNotice) -> dict[str, Any]:
    words = mrkdwn.plain(text, 75)
    return {"type": "button", "text": words, "action_id": action_id, "value": notice.destination_id}
