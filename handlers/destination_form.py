"""Making and changing destinations by their form, opened from the Home tab and by `/mrr`."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import time
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from sqlalchemy.ext.asyncio import AsyncSession

from handlers import destination_details, home, modals, people
from handlers.desk import Desk, Visitor
from handlers.listening import limited
from handlers.recipients import check_recipients
from handlers.slack_code import slack_code
from handlers.views import destination_form as forms
from handlers.views import destinations as rows
from handlers.views.blocks import View
from handlers.views.destination_form import DestinationForm, Field
from handlers.views.filled import subject
from handlers.views.recipients import unchosen
from models import attribute, channel, condition, destination, lane, person, recipient, role
from models import filter as filters
from models.channel import Channel
from models.condition import OF_MOVEMENTS, Condition, holders_in
from models.filter import AmountError, Filter, Forecast, minimum
from models.holiday import name_of
from models.wish import LONGEST_NAME, FieldError, Frequency, Wish


def register(app: AsyncApp) -> None:
    """Listen to the buttons and to the form."""
    app.action(rows.ACTIONS.new)(limited(pressed_new))
    app.action(rows.ACTIONS.edit)(limited(pressed_edit))
    for action_id in forms.ACTIONS.all:
        app.action(action_id)(limited(changed))
    app.options(forms.ACTIONS.criterion)(limited(offered_criteria))
    app.options(forms.ACTIONS.values)(limited(offered_values))
    app.view(forms.CALLBACKS.save)(limited(saved))


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
    await open_edit(desk, client, visitor, trigger_id=body["trigger_id"], destination_id=rows.read_edit(action))
    await ack()


async def changed(ack: AsyncAck, body: dict[str, Any], client: AsyncWebClient, desk: Desk, visitor: Visitor) -> None:
    """Draw the form again with what follows from the frequency or the filter that was chosen."""
    await people.require_manager(desk, client, visitor)
    view = body["view"]
    async with desk.database.read() as session:
        form = await _read(session, view, visitor)
        outside = await _outside(session, form.channel_ids, visitor) if form.outsiders_confirmed else []
        drawn = await _drawn(session, desk, visitor, form, destination_id=subject(view), outside=outside)
    try:
        await client.views_update(view_id=view["id"], hash=view["hash"], view=drawn)
    except SlackApiError as error:
        # Who goes on typing is answered again for that.
        if slack_code(error) != "hash_conflict":
            raise
    await ack()


async def open_new(
    desk: Desk, client: AsyncWebClient, visitor: Visitor, *, trigger_id: str, form: DestinationForm
) -> None:
    """Open the form for a new destination."""
    await people.require_manager(desk, client, visitor)
    async with desk.database.read() as session:
        drawn = await _drawn(session, desk, visitor, form)
    await client.views_open(trigger_id=trigger_id, view=drawn)


async def open_edit(
    desk: Desk, client: AsyncWebClient, visitor: Visitor, *, trigger_id: str, destination_id: str, over: bool = False
) -> None:
    """Open the form of a destination."""
    await people.require_manager(desk, client, visitor)
    async with desk.database.read() as session:
        form = await _stored(session, visitor, destination_id)
        drawn = await _drawn_filled(session, desk, visitor, form, destination_id=destination_id)
    await modals.show(client, drawn, trigger_id=trigger_id, over=over)


async def open_copy(
    desk: Desk, client: AsyncWebClient, visitor: Visitor, *, trigger_id: str, destination_id: str, over: bool = False
) -> None:
    """Open the form for a new destination, filled in with another."""
    await people.require_manager(desk, client, visitor)
    async with desk.database.read() as session:
        form = await _stored(session, visitor, destination_id)
        form = replace(form, name=f"Copy of {form.name}"[:LONGEST_NAME].rstrip())
        drawn = await _drawn_filled(session, desk, visitor, form)
    await modals.show(client, drawn, trigger_id=trigger_id, over=over)


async def offered_criteria(
    ack: AsyncAck, body: dict[str, Any], client: AsyncWebClient, desk: Desk, visitor: Visitor
) -> None:
    """Offer what a condition can be about."""
    await people.require_manager(desk, client, visitor)
    async with desk.database.read() as session:
        of_accounts = await condition.criteria(session, visitor.workspace_id)
    _, typed = forms.read_suggestion(body)
    await ack(options=forms.offered_criteria([*OF_MOVEMENTS, *of_accounts], typed))


async def offered_values(
    ack: AsyncAck, body: dict[str, Any], client: AsyncWebClient, desk: Desk, visitor: Visitor
) -> None:
    """Offer the values that a condition can name."""
    await people.require_manager(desk, client, visitor)
    of, typed = forms.read_suggestion(body)
    async with desk.database.read() as session:
        known = await condition.known_values(session, visitor.workspace_id, of) if of else {}
    await ack(options=forms.offered_values(of, known, typed) if of else [])


async def _drawn_filled(
    session: AsyncSession, desk: Desk, visitor: Visitor, form: DestinationForm, *, destination_id: str | None = None
) -> View:
    """Draw a form that starts with channels; whether others may read along there may be confirmed already."""
    outside = await _outside(session, form.channel_ids, visitor)
    is_confirmed = bool(outside) and not any(one.needs_confirmation for one in outside)
    form = replace(form, outsiders_confirmed=is_confirmed)
    return await _drawn(session, desk, visitor, form, destination_id=destination_id, outside=outside)


async def _drawn(
    session: AsyncSession,
    desk: Desk,
    visitor: Visitor,
    form: DestinationForm,
    *,
    destination_id: str | None = None,
    outside: Sequence[Channel] = (),
) -> View:
    """Draw the form with what it offers, and what its filter would have let through."""
    return forms.form(
        form,
        known_attributes=await attribute.keys(session, visitor.workspace_id),
        destination_id=destination_id,
        outside_channel_ids=[one.channel_id for one in outside],
        forecast=await _forecast(session, desk, visitor, form),
        holders=await role.names(session, visitor.workspace_id, holders_in(filter(None, form.conditions))),
        own_zone=await _own_zone(session, visitor) if form.frequency.is_recap else None,
    )


async def _own_zone(session: AsyncSession, visitor: Visitor) -> str | None:
    visiting = await person.get(session, visitor.workspace_id, visitor.user_id)
    return visiting.zone.key if visiting else None


async def _forecast(session: AsyncSession, desk: Desk, visitor: Visitor, form: DestinationForm) -> Forecast | None:
    """Try the filter out; None where nothing can be said, as while an amount is being written."""
    if form.frequency.is_recap:
        return None
    try:
        wanted = _filter(form)
    except FieldError:
        return None
    return await filters.forecast(session, visitor.workspace_id, wanted, now=desk.now())


async def _stored(session: AsyncSession, visitor: Visitor, destination_id: str) -> DestinationForm:
    """Fill the form in with a destination as it is."""
    found = await destination.get(session, visitor.workspace_id, destination_id)
    recipients = (await recipient.of_destinations(session, [found.id]))[found.id]
    channel_ids, user_ids, is_together = unchosen(one.to for one in recipients)
    return DestinationForm(
        name=found.name,
        frequency=Frequency(found.frequency),
        at=f"{found.at:%H:%M}",
        zone=found.zone,
        weekday=found.weekday,
        month_day=found.month_day,
        is_business=found.is_business,
        country=name_of(found.country) if found.country else "",
        channel_ids=channel_ids,
        user_ids=user_ids,
        is_together=is_together,
        kinds=found.filter.kinds,
        least_gain=rows.minimum_typed(found.least_gain, found.least_gain_share),
        least_loss=rows.minimum_typed(found.least_loss, found.least_loss_share),
        conditions=found.filter.conditions,
        attribute_keys=tuple(found.attributes),
        locale=found.locale or "",
        group_minutes=found.group_minutes,
        has_threads=found.has_threads,
        mentions=found.mentions or "",
        tells_empty=found.tells_empty,
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
    await destination_details.show_under(desk, client, visitor, view)
    await home.refresh(desk, client, visitor)


async def _save(view: dict[str, Any], client: AsyncWebClient, desk: Desk, visitor: Visitor) -> dict[str, Any] | None:
    """Save the form; answer None when it is done, or the form with the question that is still open.

    Raises `FieldError` for a field that has to change first.
    """
    destination_id = subject(view)
    async with desk.database.read() as session:
        form = await _read(session, view, visitor)
    wish = _wish(form)
    checked = await check_recipients(form.channel_ids, form.user_ids, client, desk, visitor)
    outside = [one for one in checked if one.is_shared_outside]
    if outside and not form.outsiders_confirmed:
        async with desk.database.read() as session:
            return await _drawn(session, desk, visitor, form, destination_id=destination_id, outside=outside)
    outside_ids = [one.channel_id for one in outside]
    async with desk.database.write() as session:
        if destination_id is None:
            await destination.create(session, visitor.workspace_id, wish, by=visitor.user_id, now=desk.now())
        else:
            found = await destination.get(session, visitor.workspace_id, destination_id, hold=True)
            await lane.hurry_all(session, visitor.workspace_id, destination_id, now=desk.now())
            await destination.edit(session, found, wish, by=visitor.user_id, now=desk.now())
        await channel.confirm_outsiders(session, visitor.workspace_id, outside_ids, by=visitor.user_id, now=desk.now())
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
        weekday=form.weekday,
        month_day=form.month_day,
        is_business=form.is_business,
        country=form.country,
        recipients=form.recipients,
        attributes=form.attribute_keys,
        filter=_filter(form),
        locale=form.locale,
        group_minutes=form.group_minutes,
        has_threads=form.has_threads,
        mentions=form.mentions,
        tells_empty=form.tells_empty,
    )


def _filter(form: DestinationForm) -> Filter:
    gain, gain_share = _minimum(form.least_gain, Field.LEAST_GAIN)
    loss, loss_share = _minimum(form.least_loss, Field.LEAST_LOSS)
    return Filter(
        kinds=form.kinds,
        least_gain=gain,
        least_loss=loss,
        least_gain_share=gain_share,
        least_loss_share=loss_share,
        conditions=_conditions(form),
    )


def _conditions(form: DestinationForm) -> tuple[Condition, ...]:
    """Take the conditions that are chosen. Raises `FieldError` for one without values."""
    placed = [(where, one) for where, one in zip(forms.CONDITIONS, form.conditions, strict=False) if one]
    for where, one in placed:
        if not one.values:
            raise FieldError(where, "Choose its values below, or “Any account” here.")
    return tuple(one for _, one in placed)


def _minimum(typed: str, where: Field) -> tuple[int | None, int | None]:
    try:
        return minimum(typed)
    except AmountError as error:
        raise FieldError(where, str(error)) from error
