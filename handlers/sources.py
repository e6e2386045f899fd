"""Adding, renaming, pausing and removing sources, rotating their keys, and seeing what they sent and where to."""

from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.web.async_client import AsyncWebClient
from sqlalchemy.ext.asyncio import AsyncSession

from handlers import chartmogul, credentials, crm, home, people, stripe
from handlers.desk import Desk, Visitor
from handlers.listening import limited
from handlers.views import chartmogul as api_key
from handlers.views import crm as crm_form
from handlers.views import source_details as details
from handlers.views import sources as forms
from handlers.views.blocks import View
from handlers.views.filled import subject
from handlers.views.source_details import MOST_REFUSED, RefusedEvent, SourceDetails
from handlers.views.sources import Field, Menu, SourceAddress
from models import erasure, event, record, source
from models.crm import AccessInvalidError
from models.event import REFUSED_KEPT, Event
from models.poll import ApiKeyError
from models.schedule import midnight
from models.source import POLLED, NoWebhookError, Source, SourceKind, SourceNameTakenError
from models.stripe import SigningSecretError
from scheduler.messages import silence as silence_message


def register(app: AsyncApp) -> None:
    """Listen to the button, the menu and the forms."""
    app.action(forms.ACTIONS.add)(limited(pressed_add))
    app.action(forms.ACTIONS.kind)(limited(chose_kind))
    app.action(forms.ACTIONS.menu)(limited(chose))
    app.action(forms.ACTIONS.try_again)(limited(pressed_try_again))
    app.action(silence_message.ACTIONS.details)(limited(pressed_details))
    app.view(forms.CALLBACKS.add)(limited(added))
    app.view(forms.CALLBACKS.save)(limited(saved))
    app.view(forms.CALLBACKS.rotate)(limited(rotated))
    app.view(forms.CALLBACKS.remove)(limited(removed))


async def pressed_add(
    ack: AsyncAck, body: dict[str, Any], client: AsyncWebClient, desk: Desk, visitor: Visitor
) -> None:
    """Open the form."""
    await people.require_manager(desk, client, visitor)
    await client.views_open(trigger_id=body["trigger_id"], view=forms.form(forms.SourceForm()))
    await ack()


async def chose_kind(ack: AsyncAck, body: dict[str, Any], client: AsyncWebClient, desk: Desk, visitor: Visitor) -> None:
    """Draw the form again with the fields of the kind that was chosen."""
    await people.require_manager(desk, client, visitor)
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
            await chartmogul.connect(session, new, view, desk, visitor)
            await stripe.connect(session, new, view, desk, visitor)
            drawn = await _added(session, desk, visitor, new, key, view)
    except SourceNameTakenError as error:
        await ack(response_action="errors", errors=forms.errors({Field.NAME: str(error)}))
        return
    except (ApiKeyError, SigningSecretError) as error:
        of_stripe = form.kind == SourceKind.STRIPE
        await ack(response_action="errors", errors=stripe.errors(error) if of_stripe else api_key.errors(str(error)))
        return
    except AccessInvalidError as error:
        await ack(response_action="errors", errors=crm_form.errors(error.errors))
        return
    await ack(response_action="update", view=drawn)
    await home.refresh(desk, client, visitor)


async def _added(
    session: AsyncSession, desk: Desk, visitor: Visitor, new: Source, key: str, view: dict[str, Any]
) -> View:
    """Draw what comes next: where to send events, or for a CRM, which is asked from now on, what is read of it."""
    if new.kind not in POLLED:
        return await _address(session, desk, new, key)
    await crm.connect(session, new, view, desk, visitor)
    return crm_form.connected(forms.title(new.name, SourceKind(new.kind)), callback_id=forms.CALLBACKS.shown)


async def chose(
    ack: AsyncAck, action: dict[str, Any], body: dict[str, Any], client: AsyncWebClient, desk: Desk, visitor: Visitor
) -> None:
    """Do what was chosen in a source's menu."""
    await people.require_manager(desk, client, visitor)
    choice, source_id = forms.read_menu(action)
    match choice:
        case Menu.DETAILS:
            drawn = await _details(desk, client, visitor, source_id)
        case Menu.SHOW:
            drawn = await _reveal(desk, visitor, source_id)
        case Menu.CONNECTION:
            async with desk.database.read() as session:
                drawn = await credentials.draw(session, desk, visitor, source_id)
        case Menu.ROTATE:
            drawn = await _ask_to_rotate(desk, visitor, source_id)
        case Menu.REMOVE:
            drawn = await _ask_to_remove(desk, visitor, source_id)
        case Menu.PAUSE | Menu.RESUME:
            await _switch(desk, visitor, source_id, is_on=choice is Menu.RESUME)
            await ack()
            await home.refresh(desk, client, visitor)
            return
    await client.views_open(trigger_id=body["trigger_id"], view=drawn)
    await ack()


async def pressed_details(
    ack: AsyncAck, action: dict[str, Any], body: dict[str, Any], client: AsyncWebClient, desk: Desk, visitor: Visitor
) -> None:
    """Show the source that a notice is about."""
    await people.require_manager(desk, client, visitor)
    drawn = await _details(desk, client, visitor, str(action.get("value")))
    await client.views_open(trigger_id=body["trigger_id"], view=drawn)
    await ack()


async def saved(ack: AsyncAck, view: dict[str, Any], client: AsyncWebClient, desk: Desk, visitor: Visitor) -> None:
    """Rename the source."""
    await people.require_manager(desk, client, visitor)
    async with desk.database.write() as session:
        found = await source.get(session, visitor.workspace_id, subject(view) or "")
        await source.rename(session, found, details.read_name(view), by=visitor.user_id, now=desk.now())
    await ack()
    await home.refresh(desk, client, visitor)


