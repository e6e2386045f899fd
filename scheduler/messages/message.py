"""A message as every drawing function returns it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NotRequired, TypedDict

CHART = "data_visualization"
"""The type of Slack's native charts, which not every workspace has yet."""

TABLE = "table"
"""The type of Slack's native tables, of which it takes one in a message."""

PICTURE = "image"
"""The type of pictures, which Slack fetches when they are posted, and refuses where it can't."""


class Message(TypedDict):
    """What `chat.postMessage` takes beside the channel. `text` is the notification and what a screen reader says."""

    text: str
    blocks: list[dict[str, Any]]
    unfurl_links: bool
    unfurl_media: bool
    username: NotRequired[str]
    icon_emoji: NotRequired[str]
    icon_url: NotRequired[str]
    plainer: NotRequired["Message"]
    """What is posted in its place where Slack refuses its form; this alone is nothing that Slack gets."""


@dataclass(frozen=True, kw_only=True)
class Unfurled:
    """What stands under a link in somebody's message, as `chat.unfurl` takes it."""

    url: str
    message_ts: str
    blocks: list[dict[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Unaddressed:
    """A message that mentions whoever has an e-mail address, drawn once Slack said who that is, or that nobody has it.

    What nobody can be asked about now is drawn as if nobody had it.
    """

    email: str
    draw: Callable[[str | None], Message]


@dataclass(frozen=True, kw_only=True)
class Edited:
    """A posted message as it is to be from now on, where it stands, and which delivery became it."""

    message: Message | Unaddressed
    delivery_id: str
    channel: str
    ts: str


def message(text: str, *blocks: dict[str, Any]) -> Message:
    """Put a message together. Slack previews none of its links: they are ours, or an account's."""
    return Message(text=text, blocks=list(blocks), unfurl_links=False, unfurl_media=False)


def in_forms(richest: Message, *plainer: Message) -> Message:
    """Put a message's forms together, each with the next plainer one in it; one that is like the next is left out."""
    if not plainer:
        return richest
    rest = in_forms(*plainer)
    return {**richest, "plainer": rest} if richest["blocks"] != rest["blocks"] else rest


def payload(drawn: Message) -> dict[str, Any]:
    """Give what is posted of a message."""
    return {name: value for name, value in drawn.items() if name != "plainer" and value != []}


def changed(drawn: Message) -> dict[str, Any]:
    """Give what an edit changes of a message: who said it stays."""
    return {"text": drawn["text"], "blocks": drawn["blocks"]}


def plainer(refused: Message) -> Message | None:
    """Give what is posted where Slack refuses a message's form; of the plainest, the text alone is left."""
    if "plainer" in refused:
        return refused["plainer"]
    return {**refused, "blocks": []} if refused["blocks"] else None
