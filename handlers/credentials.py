"""The button that opens the form for what opens a source's API, whatever its kind: each has a form of its own."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.web.async_client import AsyncWebClient
from sqlalchemy.ext.asyncio import AsyncSession

from handlers import chartmogul, crm, people, stripe
from handlers.desk import Desk, Visitor
from handlers.listening import limited
from handlers.views.blocks import View
from models import source
from models.base import UserError
from models.source import POLLED, Source, SourceKind
from scheduler.messages.api_key import ACTIONS

FORMS: Mapping[str, Callable[[AsyncSession, Source], Awaitable[View]]] = {
    SourceKind.CHARTMOGUL: chartmogul.opened,
    SourceKind.STRIPE: stripe.opened,
}
"""What draws the form, by the kind of source."""


def register(app: AsyncApp) -> None:
    """Listen to the button."""
    app.action(ACTIONS.enter)(limited(pressed))


async def pressed(
    ack: AsyncAck, action: dict[str, Any], body: dict[str, Any], client: AsyncWebClient, desk: Desk, visitor: Visitor
) -> None:
    """Open the form; over the modal that the button stands in, where it is in one."""
    await people.require_manager(desk, client, visitor)
    async with desk.database.read() as session:
        drawn = await draw(session, desk, visitor, str(action.get("value")))
    show = client.views_push if (body.get("view") or {}).get("type") == "modal" else client.views_open
    await show(trigger_id=body["trigger_id"], view=drawn)
    await ack()


async def draw(session: AsyncSession, desk: Desk, visitor: Visitor, source_id: str) -> View:
    """Draw the form of a source."""
    found = await source.get(session, visitor.workspace_id, source_id)
    if found.kind in POLLED:
        return await crm.opened(session, desk, found)
    if found.kind not in FORMS:
        raise UserError("This source has no API to ask.")
    return await FORMS[found.kind](session, found)
