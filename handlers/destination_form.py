"""Making and changing destinations by their form, opened from the Home tab and by `/mrr`."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, time
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
from handlers.turns import Turn
from handlers.views import accounts as account_view
from handlers.views import destination_answers as answers
from handlers.views import destination_filter as choices
from handlers.views import destination_form as forms
from handlers.views import destinations as rows
from handlers.views.blocks import MOST_OPTIONS, View
from handlers.views.destination_answers import Behind, DestinationForm, Field
from handlers.views.destination_form import Offer
from handlers.views.recipients import unchosen
from models import (
    account_search,
    attribute,
    audit,
    channel,
    condition,
    destination,
    draft,
    lane,
    person,
    recipient,
    role,
    slack_event,
    workspace,
)
from models import filter as filters
from models.channel import Channel
from models.condition import OF_MOVEMENTS, Condition, holders_in
from models.destination import Destination, DestinationUnknownError
from models.draft import Shown
from models.filter import EVERYTHING, AmountError, Filter, Forecast, minimum
from models.holiday import name_of
from models.person import Person
from models.wish import LONGEST_NAME, FieldError, Frequency, Wish
from models.workspace import Workspace

MOST_LATE = 20
"""In how many of the newest changes somebody is looked for who was quicker."""


def register(app: AsyncApp) -> None:
    """Listen to the buttons and to the form."""
    app.action(rows.ACTIONS.new)(limited(pressed_new))
    for action_id in rows.ACTIONS.edits:
        app.action(action_id)(limited(pressed_edit))
    for action_id in answers.ACTIONS.all:
        app.action(action_id)(limited(changed))
    app.options(answers.ACTIONS.criterion)(limited(offered_criteria))
    for action_id in (forms.SHOW_ME, forms.SHOW_ACCOUNT):
        app.action(action_id)(limited(asked_to_show))
    app.options(forms.SHOW_ACCOUNT)(limited(offered_accounts))
    app.options(answers.ACTIONS.values)(limited(offered_values))
    app.options(choices.ATTRIBUTES)(limited(offered_attributes))
    app.view(answers.CALLBACKS.save)(limited(saved))


async def pressed_new(
    ack: AsyncAck, action: dict[str, Any], body: dict[str, Any], client: AsyncWebClient, desk: Desk, visitor: Visitor
) -> None:
    """Open an empty form."""
    await open_new(desk, client, visitor, trigger_id=body["trigger_id"], form=answers.read_new(action))
    await ack()


async def pressed_edit(
    ack: AsyncAck, action: dict[str, Any], body: dict[str, Any], client: AsyncWebClient, desk: Desk, visitor: Visitor
) -> None:
    """Open a destination's form."""
    await open_edit(desk, client, visitor, trigger_id=body["trigger_id"], destination_id=rows.read_edit(action))
    await ack()


async def changed(
    ack: AsyncAck, action: dict[str, Any], body: dict[str, Any], client: AsyncWebClient, desk: Desk, visitor: Visitor
) -> None:
    """Draw the form again with what follows from what was chosen or pressed; what it asks for no more is kept."""
    view = body["view"]
    async with desk.turns.of(view["id"], action["action_id"]) as turn:
        if turn.is_newest:
            form, behind = await _read_open(view, turn, client, desk, visitor)
            await _draw_again(view, client, desk, visitor, form, behind)
    await ack()


async def asked_to_show(
    ack: AsyncAck, action: dict[str, Any], body: dict[str, Any], client: AsyncWebClient, desk: Desk, visitor: Visitor
) -> None:
    """Send whoever asks what a destination like this would tell, or say in the form why there is nothing to send."""
    view = body["view"]
    async with desk.turns.of(view["id"], action["action_id"]) as turn:
        form, behind = await _read_open(view, turn, client, desk, visitor)
        try:
            is_sent = await _show(form, desk, visitor, account_id=answers.read_account(action))
        except FieldError as error:
            await _draw_again(view, client, desk, visitor, form, behind, refused=error)
        else:
            await _draw_again(view, client, desk, visitor, form, behind, is_sent=is_sent)
    await ack()


async def _show(form: DestinationForm, desk: Desk, visitor: Visitor, *, account_id: str | None) -> bool:
    """Owe the visitor the newest that would be told, of an account or of any; False where there is nothing."""
    wish, now = _wish_so_far(form, visitor), desk.now()
    movement_id = None
    if not wish.frequency.is_recap:
        async with desk.database.read() as session:
            movement_id = await destination.newest_told(
                session, visitor.workspace_id, wish, account_id=account_id, now=now
            )
        if movement_id is None:
            return False
    async with desk.database.write() as session:
        await draft.show(session, visitor.workspace_id, Shown(wish, movement_id), to=visitor.user_id, now=now)
    return True


