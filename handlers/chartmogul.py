"""The API key of a ChartMogul source: entered with the source or later, changed, and taken away."""

from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.web.async_client import AsyncWebClient
from sqlalchemy.ext.asyncio import AsyncSession

from handlers import home, people
from handlers.desk import Desk, Visitor
from handlers.listening import limited
from handlers.views import chartmogul as forms
from handlers.views.blocks import Block, View
from handlers.views.filled import subject
from handlers.views.polling import polling
from models import poll, source
from models.base import UserError
from models.poll import ApiKeyError
from models.source import Source, SourceKind


def register(app: AsyncApp) -> None:
    """Listen to the form."""
    app.view(forms.CALLBACK)(limited(saved))


async def opened(session: AsyncSession, found: Source) -> View:
    """Draw the form for the API key."""
    is_set = await poll.of_source(session, found.id) is not None
    return forms.form(source_id=found.id, name=found.name, is_set=is_set)


async def saved(ack: AsyncAck, view: dict[str, Any], client: AsyncWebClient, desk: Desk, visitor: Visitor) -> None:
    """Poll with the key that was entered; with none, no more."""
    await people.require_manager(desk, client, visitor)
    try:
        async with desk.database.write() as session:
            found = await _of_kind(session, visitor, subject(view) or "")
            if forms.read_api_key(view):
                await connect(session, found, view, desk, visitor)
            else:
                await poll.disconnect(session, found, by=visitor.user_id, now=desk.now())
    except ApiKeyError as error:
        await ack(response_action="errors", errors=forms.errors(str(error)))
        return
    await ack(response_action="clear")
    await home.refresh(desk, client, visitor)


async def connect(session: AsyncSession, new: Source, view: dict[str, Any], desk: Desk, visitor: Visitor) -> None:
    """Poll with the key that a form has, if it has one."""
    api_key = forms.read_api_key(view)
    if api_key and new.kind == SourceKind.CHARTMOGUL:
        credentials = poll.read_key(api_key)
        await poll.connect(
            session, new, credentials=credentials, keyring=desk.keyring, by=visitor.user_id, now=desk.now()
        )


async def offer(session: AsyncSession, found: Source) -> list[Block]:
    """Draw what stands below a source's address: how polling fares, and the button."""
    if found.kind != SourceKind.CHARTMOGUL:
        return []
    polled = await poll.of_source(session, found.id)
    return [forms.offer(found.id, polling(polled) if polled is not None else None)]


async def _of_kind(session: AsyncSession, visitor: Visitor, source_id: str) -> Source:
    found = await source.get(session, visitor.workspace_id, source_id)
    if found.kind != SourceKind.CHARTMOGUL:
        raise UserError("Only a ChartMogul source has an API key.")
    return found
