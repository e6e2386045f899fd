"""Making, changing and deleting destinations, in modals from the Home tab and from `/mrr new`."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import time
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.web.async_client import AsyncWebClient
from sqlalchemy.ext.asyncio import AsyncSession

from handlers import home, people
from handlers.channels import check_channels
from handlers.desk import Desk, Visitor
from handlers.listening import limited
from handlers.views import destinations as forms
from handlers.views.destinations import DestinationForm, Field, Menu
from handlers.views.filled import subject
from models import attribute, channel, destination, lane, ledger, recipient
from models.channel import Channel
from models.destination import FieldError, Frequency, Wish
from models.ledger import Health
from models.recipient import RecipientKind


def register(app: AsyncApp) -> None:
    """Listen to the buttons, the menu and the forms."""
    app.action(forms.ACTIONS.new)(limited(pressed_new))
    app.action(forms.ACTIONS.edit)(limited(pressed_edit))
    app.action(forms.ACTIONS.menu)(limited(chose))
    app.action(forms.ACTIONS.frequency)(limited(chose_frequency))
    app.view(forms.CALLBACKS.save)(limited(saved))
    app.view(forms.CALLBACKS.delete)(limited(deleted))


async def pressed_new(
    ack: AsyncAck, action: dict[str, Any], body: dict[str, Any], client: AsyncWebClient, desk: Desk, visitor: Visitor
) -> None:
    """Open an empty form."""
    await open_new(desk, client, visitor, trigger_id=body["trigger_id"], form=forms.read_new(action))
    await ack()


async def pressed_edit(
    ack: AsyncAck, action: dict[str, Any], body: dict[str, Any], client: AsyncWebClient, desk: Desk, visitor: Visitor
) -> None:
    """Open a destination's form."""
    await _open_edit(desk, client, visitor, trigger_id=body["trigger_id"], destination_id=forms.read_edit(action))
    await ack()


async def chose(
    ack: AsyncAck, action: dict[str, Any], body: dict[str, Any], client: AsyncWebClient, desk: Desk, visitor: Visitor
) -> None:
    """Do what was chosen in a destination's menu."""
    choice, destination_id = forms.read_menu(action)
    match choice:
        case Menu.EDIT:
            await _open_edit(desk, client, visitor, trigger_id=body["trigger_id"], destination_id=destination_id)
        case Menu.DELETE:
            await _ask_to_delete(desk, client, visitor, trigger_id=body["trigger_id"], destination_id=destination_id)
    await ack()


async def chose_frequency(
    ack: AsyncAck, body: dict[str, Any], client: AsyncWebClient, desk: Desk, visitor: Visitor
) -> None:
    """Draw the form again with the fields of the frequency that was chosen."""
    await people.require_manager(desk, client, visitor)
    view = body["view"]
    async with desk.database.read() as session:
        form = await _read(session, view, visitor)
        known = await attribute.keys(session, visitor.workspace_id)
        outside = await _outside(session, form.channel_ids, visitor) if form.outsiders_confirmed else []
    outside_ids = [one.channel_id for one in outside]
    drawn = forms.form(form, known_attributes=known, destination_id=subject(view), outside_channel_ids=outside_ids)
    await client.views_update(view_id=view["id"], hash=view["hash"], view=drawn)
    await ack()


async def open_new(
    desk: Desk, client: AsyncWebClient, visitor: Visitor, *, trigger_id: str, form: DestinationForm
) -> None:
    """Open the form for a new destination."""
    await people.require_manager(desk, client, visitor)
    async with desk.database.read() as session:
        known = await attribute.keys(session, visitor.workspace_id)
    await client.views_open(trigger_id=trigger_id, view=forms.form(form, known_attributes=known))


async def _open_edit(
    desk: Desk, client: AsyncWebClient, visitor: Visitor, *, trigger_id: str, destination_id: str
) -> None:
    await people.require_manager(desk, client, visitor)
    async with desk.database.read() as session:
        form = await _stored(session, visitor, destination_id)
        known = await attribute.keys(session, visitor.workspace_id)
        outside = await _outside(session, form.channel_ids, visitor)
    is_confirmed = bool(outside) and not any(one.needs_confirmation for one in outside)
    form = replace(form, outsiders_confirmed=is_confirmed)
    outside_ids = [one.channel_id for one in outside]
    drawn = forms.form(form, known_attributes=known, destination_id=destination_id, outside_channel_ids=outside_ids)
    await client.views_open(trigger_id=trigger_id, view=drawn)


