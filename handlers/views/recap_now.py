"""Sending a destination's recap now: the button, and what is said when it is pressed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from handlers.views.blocks import Element, View, button, modal, section
from scheduler.messages import mrkdwn


@dataclass(frozen=True)
class Actions:
    """The name of what can be pressed."""

    send: str = "recap_send_now"


ACTIONS = Actions()


def send_button(destination_id: str) -> Element:
    """Draw the button."""
    return button("Send now", ACTIONS.send, value=destination_id)


def read(action: Mapping[str, Any]) -> str:
    """Read which destination's recap is to be sent."""
    return str(action.get("value"))


def sent(name: str) -> View:
    """Say that it is on its way, and that the schedule goes on."""
    told = f"The recap of {mrkdwn.quoted(name)} is on its way. The next one comes at its time all the same."
    missing = "Should it not arrive, `/mrr deliveries` says why."
    return modal("Sent now", [section(f"{told} {missing}")], callback_id="sentence", close="Close")