async def _draw_again(
    view: dict[str, Any],
    client: AsyncWebClient,
    desk: Desk,
    visitor: Visitor,
    form: DestinationForm,
    behind: Behind,
    **said: Any,
) -> None:
    """Draw an open form again over itself."""
    if answers.drawn_frequency(view) != form.frequency:
        form = replace(form, shows_more=form.shows_more or form.uses_more)
        behind = await _keep(form, behind, desk, visitor)
    async with desk.database.read() as session:
        outside = await _outside(session, form.channel_ids, visitor) if answers.asked_outsiders(view) else []
        drawn = await _drawn(session, desk, visitor, form, behind=behind, outside=outside, **said)
    try:
        # Who goes on typing or presses a button meanwhile waits for that: the last answer counts, not the first.
        await client.views_update(view_id=view["id"], view=drawn)
    except SlackApiError as error:
        # Who closed or saved the form meanwhile waits for none.
        if slack_code(error) != "not_found":
            raise


async def _keep(form: DestinationForm, behind: Behind, desk: Desk, visitor: Visitor) -> Behind:
    """Keep the answers for which the form is about to ask no more."""
    async with desk.database.write() as session:
        kept = await draft.keep(session, visitor.workspace_id, answers.as_kept(form), now=desk.now())
    return replace(behind, draft_id=kept)


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
        drawn = await _drawn_filled(session, desk, visitor, form, behind=Behind(destination_id, form.mark))
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
    _, typed = choices.read_suggestion(body)
    await ack(options=choices.offered_criteria([*OF_MOVEMENTS, *of_accounts], typed))


async def offered_values(
    ack: AsyncAck, body: dict[str, Any], client: AsyncWebClient, desk: Desk, visitor: Visitor
) -> None:
    """Offer the values that a condition can name."""
    await people.require_manager(desk, client, visitor)
    of, typed = choices.read_suggestion(body)
    async with desk.database.read() as session:
        known = await condition.known_values(session, visitor.workspace_id, of) if of else {}
    await ack(options=choices.offered_values(of, known, typed) if of else [])


async def offered_attributes(
    ack: AsyncAck, body: dict[str, Any], client: AsyncWebClient, desk: Desk, visitor: Visitor
) -> None:
    """Offer the attributes that can be shown."""
    await people.require_manager(desk, client, visitor)
    async with desk.database.read() as session:
        known = await attribute.keys(session, visitor.workspace_id)
    await ack(options=choices.offered_attributes(known, str(body.get("value") or "")))


async def offered_accounts(
    ack: AsyncAck, body: dict[str, Any], client: AsyncWebClient, desk: Desk, visitor: Visitor
) -> None:
    """Offer the accounts whose newest movement can be shown."""
    await people.require_manager(desk, client, visitor)
    here, typed = visitor.workspace_id, str(body.get("value") or "")
    async with desk.database.read() as session:
        found = await account_search.find(session, here, typed, most=MOST_OPTIONS)
        locale = (await _tenant(session, visitor)).locale
    await ack(options=account_view.options(found.accounts, locale=locale))


async def _drawn_filled(
    session: AsyncSession, desk: Desk, visitor: Visitor, form: DestinationForm, *, behind: Behind = answers.NOTHING
) -> View:
    """Draw a form that starts with channels; whether others may read along there may be confirmed already."""
    outside = await _outside(session, form.channel_ids, visitor)
    is_confirmed = bool(outside) and not any(one.needs_confirmation for one in outside)
    confirmed = answers.mark_of(one.channel_id for one in outside) if is_confirmed else ""
    form = replace(form, outsiders_confirmed=confirmed, shows_more=form.uses_more)
    return await _drawn(session, desk, visitor, form, behind=behind, outside=outside)


async def _drawn(
    session: AsyncSession,
    desk: Desk,
    visitor: Visitor,
    form: DestinationForm,
    *,
    behind: Behind = answers.NOTHING,
    outside: Sequence[Channel] = (),
    **said: Any,
) -> View:
    """Draw the form with what it offers, and what would come of it."""
    offer = await _offer(session, desk, visitor, form)
    return forms.form(form, offer, behind=behind, outside_channel_ids=[one.channel_id for one in outside], **said)


