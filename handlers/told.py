"""Which delivery became the message on which somebody pressed something."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from models import delivery, ledger
from models.delivery import Delivery, DeliveryUnknownError


async def find(session: AsyncSession, workspace_id: str, body: Mapping[str, Any]) -> Delivery | None:
    """Find the delivery by where its message stands, or else, as of a copy, by the message's own metadata."""
    container = body["container"]
    found = await ledger.of_message(session, workspace_id, container["channel_id"], container["message_ts"])
    if found is not None:
        return found
    metadata = (body.get("message") or {}).get("metadata") or {}
    try:
        return await delivery.get(session, workspace_id, str((metadata.get("event_payload") or {}).get("delivery_id")))
    except DeliveryUnknownError:
        return None