async def rotated(ack: AsyncAck, view: dict[str, Any], client: AsyncWebClient, desk: Desk, visitor: Visitor) -> None:
    """Give the source a new key, and show its new address."""
    await people.require_manager(desk, client, visitor)
    now = desk.now()
    async with desk.database.write() as session:
        found = await source.get(session, visitor.workspace_id, subject(view) or "")
        key = await source.rotate(
            session, found, keyring=desk.keyring, is_leaked=forms.is_leaked(view), by=visitor.user_id, now=now
        )
        drawn = await _address(session, desk, found, key)
    await ack(response_action="update", view=drawn)


async def removed(ack: AsyncAck, view: dict[str, Any], client: AsyncWebClient, desk: Desk, visitor: Visitor) -> None:
    """Remove the source that the question was about."""
    await people.require_manager(desk, client, visitor)
    async with desk.database.write() as session:
        found = await source.get(session, visitor.workspace_id, subject(view) or "")
        is_forgotten = forms.is_forgotten(view)
        await source.remove(session, found, by=visitor.user_id, now=desk.now(), is_forgotten=is_forgotten)
    await ack()
    await home.refresh(desk, client, visitor)


async def pressed_try_again(
    ack: AsyncAck, action: dict[str, Any], body: dict[str, Any], client: AsyncWebClient, desk: Desk, visitor: Visitor
) -> None:
    """Apply an event again that could not be applied, and draw the modal as it is now."""
    await people.require_manager(desk, client, visitor)
    async with desk.database.write() as session:
        tried = await event.try_again(session, visitor.workspace_id, int(action["value"]))
        if tried is not None:
            found = await source.get(session, visitor.workspace_id, tried.source_id)
            source.note_try(session, found, tried.id, by=visitor.user_id, now=desk.now())
    view = body["view"]
    drawn = await _details(desk, client, visitor, subject(view) or "")
    await client.views_update(view_id=view["id"], hash=view["hash"], view=drawn)
    await ack()


async def _switch(desk: Desk, visitor: Visitor, source_id: str, *, is_on: bool) -> None:
    change = source.resume if is_on else source.pause
    async with desk.database.write() as session:
        found = await source.get(session, visitor.workspace_id, source_id)
        await change(session, found, by=visitor.user_id, now=desk.now())


async def _reveal(desk: Desk, visitor: Visitor, source_id: str) -> View:
    async with desk.database.write() as session:
        found = await source.get(session, visitor.workspace_id, source_id)
        key = await source.reveal(session, found, keyring=desk.keyring, by=visitor.user_id, now=desk.now())
        return await _address(session, desk, found, key)


async def _details(desk: Desk, client: AsyncWebClient, visitor: Visitor, source_id: str) -> View:
    """Gather what a source sent today, which began at midnight where the visitor is, and what was refused."""
    now, visiting = desk.now(), await people.who(desk, client, visitor)
    async with desk.database.read() as session:
        found = await source.get(session, visitor.workspace_id, source_id)
        today, is_all = await event.count_since(session, found, since=midnight(now, visiting.zone.key))
        held = await event.count_held(session, [found.id])
        companies = await record.counts(session, found.workspace_id, found.id)
        since = now - REFUSED_KEPT
        refused = await event.refused_of_source(session, found.id, since=since, limit=MOST_REFUSED + 1)
        await erasure.cover(session, refused)
    return details.draw(
        SourceDetails(
            id=found.id,
            name=found.name,
            kind=SourceKind(found.kind),
            created_by=found.created_by,
            created_at=found.created_at,
            last_event_at=found.last_event_at,
            today=today,
            is_all_of_today=is_all,
            paused_at=found.paused_at,
            held=held.get(found.id, 0),
            companies=companies,
            old_key_until=found.old_key_until if found.is_old_key_open(now=now) else None,
            refused=tuple(_refusal(one) for one in refused),
        )
    )


async def _ask_to_rotate(desk: Desk, visitor: Visitor, source_id: str) -> View:
    async with desk.database.read() as session:
        found = await source.get(session, visitor.workspace_id, source_id)
    if not found.has_webhook:
        raise NoWebhookError
    return forms.rotate_question(source_id=found.id, name=found.name)


async def _ask_to_remove(desk: Desk, visitor: Visitor, source_id: str) -> View:
    async with desk.database.read() as session:
        found = await source.get(session, visitor.workspace_id, source_id)
    return forms.remove_question(source_id=found.id, name=found.name, kind=SourceKind(found.kind))


async def _address(session: AsyncSession, desk: Desk, found: Source, key: str) -> View:
    if not found.has_webhook:
        raise NoWebhookError
    now = desk.now()
    address = SourceAddress(
        id=found.id,
        name=found.name,
        kind=SourceKind(found.kind),
        url=desk.webhook_url(key),
        key=key,
        tracking_url=desk.public_url,
        shared_secret=source.shared_secret(found, keyring=desk.keyring),
        old_key_until=found.old_key_until if found.is_old_key_open(now=now) else None,
    )
    more = [*await chartmogul.offer(session, found), *await stripe.offer(session, found)]
    return forms.address(address, more=more, now=now)


def _refusal(refused: Event) -> RefusedEvent:
    return RefusedEvent(
        record=refused.record or refused.kind,
        field=refused.refused_field or "",
        reason=refused.refused_because or "",
        at=refused.received_at,
        payload=refused.raw,
        event_id=refused.id if refused.can_be_tried_again else None,
    )