async def _offer(session: AsyncSession, desk: Desk, visitor: Visitor, form: DestinationForm) -> Offer:
    """Find what the form offers; of what it doesn't ask for just now nothing is read."""
    here, is_recap = visitor.workspace_id, form.frequency.is_recap
    tenant = await _tenant(session, visitor)
    asks_more = form.shows_more and not is_recap
    return Offer(
        attributes=await attribute.keys(session, here) if asks_more else (),
        holders=await role.names(session, here, holders_in(filter(None, form.conditions))) if asks_more else {},
        roles=await condition.roles(session, here) if asks_more else (),
        own_zone=await _own_zone(session, visitor) if is_recap else None,
        locale=tenant.locale,
        currency=tenant.base_currency,
        **await _outlook(session, desk, visitor, form),
    )


async def _outlook(session: AsyncSession, desk: Desk, visitor: Visitor, form: DestinationForm) -> dict[str, Any]:
    """Find what would come of the form as it stands, or what has to change before that can be said."""
    try:
        wish = _wish_so_far(form, visitor)
    except FieldError as error:
        return {"unclear": error}
    now, schedule = desk.now(), wish.schedule
    if schedule is None:
        found = await filters.forecast(session, visitor.workspace_id, wish.filter, now=now)
        return {"forecast": found or Forecast(told=0, happened=0)}
    due_at = schedule.next_after(now)
    return {"first_recap": (due_at, schedule.period_of(due_at))}


async def _tenant(session: AsyncSession, visitor: Visitor) -> Workspace:
    tenant = await workspace.get(session, visitor.workspace_id)
    assert tenant is not None  # noqa: S101 - whoever asks is of a workspace that installed us
    return tenant


async def _own_zone(session: AsyncSession, visitor: Visitor) -> str | None:
    visiting = await person.get(session, visitor.workspace_id, visitor.user_id)
    return visiting.zone.key if visiting else None


async def _stored(session: AsyncSession, visitor: Visitor, destination_id: str) -> DestinationForm:
    """Find a destination, and fill the form in with it."""
    return await _filled_with(session, await destination.get(session, visitor.workspace_id, destination_id))


async def _filled_with(session: AsyncSession, found: Destination) -> DestinationForm:
    """Fill the form in with a destination as it is."""
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


async def _read_open(
    view: dict[str, Any], turn: Turn, client: AsyncWebClient, desk: Desk, visitor: Visitor
) -> tuple[DestinationForm, Behind]:
    """Read a manager's open form. What it doesn't ask for is as it was told before, or as the destination has it."""
    await people.require_manager(desk, client, visitor)
    behind = answers.read_behind(view)
    async with desk.database.read() as session:
        kept = await draft.content(session, visitor.workspace_id, behind.draft_id) if behind.draft_id else None
        otherwise = await _otherwise(session, behind, visitor) if kept is None else answers.from_kept(kept)
        form = await _read_in_zone(session, view, otherwise, visitor)
    return replace(form, shows_more=form.shows_more or answers.ACTIONS.more in turn.pressed), behind


async def _read_in_zone(
    session: AsyncSession, view: dict[str, Any], otherwise: DestinationForm | None, visitor: Visitor
) -> DestinationForm:
    """Read a form, with the visitor's zone where they mean that."""
    form = answers.read(view, otherwise=otherwise)
    if form.zone.casefold() != answers.MY_ZONE:
        return form
    return replace(form, zone=await _own_zone(session, visitor) or form.zone)


async def _otherwise(session: AsyncSession, behind: Behind, visitor: Visitor) -> DestinationForm | None:
    """Give the destination as it is; None where there is none, or it was deleted meanwhile."""
    if behind.destination_id is None:
        return None
    try:
        return await _stored(session, visitor, behind.destination_id)
    except DestinationUnknownError:
        return None


async def _outside(session: AsyncSession, channel_ids: Sequence[str], visitor: Visitor) -> list[Channel]:
    """Find the channels in which people of other companies read along."""
    known = await channel.known(session, visitor.workspace_id)
    return [known[one] for one in channel_ids if one in known and known[one].is_shared_outside]


async def saved(ack: AsyncAck, view: dict[str, Any], client: AsyncWebClient, desk: Desk, visitor: Visitor) -> None:
    """Make or change a destination as the form says, or say under the field what is wrong."""
    await people.require_manager(desk, client, visitor)
    try:
        question = await _save(view, client, desk, visitor)
    except FieldError as error:
        await ack(response_action="errors", errors=answers.errors({error.field: str(error)}))
        return
    if question is not None:
        await ack(response_action="update", view=question)
        return
    await ack()
    await destination_details.show_under(desk, client, visitor, view)
    await home.refresh(desk, client, visitor)


