"""The API key of a ChartMogul source: its field and its form. The key is never shown."""

from collections.abc import Mapping
from typing import Any

from handlers.views.blocks import Block, View, button, field, modal, section, text_input
from handlers.views.filled import filled
from handlers.views.polling import Polling, standing
from scheduler.messages import mrkdwn
from scheduler.messages.api_key import ACTIONS

CALLBACK = "source_api_key"
FIELD = "source_api_key"
HINT = "Your ChartMogul profile lists API keys; read-only access is enough. It is kept encrypted and never shown again."
LEAVE_EMPTY = "A key is set and is not shown. Enter another one, or leave this empty to stop polling."


def api_key_field(hint: str = HINT) -> Block:
    """Draw the field."""
    return field(
        "API key", text_input("api_key", placeholder="From ChartMogul"), block_id=FIELD, hint=hint, optional=True
    )


def read_api_key(view: Mapping[str, Any]) -> str:
    """Read the API key; empty where none was entered."""
    return filled(dict(view)).text(FIELD).strip()


def errors(text: str) -> dict[str, str]:
    """Put a refusal under the field."""
    return {FIELD: text}


def form(*, source_id: str, name: str, is_set: bool) -> View:
    """Draw the form for the API key of a source."""
    text = (
        f"With an API key, Runrate reads from ChartMogul what the webhook of {mrkdwn.quoted(name)} does not bring: all "
        "history, owners, attributes and tags, and movements that the webhook missed."
    )
    blocks = [section(text), api_key_field(LEAVE_EMPTY if is_set else HINT)]
    return modal("API key", blocks, callback_id=CALLBACK, submit="Save", metadata=source_id)


def offer(source_id: str, polling: Polling | None) -> Block:
    """Draw how polling fares, beside the button that opens the form."""
    text = standing(polling) if polling is not None else "No API key: only what the webhook sends arrives."
    enter = button("Enter API key" if polling is None else "Change API key", ACTIONS.enter, value=source_id)
    return section(f"*API key*\n{text}", accessory=enter)
