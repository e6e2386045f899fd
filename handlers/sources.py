"""Adding and removing sources, and seeing a source's address and what of it was refused."""

from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from handlers import home, people
from handlers.desk import Desk, Visitor
from handlers.listening import limited
from handlers.views import sources as forms
from handlers.views.blocks import View
from handlers.views.sources import Field, Menu, RefusedEvent, SourceAddress
from models import event, source
from models.base import UserError
from models.event import Event
from models.source import Source, SourceKind, SourceNameTakenError


def register(app: AsyncApp) -> None:
    """Listen to the button, the menu and the forms."""
    app.action(forms.ACTIONS.add)(limited(pressed_add))
    app.action(forms.ACTIONS.kind)(limited(chose_kind))
    app.action(forms.ACTIONS.menu)(limited(chose))
    app.view(forms.CALLBACKS.add)(limited(added))
    app.view(forms.CALLBACKS.remove)(limited(removed))


async def pressed_add(
    ack: AsyncAck, body: dict[str, Any], client: AsyncWebClient, desk: Desk, visitor: Visitor
) -> None:
    """Open the form."""
    await people.require_manager(desk, client, visitor)
    await client.views_open(trigger_id=body["trigger_id"], view=forms.form(forms.SourceForm()))
    await ack()


async def chose_kind(ack: AsyncAck, body: dict[str, Any], client: AsyncWebClient) -> None:
    """Draw the form again with the fields of the kind that was chosen."""
    view = body["view"]
    await client.views_update(view_id=view["id"], hash=view["hash"], view=forms.form(forms.read(view)))
    await ack()


async def added(ack: AsyncAck, view: dict[str, Any], client: AsyncWebClient, desk: Desk, visitor: Visitor) -> None:
    """Add the source and show its address."""
    await people.require_manager(desk, client, visitor)
    form = forms.read(view)
    try:
        async with desk.database.write() as session:
            new, key = await source.add(
                session,
                visitor.workspace_id,
                kind=form.kind,
                name=form.name,
                account_creation=form.account_creation,
                keyring=desk.keyring,
                by=visitor.user_id,
                now=desk.now(),
            )
    except SourceNameTakenError as error:
        await ack(response_action="errors", errors=forms.errors({Field.NAME: str(error)}))
        return
    await ack(response_action="update", view=_address(desk, new, key))
    await home.refresh(desk, client, visitor)


async def chose(
    ack: AsyncAck, action: dict[str, Any], body: dict[str, Any], client: AsyncWebClient, desk: Desk, visitor: Visitor
) -> None:
    """Do what was chosen in a source's menu."""
    await people.require_manager(desk, client, visitor)
    choice, source_id = forms.read_menu(action)
    match choice:
        case Menu.SHOW:
            drawn = await _reveal(desk, visitor, source_id)
        case Menu.REFUSED:
            drawn = await _refused(desk, visitor, source_id)
        case Menu.REMOVE:
            drawn = await _ask_to_remove(desk, visitor, source_id)
    await client.views_open(trigger_id=body["trigger_id"], view=drawn)
    await ack()


async def removed(ack: AsyncAck, view: dict[str, Any], client: AsyncWebClient, desk: Desk, visitor: Visitor) -> None:
    """Remove the source that the question was about."""
    await people.require_manager(desk, client, visitor)
    async with desk.database.write() as session:
        found = await source.get(session, visitor.workspace_id, view["private_metadata"])
        await source.remove(session, found, by=visitor.user_id, now=desk.now())
    await ack()
    await home.refresh(desk, client, visitor)


async def _reveal(desk: Desk, visitor: Visitor, source_id: str) -> View:
    async with desk.database.write() as session:
        found = await source.get(session, visitor.workspace_id, source_id)
        key = await source.reveal(session, found, keyring=desk.keyring, by=visitor.user_id, now=desk.now())
        return _address(desk, found, key)


async def _refused(desk: Desk, visitor: Visitor, source_id: str) -> View:
    async with desk.database.read() as session:
        found = await source.get(session, visitor.workspace_id, source_id)
        events = await event.refused_of_source(session, found.id, limit=forms.MOST_REFUSED + 1)
    return forms.refused_events(found.name, [_refusal(one) for one in events])


async def _ask_to_remove(desk: Desk, visitor: Visitor, source_id: str) -> View:
    async with desk.database.read() as session:
        found = await source.get(session, visitor.workspace_id, source_id)
    return forms.remove_question(source_id=found.id, name=found.name)


def _address(desk: Desk, found: Source, key: str) -> View:
    if found.kind == SourceKind.CSV:
        raise UserError("Files come in with `runrate import`; there is no URL to show.")
    address = SourceAddress(
        id=found.id,
        name=found.name,
        kind=SourceKind(found.kind),
        url=desk.webhook_url(key),
        key=key,
        tracking_url=desk.public_url,
        shared_secret=source.shared_secret(found, keyring=desk.keyring),
    )
    return forms.address(address, now=desk.now())


def _refusal(refused: Event) -> RefusedEvent:
    return RefusedEvent(
        record=refused.record or refused.kind,
        field=refused.refused_field or "",
        reason=refused.refused_because or "",
        at=refused.received_at,
    )
