"""What whoever connected a source reads once its history is in: the recap that last Monday would have brought."""

from dataclasses import dataclass
from typing import Any

from scheduler.messages import mrkdwn, recap, welcome
from scheduler.messages.message import Message
from scheduler.messages.recap import RecapMessage


@dataclass(frozen=True, kw_only=True)
class HistoryMessage:
    """The source, and the recap of the last whole week."""

    source_name: str
    recap: RecapMessage


def draw(history: HistoryMessage) -> Message:
    """Draw the message around the recap as a destination would get it."""
    fact = f"The history from {mrkdwn.quoted(history.source_name)} is in. None of it was posted."
    return _framed(recap.draw(history.recap), fact)


def _framed(drawn: Message, fact: str) -> Message:
    """Put the fact before a recap, and in place of its last line how such a recap comes every week."""
    framed: Message = {
        **drawn,
        "text": f"{fact} {drawn['text']}",
        "blocks": [_section(f"{mrkdwn.bold(fact)}\nThis is what Monday's recap would have said:"), _DIVIDER],
    }
    framed["blocks"] += [*drawn["blocks"][:-1], _DIVIDER, _section(EACH_WEEK) | {"accessory": _button()}]
    return {**framed, "plainer": _framed(drawn["plainer"], fact)} if "plainer" in drawn else framed


EACH_WEEK = "A weekly destination posts one like it each Monday, in the channels that you choose."
_DIVIDER = {"type": "divider"}


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": mrkdwn.marked(text)}


def _button() -> dict[str, Any]:
    return {"type": "button", "text": mrkdwn.plain("New destination", 75), "action_id": welcome.ACTIONS.new}
