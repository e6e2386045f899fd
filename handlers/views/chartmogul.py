"""The API key of a ChartMogul source: its field, its form, and how polling with it fares. The key is never shown."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from handlers.views.blocks import Block, View, button, field, modal, section, text_input
from handlers.views.filled import filled
from models.poll import Poll
from scheduler.messages import mrkdwn
from scheduler.messages.api_key import ACTIONS, ENTER

CALLBACK = "source_api_key"
FIELD = "source_api_key"
HINT = "Your ChartMogul profile lists API keys; read-only access is enough. It is kept encrypted and never shown again."
LEAVE_EMPTY = "A key is set and is not shown. Enter another one, or leave this empty to stop polling."


@dataclass(frozen=True, kw_only=True)
class Polling:
    """How polling fares: `trouble` says what ChartMogul does where it fails."""

    read_until: datetime | None
    next_poll_at: datetime
    trouble: str | None = None
    is_refused: bool = False


def polling(polled: Poll) -> Polling:
    """Give how polling fares."""
    return Polling(
        read_until=polled.read_until,
        next_poll_at=polled.next_poll_at,
        trouble=polled.trouble,
        is_refused=polled.refused_at is not None,
    )


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
    enter = button(ENTER if polling is None else "Change API key", ACTIONS.enter, value=source_id)
    return section(f"*API key*\n{text}", accessory=enter)


def standing(polling: Polling) -> str:
    """Say how polling fares."""
    if polling.is_refused:
        trouble = mrkdwn.escape(polling.trouble or "refuses it")
        return f"ChartMogul refuses the API key: it {trouble}. Enter another one under “Show URL”."
    if polling.trouble:
        return f"ChartMogul {mrkdwn.escape(polling.trouble)}. Asked again {mrkdwn.moment(polling.next_poll_at)}."
    if polling.read_until is None:
        return "Reading ChartMogul's history with the API key. None of it is posted."
    return f"Read with the API key {mrkdwn.moment(polling.read_until)}"
