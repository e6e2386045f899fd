"""Mutes: `/mrr mute` and `/mrr unmute`, by which anybody says what they don't want to hear of in their own DMs."""

from datetime import timedelta
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond
from slack_sdk.web.async_client import AsyncWebClient

from handlers import accounts, home, people
from handlers.desk import Desk, Visitor
from handlers.listening import limited
from handlers.views import mutes as view
from handlers.views.answers import Answer
from handlers.views.mutes import Length
from models import mute
from models.account import Account

LASTING = {Length.DAY: timedelta(days=1), Length.WEEK: timedelta(days=7), Length.ALWAYS: None}


def register(app: AsyncApp) -> None:
    """Listen to the buttons."""
    app.action(view.ACTIONS.undo)(limited(undone))
    app.action(view.ACTIONS.undo_at_home)(limited(undone_at_home))


async def add(typed: str, client: AsyncWebClient, desk: Desk, visitor: Visitor) -> Answer:
    """Tell somebody nothing about an account any more."""
    visiting, now = await people.require_member(desk, client, visitor), desk.now()
    name, length = view.read_length(accounts.read_typed(typed))
    async with desk.database.read() as session:
        found = await accounts.the_one(session, visiting, name, word="mute")
    if not isinstance(found, Account):
        return found
    lasting = LASTING[length]
    until = now + lasting if lasting else None
    async with desk.database.write() as session:
        await mute.add(session, visitor.workspace_id, visitor.user_id, found.id, until=until, now=now)
    return view.muted(found, until)


async def remove(typed: str, client: AsyncWebClient, desk: Desk, visitor: Visitor) -> Answer:
    """Tell somebody of an account again; without a name, list what they muted."""
    name = accounts.read_typed(typed)
    if not name:
        visiting = await people.who(desk, client, visitor)
        async with desk.database.read() as session:
            return view.listing(await home.mutes(session, visiting, now=desk.now()))
    visiting = await people.require_member(desk, client, visitor)
    async with desk.database.read() as session:
        found = await accounts.the_one(session, visiting, name, word="unmute")
    if not isinstance(found, Account):
        return found
    async with desk.database.write() as session:
        was_muted = await mute.is_muted(session, visitor.workspace_id, visitor.user_id, [found.id], now=desk.now())
        await mute.remove(session, visitor.workspace_id, visitor.user_id, found.id)
    return view.unmuted(found, was_muted=was_muted)


async def undone(ack: AsyncAck, action: dict[str, Any], respond: AsyncRespond, desk: Desk, visitor: Visitor) -> None:
    """End a mute, and answer in the place of the button."""
    await _undo(action, desk, visitor)
    await ack()
    await respond(**view.undone(), replace_original=True)


async def undone_at_home(
    ack: AsyncAck, action: dict[str, Any], client: AsyncWebClient, desk: Desk, visitor: Visitor
) -> None:
    """End a mute in the Home tab."""
    await _undo(action, desk, visitor)
    await ack()
    await home.refresh(desk, client, visitor)


async def _undo(action: dict[str, Any], desk: Desk, visitor: Visitor) -> None:
    async with desk.database.write() as session:
        await mute.remove(session, visitor.workspace_id, visitor.user_id, view.read(action))
