"""Mutes: `/mrr mute` and `/mrr unmute`, by which anybody says what they don't want to hear of in their own DMs.

A message's menu asks for the same of its account, and lets a manager silence it in the whole destination.
"""

import contextlib
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond
from slack_sdk.web.async_client import AsyncWebClient
from sqlalchemy.ext.asyncio import AsyncSession

from handlers import accounts, home, people, told
from handlers.desk import Desk, Visitor
from handlers.listening import limited
from handlers.views import mutes as view
from handlers.views.answers import Answer
from handlers.views.filled import subject
from handlers.views.mutes import Lasting, Length, Muting, Place
from handlers.views.typed import name_in
from models import delivery, destination, destination_mute, ledger, mute, person
from models.account import Account
from models.delivery import RUNRATE, Delivery
from models.destination import Destination, DestinationUnknownError
from models.duplicate import AccountGoneError
from models.person import NotManagerError
from models.recipient import RecipientKind

LASTING = {Length.DAY: timedelta(days=1), Length.WEEK: timedelta(days=7), Length.ALWAYS: None}


def register(app: AsyncApp) -> None:
    """Listen to the buttons."""
    app.action(view.ACTIONS.undo)(limited(undone))
    app.action(view.ACTIONS.undo_at_home)(limited(undone_at_home))
    app.action(view.ACTIONS.undo_in_modal)(limited(undone_in_modal))
    app.action(view.ACTIONS.undo_in_destination)(limited(undone_in_destination))
    app.view(view.CALLBACKS.mute)(limited(answered))


async def add(typed: str, client: AsyncWebClient, desk: Desk, visitor: Visitor) -> Answer:
    """Tell somebody nothing about an account any more."""
    visiting, now = await people.require_member(desk, client, visitor), desk.now()
    name, length = view.read_length(name_in(typed))
    async with desk.database.read() as session:
        ending = "" if length is Length.ALWAYS else length
        found = await accounts.the_one(session, visiting, name, word="mute", ending=ending)
    if not isinstance(found, Account):
        return found
    lasting = LASTING[length]
    until = now + lasting if lasting else None
    async with desk.database.write() as session:
        await mute.add(session, visitor.workspace_id, visitor.user_id, found.id, until=until, now=now)
    return view.muted(found, until)


async def remove(typed: str, client: AsyncWebClient, desk: Desk, visitor: Visitor) -> Answer:
    """Tell somebody of an account again; without a name, list what they muted."""
    name = name_in(typed)
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


async def undone_in_destination(
    ack: AsyncAck, action: dict[str, Any], client: AsyncWebClient, respond: AsyncRespond, desk: Desk, visitor: Visitor
) -> None:
    """Let a destination tell of an account again, and answer in the place of the button."""
    await people.require_manager(desk, client, visitor)
    destination_id, account_id = view.read_place_of(action)
    async with desk.database.write() as session:
        wanting = await destination.get(session, visitor.workspace_id, destination_id, hold=True)
        await destination_mute.remove(session, wanting, account_id, by=visitor.user_id, now=desk.now())
    await ack()
    await respond(**view.told_again(wanting.name), replace_original=True)


async def _undo(action: dict[str, Any], desk: Desk, visitor: Visitor) -> None:
    async with desk.database.write() as session:
        await mute.remove(session, visitor.workspace_id, visitor.user_id, view.read(action))


async def ask(body: dict[str, Any], client: AsyncWebClient, desk: Desk, visitor: Visitor) -> None:
    """Ask where and for how long the account of a message is to be silent."""
    visiting = await people.require_member(desk, client, visitor)
    async with desk.database.read() as session:
        is_manager = await person.is_manager(session, visiting)
        found = await told.find(session, visitor.workspace_id, body)
        about = await _about(session, found, visitor, is_manager=is_manager) if found is not None else None
        drawn = view.gone_view() if about is None else view.question(await _muting(session, desk, visitor, about))
    await client.views_open(trigger_id=body["trigger_id"], view=drawn)


