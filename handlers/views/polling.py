"""How the polling of a source fares, in words."""

from dataclasses import dataclass
from datetime import datetime

from models.poll import Poll
from scheduler.messages import mrkdwn
from scheduler.messages.api_key import WORDS


@dataclass(frozen=True, kw_only=True)
class Polling:
    """How polling fares: `trouble` says what the other side does where it fails."""

    kind: str
    read_until: datetime | None
    next_poll_at: datetime
    trouble: str | None = None
    is_refused: bool = False


def polling(polled: Poll) -> Polling:
    """Give how polling fares."""
    return Polling(
        kind=polled.kind,
        read_until=polled.read_until,
        next_poll_at=polled.next_poll_at,
        trouble=polled.trouble,
        is_refused=polled.refused_at is not None,
    )


def standing(polling: Polling) -> str:
    """Say how polling fares."""
    words = WORDS[polling.kind]
    if polling.is_refused:
        trouble = mrkdwn.escape(polling.trouble or "refuses it")
        return f"{words.vendor} refuses the {words.key}: it {trouble}. Enter another one under “{words.menu}”."
    if polling.trouble:
        return f"{words.vendor} {mrkdwn.escape(polling.trouble)}. Asked again {mrkdwn.moment(polling.next_poll_at)}."
    if polling.read_until is None:
        return f"Reading {words.vendor}'s history with the {words.key}. None of it is posted."
    return f"Read with the {words.key} {mrkdwn.moment(polling.read_until)}"
