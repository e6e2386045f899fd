"""The reports in the Home tab, and the switch for their previews."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from handlers.views.blocks import Block, button, section
from scheduler.messages import mrkdwn
from scheduler.messages.report import TITLE

_ON, _OFF = "on", "off"


@dataclass(frozen=True)
class Actions:
    """The names of what can be pressed."""

    switch: str = "previews_switch"


ACTIONS = Actions()


def row(url: str, *, shows_previews: bool) -> Block:
    """Draw a manager's line: the report, and whether its links show previews."""
    shown = (
        "A link to it shows the figures and a picture, in channels without guests and other companies."
        if shows_previews
        else "A link to it shows nothing of what is in it."
    )
    words, then = ("Switch previews off", _OFF) if shows_previews else ("Switch previews on", _ON)
    return section(f"{_link(url)}\n{shown}", accessory=button(words, ACTIONS.switch, value=then))


def member_row(url: str) -> Block:
    """Draw anybody else's line."""
    return section(_link(url))


def read_switch(action: Mapping[str, Any]) -> bool:
    """Say whether previews were switched on."""
    return bool(action["value"] == _ON)


def _link(url: str) -> str:
    return f"*Reports*\n{mrkdwn.link(url, TITLE)}"