async def answered(ack: AsyncAck, body: dict[str, Any], client: AsyncWebClient, desk: Desk, visitor: Visitor) -> None:
    """Mute the account as was chosen, and show how that is undone."""
    is_manager, now = await people.is_manager(desk, client, visitor), desk.now()
    chosen = view.read_choice(body["view"])
    lasting = LASTING[chosen.length]
    until = now + lasting if lasting else None
    async with desk.database.write() as session:
        about = await _read_about(session, body["view"], visitor, is_manager=is_manager)
        if chosen.place is Place.OWN:
            await mute.add(session, visitor.workspace_id, visitor.user_id, about.account.id, until=until, now=now)
        else:
            wanting = about.silenced()
            await destination_mute.add(session, wanting, about.account, until=until, by=visitor.user_id, now=now)
        drawn = view.muted_view(await _muting(session, desk, visitor, about))
    await ack(response_action="update", view=drawn)


async def undone_in_modal(
    ack: AsyncAck, action: dict[str, Any], body: dict[str, Any], client: AsyncWebClient, desk: Desk, visitor: Visitor
) -> None:
    """End a mute, and show what is muted still."""
    is_manager = await people.is_manager(desk, client, visitor)
    async with desk.database.write() as session:
        about = await _read_about(session, body["view"], visitor, is_manager=is_manager)
        if view.read_place(action) is Place.OWN:
            await mute.remove(session, visitor.workspace_id, visitor.user_id, about.account.id)
        else:
            wanting = about.silenced()
            await destination_mute.remove(session, wanting, about.account.id, by=visitor.user_id, now=desk.now())
        drawn = view.muted_view(await _muting(session, desk, visitor, about))
    await client.views_update(view_id=body["view"]["id"], hash=body["view"]["hash"], view=drawn)
    await ack()


@dataclass(frozen=True)
class About:
    """A message, the account of which it tells, and the destination that told of it, if its reader may change that."""

    message: Delivery
    account: Account
    wanting: Destination | None

    def silenced(self) -> Destination:
        """Give the destination. Raises `NotManagerError` where its reader may not change it, or it is gone."""
        if self.wanting is None:
            raise NotManagerError
        return self.wanting


async def _about(session: AsyncSession, found: Delivery, visitor: Visitor, *, is_manager: bool) -> About | None:
    account = await ledger.account_of(session, found)
    if account is None:
        return None
    wanting = None
    if is_manager and found.asked_by != RUNRATE:
        with contextlib.suppress(DestinationUnknownError):
            wanting = await destination.get(session, visitor.workspace_id, found.asked_by, hold=True)
    return About(found, account, wanting)


async def _read_about(session: AsyncSession, drawn: dict[str, Any], visitor: Visitor, *, is_manager: bool) -> About:
    found = await delivery.get(session, visitor.workspace_id, subject(drawn) or "")
    about = await _about(session, found, visitor, is_manager=is_manager)
    if about is None:
        raise AccountGoneError
    return about


async def _muting(session: AsyncSession, desk: Desk, visitor: Visitor, about: About) -> Muting:
    """Gather where the account is silent by now, as far as its reader may know."""
    now, workspace_id = desk.now(), visitor.workspace_id
    own = await mute.find(session, workspace_id, visitor.user_id, about.account.id, now=now)
    wanting, in_destination = about.wanting, None
    if wanting is not None:
        in_destination = await destination_mute.find(session, workspace_id, wanting.id, about.account.id, now=now)
    return Muting(
        delivery_id=about.message.id,
        name=about.account.display_name,
        destination_name=wanting.name if wanting is not None else None,
        is_direct=about.message.recipient_kind == RecipientKind.PERSON,
        own=Lasting(own.until) if own is not None else None,
        in_destination=Lasting(in_destination.until) if in_destination is not None else None,
    )