async def _stored(session: AsyncSession, visitor: Visitor, destination_id: str) -> DestinationForm:
    """Fill the form in with a destination as it is."""
    found = await destination.get(session, visitor.workspace_id, destination_id)
    recipients = (await recipient.of_destinations(session, [found.id]))[found.id]
    return DestinationForm(
        name=found.name,
        frequency=Frequency(found.frequency),
        at=f"{found.at:%H:%M}",
        zone=found.zone,
        channel_ids=tuple(to.target for to in recipients),
        attribute_keys=tuple(found.attributes),
    )


async def _read(session: AsyncSession, view: dict[str, Any], visitor: Visitor) -> DestinationForm:
    """Read the form; what it did not ask for stays as the destination has it."""
    destination_id = subject(view)
    otherwise = await _stored(session, visitor, destination_id) if destination_id else None
    return forms.read(view, otherwise=otherwise)


async def _outside(session: AsyncSession, channel_ids: Sequence[str], visitor: Visitor) -> list[Channel]:
    """Find the channels in which people of other companies read along."""
    known = await channel.known(session, visitor.workspace_id)
    return [known[one] for one in channel_ids if one in known and known[one].is_shared_outside]


async def _ask_to_delete(
    desk: Desk, client: AsyncWebClient, visitor: Visitor, *, trigger_id: str, destination_id: str
) -> None:
    await people.require_manager(desk, client, visitor)
    async with desk.database.read() as session:
        found = await destination.get(session, visitor.workspace_id, destination_id)
        recipients = (await recipient.of_destinations(session, [found.id]))[found.id]
        health = await ledger.health(session, visitor.workspace_id)
    question = forms.delete_question(
        destination_id=found.id,
        name=found.name,
        channel_ids=[to.target for to in recipients],
        waiting=health.get(found.id, Health()).waiting,
    )
    await client.views_open(trigger_id=trigger_id, view=question)


async def saved(ack: AsyncAck, view: dict[str, Any], client: AsyncWebClient, desk: Desk, visitor: Visitor) -> None:
    """Make or change a destination as the form says, or say under the field what is wrong."""
    await people.require_manager(desk, client, visitor)
    try:
        outside = await _save(view, client, desk, visitor)
    except FieldError as error:
        await ack(response_action="errors", errors=forms.errors({error.field: str(error)}))
        return
    if outside is not None:
        await ack(response_action="update", view=outside)
        return
    await ack()
    await home.refresh(desk, client, visitor)


async def deleted(ack: AsyncAck, view: dict[str, Any], client: AsyncWebClient, desk: Desk, visitor: Visitor) -> None:
    """Delete the destination that the question was about."""
    await people.require_manager(desk, client, visitor)
    async with desk.database.write() as session:
        found = await destination.get(session, visitor.workspace_id, view["private_metadata"], hold=True)
        await destination.remove(session, found, by=visitor.user_id, now=desk.now())
    await ack()
    await home.refresh(desk, client, visitor)


async def _save(view: dict[str, Any], client: AsyncWebClient, desk: Desk, visitor: Visitor) -> dict[str, Any] | None:
    """Save the form; answer None when it is done, or the form with the question that is still open.

    Raises `FieldError` for a field that has to change first.
    """
    destination_id = subject(view)
    async with desk.database.read() as session:
        form = await _read(session, view, visitor)
    wish = _wish(form)
    checked = await check_channels(form.channel_ids, client, desk, visitor)
    outside = [one.channel_id for one in checked if one.is_shared_outside]
    if outside and not form.outsiders_confirmed:
        async with desk.database.read() as session:
            known = await attribute.keys(session, visitor.workspace_id)
        return forms.form(form, known_attributes=known, destination_id=destination_id, outside_channel_ids=outside)
    async with desk.database.write() as session:
        if destination_id is None:
            await destination.create(session, visitor.workspace_id, wish, by=visitor.user_id, now=desk.now())
        else:
            found = await destination.get(session, visitor.workspace_id, destination_id, hold=True)
            await lane.hurry_all(session, visitor.workspace_id, destination_id, now=desk.now())
            await destination.edit(session, found, wish, by=visitor.user_id, now=desk.now())
        await channel.confirm_outsiders(session, visitor.workspace_id, outside, by=visitor.user_id, now=desk.now())
    return None


def _wish(form: DestinationForm) -> Wish:
    try:
        at = time.fromisoformat(form.at)
    except ValueError as error:
        raise FieldError(Field.AT, "Choose a time of day, such as 09:00.") from error
    return Wish(
        name=form.name,
        frequency=form.frequency,
        at=at,
        zone=form.zone,
        recipients=tuple((RecipientKind.CHANNEL, channel_id) for channel_id in form.channel_ids),
        attributes=form.attribute_keys,
    )
