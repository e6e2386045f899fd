"""A destination in detail, for whoever may know of it; a manager sees there who changed what, and can change it."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.web.async_client import AsyncWebClient
from sqlalchemy.ext.asyncio import AsyncSession

from handlers import home, modals, people
from handlers.desk import Desk, Visitor
from handlers.listening import limited
from handlers.views import destination_details as details
from handlers.views import destinations as rows
from handlers.views import mutes as mute_views
from handlers.views.blocks import View
from handlers.views.destination_details import (
    CHANGES_SHOWN,
    MUTES_SHOWN,
    Change,
    DestinationDetails,
    GivenUp,
    MutedHere,
)
from handlers.views.filled import subject
from handlers.views.listing import Listing
from models import account, audit, destination, destination_mute, ledger, person
from models.audit import AuditEntry
from models.destination import Destination, DestinationUnknownError
from models.person import Person
from scheduler.messages.keeper import Gone

MOST_GIVEN_UP = 1000


def register(app: AsyncApp) -> None:
    """Listen to the button that opens the details, and to those in them that nothing else listens to."""
    app.action(rows.ACTIONS.details)(limited(opened))
    for action_id in (details.ACTIONS.newer, details.ACTIONS.older):
        app.action(action_id)(limited(turned))
    app.action(details.ACTIONS.unmute)(limited(unmuted))


async def opened(
    ack: AsyncAck, action: dict[str, Any], body: dict[str, Any], client: AsyncWebClient, desk: Desk, visitor: Visitor
) -> None:
    """Open the details."""
    await show(desk, client, visitor, trigger_id=body["trigger_id"], destination_id=details.read_id(action))
    await ack()


async def turned(
    ack: AsyncAck, action: dict[str, Any], body: dict[str, Any], client: AsyncWebClient, desk: Desk, visitor: Visitor
) -> None:
    """Show another page of who changed what."""
    drawn = await _drawn(desk, client, visitor, details.read_id(action), page=details.read_page(action))
    await client.views_update(view_id=body["view"]["id"], hash=body["view"]["hash"], view=drawn)
    await ack()


async def unmuted(
    ack: AsyncAck, action: dict[str, Any], body: dict[str, Any], client: AsyncWebClient, desk: Desk, visitor: Visitor
) -> None:
    """Let the destination tell of an account again, and show what is muted still."""
    await people.require_manager(desk, client, visitor)
    destination_id, account_id = mute_views.read_place_of(action)
    async with desk.database.write() as session:
        found = await destination.get(session, visitor.workspace_id, destination_id, hold=True)
        await destination_mute.remove(session, found, account_id, by=visitor.user_id, now=desk.now())
    await show_again(desk, client, visitor, view_id=body["view"]["id"], destination_id=destination_id)
    await ack()


async def show(
    desk: Desk, client: AsyncWebClient, visitor: Visitor, *, trigger_id: str, destination_id: str, over: bool = False
) -> None:
    """Open the details of a destination."""
    drawn = await _drawn(desk, client, visitor, destination_id)
    await modals.show(client, drawn, trigger_id=trigger_id, over=over)


async def show_again(
    desk: Desk, client: AsyncWebClient, visitor: Visitor, *, view_id: str | None, destination_id: str | None
) -> None:
    """Show the details as they are now, where they are open, or lie under what was answered."""
    if view_id is not None and destination_id is not None:
        drawn = await _drawn(desk, client, visitor, destination_id)
        await client.views_update(view_id=view_id, view=drawn)


async def show_under(desk: Desk, client: AsyncWebClient, visitor: Visitor, answered: dict[str, Any]) -> None:
    """Show the details again that lie under a form about the same destination."""
    await show_again(desk, client, visitor, view_id=modals.below(answered), destination_id=subject(answered))


async def _drawn(desk: Desk, client: AsyncWebClient, visitor: Visitor, destination_id: str, *, page: int = 0) -> View:
    visiting = await people.require_member(desk, client, visitor)
    async with desk.database.read() as session:
        return details.draw(await _gathered(session, desk, visiting, destination_id, page=page))


async def _gathered(
    session: AsyncSession, desk: Desk, visiting: Person, destination_id: str, *, page: int
) -> DestinationDetails:
    """Gather what a person may know of a destination. One of which they may know nothing is unknown to them."""
    found = await destination.get(session, visiting.workspace_id, destination_id)
    may_change = await person.is_manager(session, visiting)
    row = await home.destination_row(session, visiting, found, may_change=may_change, now=desk.now())
    if row is None:
        raise DestinationUnknownError
    told = DestinationDetails(
        row=row,
        attributes=tuple(found.attributes),
        locale=found.locale,
        group_minutes=found.group_minutes,
        has_threads=found.has_threads,
        mentions=found.mentions,
        tells_empty=found.tells_empty,
        created_by=found.created_by,
        created_at=found.created_at,
        kept_by=found.kept_by,
        gone=await _gone(session, found),
        may_change=may_change,
    )
    if not may_change:
        return told
    return replace(
        told,
        given_up=await _given_up(session, found, now=desk.now()),
        mutes=await _mutes(session, found, now=desk.now()),
        changes=await _changes(session, found, page=page),
        page=page,
    )


async def _gone(session: AsyncSession, found: Destination) -> Gone | None:
    if found.unkept_at is None:
        return None
    keeper = await person.get(session, found.workspace_id, found.kept_by)
    return Gone.LEFT if keeper is not None and keeper.is_deactivated else Gone.DEMOTED


async def _given_up(session: AsyncSession, found: Destination, *, now: datetime) -> GivenUp | None:
    failed = await ledger.newest_failures(session, found.workspace_id, asked_by=found.id, limit=MOST_GIVEN_UP, now=now)
    if not failed:
        return None
    return GivenUp(count=len(failed), reason=failed[0].reason or "Slack refused it", fix=failed[0].fix)


async def _mutes(session: AsyncSession, found: Destination, *, now: datetime) -> Listing[MutedHere]:
    listed, total = await destination_mute.of_destination(
        session, found.workspace_id, found.id, limit=MUTES_SHOWN, now=now
    )
    rows = [MutedHere(one.account_id, about.display_name, one.until, one.muted_by) for one, about in listed]
    return Listing(tuple(rows), total)


async def _changes(session: AsyncSession, found: Destination, *, page: int) -> Listing[Change]:
    entries, total = await audit.of_subject(
        session, found.workspace_id, found.id, offset=page * CHANGES_SHOWN, limit=CHANGES_SHOWN
    )
    return Listing(tuple([await _change(session, one) for one in entries]), total)


async def _change(session: AsyncSession, entry: AuditEntry) -> Change:
    account_id = entry.detail.get("account_id")
    about = await account.get(session, entry.workspace_id, account_id) if account_id else None
    name = about.display_name if about is not None else None
    return Change(actor=entry.actor, action=entry.action, detail=entry.detail, about=name, at=entry.at)
