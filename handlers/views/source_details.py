"""A source in detail: its name, what it sent, and what of that was refused and why."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from handlers.views import records
from handlers.views.blocks import Block, View, button, context, divider, field, modal, section, text_input
from handlers.views.filled import filled
from handlers.views.sources import ACTIONS, CALLBACKS, KINDS, Field, held, old_key
from models.record import RecordState
from models.source import SourceKind
from scheduler.messages import mrkdwn

MOST_REFUSED = 20
LONGEST_PAYLOAD = 1000


@dataclass(frozen=True, kw_only=True)
class RefusedEvent:
    """An event that was refused: which record, which field of it, and why; and what was sent, as far as it is kept."""

    record: str
    field: str
    reason: str
    at: datetime
    payload: Any = None
    event_id: int | None = None
    """Where it can be tried again."""


@dataclass(frozen=True, kw_only=True)
class SourceDetails:
    """All that is known of a source, but for its key."""

    id: str
    name: str
    kind: SourceKind
    created_by: str
    created_at: datetime
    last_event_at: datetime | None = None
    today: int = 0
    is_all_of_today: bool = True
    """Otherwise there were more than were counted."""
    paused_at: datetime | None = None
    held: int = 0
    old_key_until: datetime | None = None
    companies: Mapping[RecordState, int] | None = None
    """How the companies of a CRM stand to the accounts."""
    refused: tuple[RefusedEvent, ...] = ()
    """The newest of the last 7 days, one more than are shown where there are more."""


def draw(source: SourceDetails) -> View:
    """Draw the form with a source's name, and all else below it."""
    name = text_input("name", initial=source.name, placeholder="Billing")
    fields = [mrkdwn.marked(f"{mrkdwn.bold(label)}\n{text}") for label, text in _facts(source)]
    blocks = [
        field("Name", name, block_id=Field.NAME.block_id),
        {"type": "section", "fields": fields},
        *_paused(source),
        *([context(old_key(source.old_key_until))] if source.old_key_until else []),
        *records.details(source.id, source.companies or {}),
        divider(),
        *_refused(source),
    ]
    return modal("Source", blocks, callback_id=CALLBACKS.save, submit="Save", close="Close", metadata=source.id)


def read_name(view: Mapping[str, Any]) -> str:
    """Read the name as it was submitted."""
    return mrkdwn.one_line(filled(dict(view)).text(Field.NAME.block_id))


def _facts(source: SourceDetails) -> list[tuple[str, str]]:
    last = mrkdwn.moment(source.last_event_at) if source.last_event_at else "none yet"
    by = source.created_by if source.created_by == "command line" else mrkdwn.person(source.created_by)
    today = f"{source.today:,}" if source.is_all_of_today else f"more than {source.today:,}"
    return [
        ("What sends", KINDS[source.kind].name),
        ("Added", f"{mrkdwn.day(source.created_at)} by {by}"),
        ("Last event", last),
        ("Events today", today),
    ]


def _paused(source: SourceDetails) -> list[Block]:
    if source.paused_at is None:
        return []
    since = f"*Paused* since {mrkdwn.moment(source.paused_at)} · {held(source.held)}"
    return [section(f"{since}\nWhat it sends is kept, and applied once it is resumed.")]


def _refused(source: SourceDetails) -> list[Block]:
    if not source.refused:
        return [section("Nothing was refused in the last 7 days.")]
    about = "*Refused in the last 7 days*\nThe rest of what it sent is kept. Correct these where they come from."
    more = len(source.refused) > MOST_REFUSED
    older = [context(f"The newest {MOST_REFUSED} are shown.")] if more else []
    return [section(about), *(_row(event) for event in source.refused[:MOST_REFUSED]), *older]


def _row(event: RefusedEvent) -> Block:
    where = [mrkdwn.code(event.record), *([mrkdwn.code(event.field)] if event.field else []), mrkdwn.moment(event.at)]
    text = f"{' · '.join(where)}\n{mrkdwn.escape(event.reason, 600)}"
    if event.payload is not None:
        text += f"\n{mrkdwn.code(json.dumps(event.payload, ensure_ascii=False), LONGEST_PAYLOAD)}"
    again = button("Try again", ACTIONS.try_again, value=str(event.event_id)) if event.event_id else None
    return section(text, accessory=again)
