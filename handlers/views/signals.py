"""What people see of signals beside the messages: the form for the fallback channel, and answers to their buttons."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from handlers.views.answers import Answer
from handlers.views.blocks import Element, View, button, field, modal, section
from handlers.views.filled import filled
from scheduler.messages import mrkdwn
from scheduler.messages.signal import ACTIONS as MESSAGE_ACTIONS

_CHANNEL = "signal_fallback_channel"


@dataclass(frozen=True)
class Actions:
    """The names of what can be pressed in the Home tab."""

    fallback: str = "signal_fallback"


@dataclass(frozen=True)
class Callbacks:
    """The names of the modals that can be submitted."""

    fallback: str = "signal_fallback"


ACTIONS = Actions()
CALLBACKS = Callbacks()


def told(fallback_channel_id: str | None) -> str:
    """Say who hears of signals."""
    rest = f"in {mrkdwn.channel(fallback_channel_id)}" if fallback_channel_id else "nowhere yet"
    return f"*Signals*\nThe owner of the account hears of each by direct message; without an owner it is told {rest}."


def fallback_button() -> Element:
    """Draw the button that opens the form."""
    return button("Fallback channel", ACTIONS.fallback)


def fallback_form(chosen: str | None) -> View:
    """Draw the form."""
    element: Element = {
        "type": "conversations_select",
        "action_id": "channel",
        "placeholder": {"type": "plain_text", "text": "Choose a channel"},
        "filter": {"include": ["public", "private"], "exclude_bot_users": True},
    }
    if chosen:
        element["initial_conversation"] = chosen
    blocks = [
        section("A signal goes here when nobody owns its account, or its owner is nobody in this workspace."),
        field("Fallback channel", element, block_id=_CHANNEL, optional=True),
    ]
    return modal("Signals", blocks, callback_id=CALLBACKS.fallback, submit="Save")


def read_fallback(view: Mapping[str, Any]) -> str | None:
    """Read the channel that was chosen; None where the field was left empty."""
    return filled(dict(view)).conversation(_CHANNEL)


def fallback_errors(sentence: str) -> dict[str, str]:
    """Put a refusal under the field, as an answer to the submission."""
    return {_CHANNEL: sentence}


def muted() -> Answer:
    """Answer that the person gets no more signals."""
    text = "You get no more signals from Runrate."
    undo = button("Undo", MESSAGE_ACTIONS.unmute)
    return Answer(response_type="ephemeral", text=text, blocks=[section(text, accessory=undo)])


def unmuted() -> Answer:
    """Answer that the person gets signals again."""
    text = "You get signals again."
    return Answer(response_type="ephemeral", text=text, blocks=[section(text)])