async def _save(view: dict[str, Any], client: AsyncWebClient, desk: Desk, visitor: Visitor) -> View | None:
    """Save the form; answer None when it is done, or the form with the question that is still open.

    Raises `FieldError` for a field that has to change first.
    """
    async with desk.database.read() as session:
        behind = answers.read_behind(view)
        form = await _read_in_zone(session, view, await _otherwise(session, behind, visitor), visitor)
    wish = _wish(form)
    checked = await check_recipients(form.channel_ids, form.user_ids, client, desk, visitor)
    outside = [one for one in checked if one.is_shared_outside]
    if outside and not _is_confirmed(form, view, outside):
        async with desk.database.read() as session:
            return await _drawn(session, desk, visitor, form, behind=behind, outside=outside, notice=forms.STILL_ASKED)
    visiting, now = await people.who(desk, client, visitor), desk.now()
    try:
        async with desk.database.write() as session:
            # A form that is submitted twice is saved once.
            if await slack_event.is_first(session, visitor.workspace_id, view["id"], now=now):
                await _record(session, visiting, form, wish, behind, now=now)
                outside_ids = [one.channel_id for one in outside]
                await channel.confirm_outsiders(session, visitor.workspace_id, outside_ids, by=visitor.user_id, now=now)
    except (DestinationUnknownError, OvertakenError):
        return await _overtaken(desk, visitor, form, behind, outside)
    return None


def _is_confirmed(form: DestinationForm, view: dict[str, Any], outside: Sequence[Channel]) -> bool:
    """Say whether other companies may read along in these channels. Raises `FieldError` where that was asked before."""
    mark = answers.mark_of(one.channel_id for one in outside)
    is_confirmed = form.outsiders_confirmed == mark
    if not is_confirmed and answers.asked_outsiders(view) == mark:
        raise FieldError(Field.RECIPIENTS, forms.UNCONFIRMED)
    return is_confirmed


class OvertakenError(Exception):
    """The destination isn't any more what the form was filled in with."""


async def _record(
    session: AsyncSession, visiting: Person, form: DestinationForm, wish: Wish, behind: Behind, *, now: datetime
) -> None:
    """Make or change the destination. Raises `OvertakenError` where somebody else changed it meanwhile."""
    here, by = visiting.workspace_id, visiting.user_id
    if behind.destination_id is None:
        made = await destination.create(session, here, wish, by=by, now=now)
        if form.wants_test:
            note = f"{visiting.name} asked for this test"
            await destination.try_out(session, made, note=note, by=by, now=now)
        return
    found = await destination.get(session, here, behind.destination_id, hold=True)
    if behind.mark and (await _filled_with(session, found)).mark != behind.mark:
        raise OvertakenError
    await lane.hurry_all(session, here, found.id, now=now)
    await destination.edit(session, found, wish, by=by, now=now)


async def _overtaken(
    desk: Desk, visitor: Visitor, form: DestinationForm, behind: Behind, outside: Sequence[Channel]
) -> View:
    """Ask what shall become of a form whose destination somebody else changed or deleted meanwhile."""
    async with desk.database.read() as session:
        stored = await _otherwise(session, behind, visitor)
        done = "destination.edited" if stored else "destination.deleted"
        entries, _ = await audit.of_subject(session, visitor.workspace_id, behind.destination_id or "", limit=MOST_LATE)
        by = next((one.actor for one in entries if one.action == done), None)
        behind = replace(behind, mark=stored.mark) if stored else Behind(draft_id=behind.draft_id)
        notice = forms.overtaken(by, is_deleted=stored is None)
        return await _drawn(session, desk, visitor, form, behind=behind, outside=outside, notice=notice)


def _wish_so_far(form: DestinationForm, visitor: Visitor) -> Wish:
    """Take the form as it stands, with a name and a recipient in place of those that are still to be chosen."""
    if form.frequency.is_recap:
        form = replace(form, least_gain="", least_loss="", conditions=(), kinds=EVERYTHING.kinds)
    user_ids = form.user_ids if form.recipients else (visitor.user_id,)
    return _wish(replace(form, name=form.name or "New destination", user_ids=user_ids))


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
    placed = [(where, one) for where, one in zip(answers.CONDITIONS, form.conditions, strict=False) if one]
    for where, one in placed:
        if not one.values:
            word = rows.criterion_word(one.criterion)
            raise FieldError(where, f"Choose values for {word}, or “Any account” in its place.")
    return tuple(one for _, one in placed)


def _minimum(typed: str, where: Field) -> tuple[int | None, int | None]:
    try:
        return minimum(typed)
    except AmountError as error:
        raise FieldError(where, str(error)) from error
