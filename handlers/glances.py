"""`/mrr` and `/mrr recap`: how MRR stands, told to whoever asks, and shared with the channel by a button."""

from collections.abc import Sequence
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond
from slack_sdk.web.async_client import AsyncWebClient

from handlers import people, sharing
from handlers.desk import Desk, Visitor
from handlers.listening import limited
from handlers.views import glances as view
from handlers.views import sharing as sharing_view
from models import glance


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
    words: Sequence[str],
) -> None:
    """Answer with the period that the words name, on the calendar where the person is."""
    visiting, now = await people.require_member(desk, client, visitor), desk.now()
    asked = view.read_words(words, visiting.zone.key, now=now)
    async with desk.database.read() as session:
        if asked is None:
            await ack(**view.usage())
            return
        seen = await glance.see(session, visitor.workspace_id, asked, now=now)
    can_share = sharing.channel_of(command) is not None
    await sharing.answer(respond, view.answer(seen, can_share=can_share, told_at=now))
    await ack()


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
    async with desk.database.write() as session:
        await glance.share(
            session,
            visitor.workspace_id,
            view.read(action),
            channel_id,
            asked=str(body["container"]["message_ts"]),
            note=f"{visiting.name} shared this",
            by=visitor.user_id,
            now=desk.now(),
        )
    await ack()
    await respond(**sharing_view.shared(), replace_original=False)
