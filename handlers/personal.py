"""What anybody decides for themselves in the Home tab: a recap of their own by direct message, and quiet hours."""

from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond
from slack_sdk.web.async_client import AsyncWebClient
from sqlalchemy.ext.asyncio import AsyncSession

from handlers import home, people
from handlers.desk import Desk, Visitor
from handlers.listening import limited
from handlers.views import personal as view
from models import lane, personal, quiet
from models.wish import FieldError


def register(app: AsyncApp) -> None:
    """Listen to the buttons and the forms."""
    app.action(view.ACTIONS.ask)(limited(asked))
    app.action(view.ACTIONS.change)(limited(pressed_change))
    app.action(view.ACTIONS.stop)(limited(stopped))
    app.action(view.ACTIONS.quiet)(limited(pressed_quiet))
    app.action(view.ACTIONS.end_quiet)(limited(ended_quiet))
    app.view(view.CALLBACKS.recap)(limited(saved_recap))
    app.view(view.CALLBACKS.quiet)(limited(saved_quiet))


async def asked(
    ack: AsyncAck, body: dict[str, Any], client: AsyncWebClient, respond: AsyncRespond, desk: Desk, visitor: Visitor
) -> None:
    """Send somebody a daily recap from now on, at nine on their clocks; a second press changes nothing."""
    visiting = await people.require_member(desk, client, visitor)
    async with desk.database.write() as session:
        if await personal.of_person(session, visitor.workspace_id, visitor.user_id) is None:
            await personal.choose(session, visiting, now=desk.now())
        recap = await home.own_recap(session, visiting, now=desk.now())
    await ack()
    if recap is not None and "message" in body:
        await respond(**view.begun(recap), replace_original=False)
    await home.refresh(desk, client, visitor)


async def pressed_change(
    ack: AsyncAck, body: dict[str, Any], client: AsyncWebClient, desk: Desk, visitor: Visitor
) -> None:
    """Open the form for one's own recap."""
    visiting = await people.require_member(desk, client, visitor)
    async with desk.database.read() as session:
        drawn = view.recap_form(await home.own_recap(session, visiting, now=desk.now()), zone=visiting.zone.key)
    await client.views_open(trigger_id=body["trigger_id"], view=drawn)
    await ack()


async def saved_recap(
    ack: AsyncAck, body: dict[str, Any], client: AsyncWebClient, desk: Desk, visitor: Visitor
) -> None:
    """Give somebody the recap that they chose."""
    visiting = await people.require_member(desk, client, visitor)
    try:
        frequency, at = view.read_recap(body["view"])
        async with desk.database.write() as session:
            await personal.choose(session, visiting, frequency=frequency, at=at, now=desk.now())
    except FieldError as error:
        await ack(response_action="errors", errors=view.errors(error))
        return
    await ack()
    await home.refresh(desk, client, visitor)


async def stopped(ack: AsyncAck, client: AsyncWebClient, desk: Desk, visitor: Visitor) -> None:
    """Send somebody no recap any more."""
    async with desk.database.write() as session:
        await personal.stop(session, visitor.workspace_id, visitor.user_id, now=desk.now())
    await ack()
    await home.refresh(desk, client, visitor)


async def pressed_quiet(
    ack: AsyncAck, body: dict[str, Any], client: AsyncWebClient, desk: Desk, visitor: Visitor
) -> None:
    """Open the form for quiet hours."""
    visiting = await people.who(desk, client, visitor)
    async with desk.database.read() as session:
        drawn = view.quiet_form(await quiet.get(session, visitor.workspace_id, visitor.user_id), zone=visiting.zone.key)
    await client.views_open(trigger_id=body["trigger_id"], view=drawn)
    await ack()


async def saved_quiet(
    ack: AsyncAck, body: dict[str, Any], client: AsyncWebClient, desk: Desk, visitor: Visitor
) -> None:
    """Give somebody the quiet hours that they chose."""
    try:
        hours = view.read_quiet(body["view"])
    except FieldError as error:
        await ack(response_action="errors", errors=view.errors(error))
        return
    async with desk.database.write() as session:
        await quiet.choose(session, visitor.workspace_id, visitor.user_id, hours, now=desk.now())
        await _judge_anew(session, desk, visitor)
    await ack()
    await home.refresh(desk, client, visitor)


async def ended_quiet(ack: AsyncAck, client: AsyncWebClient, desk: Desk, visitor: Visitor) -> None:
    """Let somebody have no quiet hours any more."""
    async with desk.database.write() as session:
        await quiet.end(session, visitor.workspace_id, visitor.user_id, now=desk.now())
        await _judge_anew(session, desk, visitor)
    await ack()
    await home.refresh(desk, client, visitor)


async def _judge_anew(session: AsyncSession, desk: Desk, visitor: Visitor) -> None:
    """Let what waits for the visitor go out at once, where it isn't quiet any more."""
    await lane.hurry(session, visitor.workspace_id, visitor.user_id, now=desk.now())
