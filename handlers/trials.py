"""Trying a destination out: a test message to its recipients, from its menu and by `/mrr test`."""

from slack_sdk.web.async_client import AsyncWebClient

from handlers import people
from handlers.desk import Desk, Visitor
from models import destination, lane
from models.recipient import To


async def send(desk: Desk, client: AsyncWebClient, visitor: Visitor, *, destination_id: str) -> tuple[str, list[To]]:
    """Owe a test to each recipient, at once; give the destination's name, and to whom."""
    await people.require_manager(desk, client, visitor)
    name, now = (await people.who(desk, client, visitor)).name, desk.now()
    async with desk.database.write() as session:
        found = await destination.get(session, visitor.workspace_id, destination_id, hold=True)
        await lane.hurry_all(session, visitor.workspace_id, destination_id, now=now)
        note = f"{name} asked for this test"
        return found.name, await destination.try_out(session, found, note=note, by=visitor.user_id, now=now)
