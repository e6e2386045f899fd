"""Erasure: what events that came before say of a person who is forgotten is taken out of them.

The events themselves stay, so that what was received still adds up. What was posted to Slack stays there.
"""

from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Text, cast, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from models.event import Event, EventState
from models.identity import Identity, IdentityKind

PAGE = 500
_ABOUT_PEOPLE = {"contact", "alias", "erasure", "track"}


async def scrub(session: AsyncSession, workspace_id: str, known_by: Collection[Identity], *, until: datetime) -> None:
    """Take a person out of all that a workspace's events said until an instant."""
    values = {one.value for one in known_by if one.value}
    emails = {one.value for one in known_by if one.value and one.kind == IdentityKind.EMAIL}
    last = 0
    while values:
        found = await _page(session, workspace_id, values, after=last, until=until)
        for event in found:
            await _scrub(session, event, values - emails, emails)
        if len(found) < PAGE:
            return
        last = found[-1].id


async def _page(
    session: AsyncSession, workspace_id: str, values: Collection[str], *, after: int, until: datetime
) -> list[Any]:
    """Read events that may name one of these, which the database finds without decoding them."""
    query = select(Event.id, Event.state, Event.facts, Event.raw).where(
        Event.workspace_id == workspace_id,
        Event.id > after,
        Event.occurred_at <= until,
        or_(*(_may_name(column, value) for column in (Event.facts, Event.raw) for value in values)),
    )
    return list(await session.execute(query.order_by(Event.id).limit(PAGE)))


def _may_name(column: Any, value: str) -> ColumnElement[bool]:
    quoted = orjson.dumps(value).decode()
    return cast(column, Text).icontains(quoted[1:-1], autoescape=True)


async def _scrub(session: AsyncSession, event: Any, ids: Collection[str], emails: Collection[str]) -> None:
    facts = [fact for fact in event.facts if not _goes(event.state, fact, ids, emails)]
    raw = None if _names(event.raw, ids, emails) else event.raw
    if facts != event.facts or raw != event.raw:
        changed = update(Event).where(Event.id == event.id).values(facts=facts, raw=raw)
        await session.execute(changed, execution_options={"synchronize_session": False})


def _goes(state: str, fact: dict[str, Any], ids: Collection[str], emails: Collection[str]) -> bool:
    """Say whether a fact is taken out. What waits to be applied keeps all that is about accounts."""
    is_needed = state == EventState.WAITING and fact.get("type") not in _ABOUT_PEOPLE
    return not is_needed and _names(fact, ids, emails)


def _names(value: Any, ids: Collection[str], emails: Collection[str]) -> bool:
    """Say whether something that was sent names one of these: an id as a whole, an e-mail address anywhere."""
    return any(text in ids or any(email in text for email in emails) for text in _texts(value))


def _texts(value: Any) -> Iterator[str]:
    """Give all that stands in a JSON value; of a cut one, each quoted part."""
    if isinstance(value, dict):
        for name, child in value.items():
            yield from _texts(child)
            if name == "cut":
                yield from str(child).split('"')
    elif isinstance(value, list):
        for child in value:
            yield from _texts(child)
    elif value is not None:
        yield str(value).strip()
        yield str(value).lower()
