"""The notice that an API key is refused, while it is so."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from models import poll, source
from models.delivery import Delivery, SkipReason
from scheduler.messages.api_key import RefusedKey, draw_refused
from scheduler.messages.message import Message


async def load_refused(
    session: AsyncSession, owed: Sequence[Delivery], _setting: object
) -> dict[str, RefusedKey | SkipReason]:
    """Load whose key is refused, unless it works again or is gone."""
    ids = {one.id: poll.source_of(one.fact_id) for one in owed}
    polls, names = await poll.of_sources(session, set(ids.values())), await source.names_of(session, set(ids.values()))
    refused = {key: one for key, one in polls.items() if one.refused_at is not None}
    return {
        delivery_id: RefusedKey(
            source_id=source_id,
            source_kind=refused[source_id].kind,
            source_name=names.get(source_id, ""),
            trouble=refused[source_id].trouble or "",
        )
        if source_id in refused
        else SkipReason.STALE
        for delivery_id, source_id in ids.items()
    }


def draw_key_refused(_owed: Delivery, told: RefusedKey | SkipReason, _setting: object) -> Message | SkipReason:
    """Draw the notice."""
    return told if isinstance(told, SkipReason) else draw_refused(told)
