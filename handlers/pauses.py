"""Pausing a destination and resuming it, from its menu and by `/mrr pause` and `/mrr resume`."""

from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.web.async_client import AsyncWebClient
from sqlalchemy.ext.asyncio import AsyncSession

from handlers import destination_details, home, modals, people
from handlers.desk import Desk, Visitor
from handlers.listening import limited
from handlers.views import pauses as view
from handlers.views.filled import subject
from handlers.views.pauses import Length, PauseForm, Pausing
from models import destination, ledger, recipient
from models.ledger import Health
from models.schedule import instant
from models.wish import FieldError, Frequency


def register(app: AsyncApp) -> None:
    """Listen to the question."""
    app.action(view.ACTIONS.length)(limited(chose_length))
    app.view(view.CALLBACKS.pause)(limited(paused))


async def ask(
    desk: Desk, client: AsyncWebClient, visitor: Visitor, *, trigger_id: str, destination_id: str, over: bool = False
) -> None:
    """Ask for how long a destination is to be silent."""
    await people.require_manager(desk, client, visitor)
    async with desk.database.read() as session:
        pausing = await _pausing(session, visitor, destination_id)
    zone = (await people.who(desk, client, visitor)).zone
    question = view.question(pausing, PauseForm(), zone=zone.key)
    await modals.show(client, question, trigger_id=trigger_id, over=over)


async def chose_length(
    ack: AsyncAck, body: dict[str, Any], client: AsyncWebClient, desk: Desk, visitor: Visitor
) -> None:
    """Draw the question again, with the day where one is to be chosen."""
    await people.require_manager(desk, client, visitor)
    asked = body["view"]
    async with desk.database.read() as session:
        pausing = await _pausing(session, visitor, subject(asked) or "")
    zone = (await people.who(desk, client, visitor)).zone
    drawn = view.question(pausing, view.read(asked), zone=zone.key)
    await client.views_update(view_id=asked["id"], hash=asked["hash"], view=drawn)
    await ack()


async def paused(ack: AsyncAck, body: dict[str, Any], client: AsyncWebClient, desk: Desk, visitor: Visitor) -> None:
    """Pause the destination for as long as was chosen."""
    await people.require_manager(desk, client, visitor)
    zone, now = (await people.who(desk, client, visitor)).zone, desk.now()
    try:
        until = _until(view.read(body["view"]), zone, now=now)
        async with desk.database.write() as session:
            found = await destination.get(session, visitor.workspace_id, subject(body["view"]) or "", hold=True)
            await destination.pause(session, found, until=until, by=visitor.user_id, now=now)
    except FieldError as error:
        await ack(response_action="errors", errors=view.errors({error.field: str(error)}))
        return
    await ack()
    await destination_details.show_under(desk, client, visitor, body["view"])
    await home.refresh(desk, client, visitor)


async def resume(desk: Desk, client: AsyncWebClient, visitor: Visitor, *, destination_id: str) -> bool:
    """End a destination's pause; say whether there was one."""
    await people.require_manager(desk, client, visitor)
    async with desk.database.write() as session:
        found = await destination.get(session, visitor.workspace_id, destination_id, hold=True)
        return await destination.resume(session, found, by=visitor.user_id, now=desk.now())


async def _pausing(session: AsyncSession, visitor: Visitor, destination_id: str) -> Pausing:
    found = await destination.get(session, visitor.workspace_id, destination_id)
    recipients = (await recipient.of_destinations(session, [found.id]))[found.id]
    health = await ledger.health(session, visitor.workspace_id, [found.id])
    return Pausing(
        id=found.id,
        name=found.name,
        recipients=tuple(one.to for one in recipients),
        is_recap=Frequency(found.frequency).is_recap,
        waiting=health.get(found.id, Health()).waiting,
    )


def _until(form: PauseForm, zone: ZoneInfo, *, now: datetime) -> datetime | None:
    """Say when the pause ends by itself: a day that was chosen begins at midnight where the visitor is."""
    match form.length:
        case Length.DAY:
            return now + timedelta(days=1)
        case Length.WEEK:
            return now + timedelta(days=7)
        case Length.OPEN:
            return None
        case Length.DATE:
            try:
                return instant(date.fromisoformat(form.until), time(), zone.key)
            except (ValueError, OverflowError) as error:
                raise FieldError("until", "Choose a day from tomorrow on.") from error
