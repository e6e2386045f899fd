"""Sending the recap of a destination's last whole period now, beside its schedule."""

from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from handlers import modals, people
from handlers.desk import Desk, Visitor
from handlers.listening import limited
from handlers.views import recap_now as view
from models import destination, lane, recap


def register(app: AsyncApp) -> None:
    """Listen to the button."""
    app.action(view.ACTIONS.send)(limited(pressed))


async def pressed(
    ack: AsyncAck, action: dict[str, Any], body: dict[str, Any], client: AsyncWebClient, desk: Desk, visitor: Visitor
) -> None:
    """Send, and say so: over the modal in which it was pressed, or in one of its own."""
    name = await send(desk, client, visitor, destination_id=view.read(action))
    await modals.show(client, view.sent(name), trigger_id=body["trigger_id"], over=modals.is_over(body))
    await ack()


async def send(desk: Desk, client: AsyncWebClient, visitor: Visitor, *, destination_id: str) -> str:
    """Owe the recap to each recipient, at once; give the destination's name."""
    await people.require_manager(desk, client, visitor)
    name, now = (await people.who(desk, client, visitor)).name, desk.now()
    async with desk.database.write() as session:
        found = await destination.get(session, visitor.workspace_id, destination_id, hold=True)
        await lane.hurry_all(session, visitor.workspace_id, destination_id, now=now)
        note = f"{name} asked for this now"
        await recap.send_now(session, found, note=note, by=visitor.user_id, now=now)
        return found.name
