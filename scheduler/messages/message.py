"""A message as every drawing function returns it."""

from dataclasses import dataclass
from typing import Any, NotRequired, TypedDict

CHART = "data_visualization"
"""The type of Slack's native charts."""


class Message(TypedDict):
    """What `chat.postMessage` takes beside the channel. `text` is the notification and what a screen reader says."""

    text: str
    blocks: list[dict[str, Any]]
    unfurl_links: bool
    unfurl_media: bool
    username: NotRequired[str]
    icon_emoji: NotRequired[str]
    icon_url: NotRequired[str]


@dataclass(frozen=True, kw_only=True)
class Unfurled:
    """What stands under a link in somebody's message, as `chat.unfurl` takes it."""

    url: str
    message_ts: str
    blocks: list[dict[str, Any]]


def message(text: str, *blocks: dict[str, Any]) -> Message:
    """Put a message together. Slack previews none of its links: they are ours, or an account's."""
    return Message(text=text, blocks=list(blocks), unfurl_links=False, unfurl_media=False)


def without_charts(drawn: Message) -> Message | None:
    """Leave the charts out, which not every workspace has yet; None where there is none."""
    blocks = [block for block in drawn["blocks"] if block["type"] != CHART]
    return Message({**drawn, "blocks": blocks}) if len(blocks) < len(drawn["blocks"]) else None
