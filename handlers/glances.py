"""`/mrr` and `/mrr recap`: how MRR stands, told to whoever asks, and shared with the channel by a button."""

from datetime import datetime
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond
from slack_sdk.web.async_client import AsyncWebClient

from handlers import people, sharing
from handlers.desk import Desk, Visitor
from handlers.listening import limited
from handlers.views import glances as view
from handlers.views import sharing as sharing_view
from handlers.views.answers import Answer
from handlers.views.glances import Place
from models import glance
from models.base import UserError
from models.glance import Glance
from models.person import Person


def register(app: AsyncApp) -> None:
    """Listen to the button."""
    app.action(view.ACTIONS.share)(limited(shared))


async def show(
    ack: AsyncAck,
    command: dict[str, Any],
    respond: AsyncRespond,
    client: AsyncWebClient,
    desk: Desk,
    visitor: Visitor,
    *,
    typed: str,
) -> None:
    """Answer with the period that was typed, on the calendar where the person is; or share it in a channel."""
    visiting, now = await people.require_member(desk, client, visitor), desk.now()
    words, place = view.read_place(typed)
    asked = view.read_period(words, visiting.zone.key, now=now)
    async with desk.database.read() as session:
        if asked is None:
            await ack(**view.usage())
            return
        if place is None:
            seen = await glance.see(session, visitor.workspace_id, asked, now=now)
    if place is not None:
        await ack(**await _share_there(place, asked, visiting, client, desk, now=now))
        return
    can_share = sharing.channel_of(command) is not None
    await sharing.answer(respond, view.answer(seen, can_share=can_share, told_at=now))
    await ack()


async def _share_there(
    place: Place, asked: Glance, visiting: Person, client: AsyncWebClient, desk: Desk, *, now: datetime
) -> Answer:
    """Owe a period to the channel that was typed."""
    if place.channel_id is None:
        raise UserError(sharing_view.UNKNOWN)
    visitor = Visitor(visiting.workspace_id, visiting.user_id)
    await sharing.check(place.channel_id, client, desk, visitor, here=False)
    await _owe(asked, place.channel_id, visiting, desk, asked_at=f"{now.timestamp():.6f}", now=now)
    return sharing_view.shared(place.channel_id)


async def _owe(asked: Glance, channel_id: str, visiting: Person, desk: Desk, *, asked_at: str, now: datetime) -> bool:
    """Owe a period to a channel; say whether it wasn't owed before."""
    async with desk.database.write() as session:
        return await glance.share(
            session,
            visiting.workspace_id,
            asked,
            channel_id,
            asked=asked_at,
            note=f"{visiting.name} shared this",
            by=visiting.user_id,
            now=now,
        )


async def shared(
    ack: AsyncAck,
    action: dict[str, Any],
    body: dict[str, Any],
    client: AsyncWebClient,
    respond: AsyncRespond,
    desk: Desk,
    visitor: Visitor,
) -> None:
    """Owe the period to the channel in which it was asked for, once for each time that it was asked for."""
    visiting = await people.require_member(desk, client, visitor)
    channel_id = body["channel"]["id"]
    await sharing.check(channel_id, client, desk, visitor)
    asked_at = str(body["container"]["message_ts"])
    is_new = await _owe(view.read(action), channel_id, visiting, desk, asked_at=asked_at, now=desk.now())
    await ack()
    await respond(**(sharing_view.shared() if is_new else sharing_view.shared_before()), replace_original=False)
