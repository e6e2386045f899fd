"""An event message: a workflow's template, filled in from the event that it listens to."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from scheduler.messages import mrkdwn
from scheduler.messages.menu import menu
from scheduler.messages.message import Message, message
from scheduler.messages.template import Template


@dataclass(frozen=True, kw_only=True)
class TrackMessage:
    """A workflow's words, and the event. `icon` is an emoji such as `:tada:`, or the address of a picture."""

    template: str
    event: Mapping[str, Any]
    username: str | None = None
    icon: str | None = None
    may_be_repeat: bool = False


@dataclass(frozen=True)
class Drawn:
    """The message, None where nothing was left to say; and the variables that the event did not have."""

    message: Message | None
    missing: tuple[str, ...]


def draw(track: TrackMessage) -> Drawn:
    """Draw the message under the chosen name and icon."""
    filled = Template(track.template).fill(track.event)
    if not mrkdwn.one_line(filled.text):
        return Drawn(None, filled.missing)
    text = {"type": "mrkdwn", "text": filled.text}
    blocks: list[dict[str, Any]] = [{"type": "section", "text": text, "accessory": menu()}]
    if track.may_be_repeat:
        said = mrkdwn.marked("may be a repeat: Slack didn't confirm the first one")
        blocks.append({"type": "context", "elements": [said]})
    drawn = message(filled.text, *blocks)
    if track.username:
        drawn["username"] = track.username
    if track.icon:
        drawn["icon_emoji" if track.icon.startswith(":") else "icon_url"] = track.icon
    return Drawn(drawn, filled.missing)
