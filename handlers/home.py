"""The Home tab: gathered from the database for the person who opens it, and shown again after each change."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from sqlalchemy.ext.asyncio import AsyncSession

from handlers import people
from handlers.desk import Desk, Visitor
from handlers.listening import limited
from handlers.slack_code import slack_code
from handlers.views import home as view
from handlers.views import listing
from handlers.views.blocks import View
from handlers.views.deliveries import Delivering, Trouble
from handlers.views.destinations import DestinationRow
from handlers.views.home import ManagerHome, MemberHome, MrrNow
from handlers.views.listing import FIRST_PAGES, PAGE_SIZE, Listing, Pages, Row
from handlers.views.mutes import MuteRow
from handlers.views.personal import Personal, RecapRow, TellingRow
from handlers.views.polling import polling
from handlers.views.records import Ambiguity
from handlers.views.sources import SourceRow
from handlers.views.workflows import WorkflowRow
from models import (
    channel,
    destination,
    email_alias,
    event,
    installation,
    ledger,
    mute,
    person,
    personal,
    poll,
    preview,
    quiet,
    recipient,
    record,
    report,
    role,
    scope,
    silence,
    slack_event,
    source,
    trend,
    welcome,
    workflow,
)
from models import workspace as workspaces
from models.condition import holders_in
from models.destination import Destination
from models.event import REFUSED_KEPT
from models.ledger import Failing, Health
from models.person import Person
from models.preview import Preview
from models.recipient import To
from models.schedule import midnight
from models.secret import SecretUnreadableError
from models.signal import TOLD_TO
from models.source import Source, SourceKind
from models.wish import Frequency
from models.workspace import Workspace
from scheduler.messages import trend as trend_drawing

REFRESH_LIMIT = 1.5
"""Seconds that showing the tab again may take after a change that is already saved."""

PICTURE_LIMIT = 1.0
"""Seconds within which Slack is to take a tab with a picture, which it may fetch first."""

REFUSED = {"invalid_arguments", "invalid_blocks"}
"""What Slack answers where it can't fetch a picture, among other things."""


def register(app: AsyncApp) -> None:
    """Listen to the tab's opening and to its own buttons."""
    app.event("app_home_opened")(limited(opened))
    app.action(listing.ACTIONS.previous)(limited(turned))
    app.action(listing.ACTIONS.next)(limited(turned))
    app.action(view.ACTIONS.grant)(limited(granting))


async def opened(
    event: dict[str, Any], body: dict[str, Any], client: AsyncWebClient, desk: Desk, visitor: Visitor
) -> None:
    """Show the tab. Slack tells of every tab of the app, and may tell twice."""
    if event.get("tab") == "messages":
        await _greet(body, client, desk, visitor)
    if event.get("tab") != "home":
        return
    async with desk.database.read() as session:
        if await slack_event.is_known(session, visitor.workspace_id, body["event_id"]):
            return
    await show(desk, client, visitor, pages=FIRST_PAGES)
    async with desk.database.write() as session:
        await _turn(session, visitor, FIRST_PAGES)
        await slack_event.is_first(session, visitor.workspace_id, body["event_id"], now=desk.now())


async def _greet(body: dict[str, Any], client: AsyncWebClient, desk: Desk, visitor: Visitor) -> None:
    """Owe whoever opens our conversation while it is empty a word on what comes there, unless they are a guest."""
    visiting, now = await people.who(desk, client, visitor), desk.now()
    if visiting.is_guest:
        return
    async with desk.database.write() as session:
        if await slack_event.is_first(session, visitor.workspace_id, body["event_id"], now=now):
            await welcome.owe_person(session, visitor.workspace_id, visitor.user_id, now=now)


async def turned(ack: AsyncAck, action: dict[str, Any], client: AsyncWebClient, desk: Desk, visitor: Visitor) -> None:
    """Show another page of a list."""
    pages = listing.read_pages(action)
    async with desk.database.write() as session:
        await _turn(session, visitor, pages)
    await ack()
    await show(desk, client, visitor, pages=pages)


async def _turn(session: AsyncSession, visitor: Visitor, pages: Pages) -> None:
    """Note what the visitor looks at, for when the tab is shown again after a change."""
    numbers = {"destinations_page": pages.destinations, "sources_page": pages.sources}
    await person.turn(session, visitor.workspace_id, visitor.user_id, **numbers)


async def granting(ack: AsyncAck) -> None:
    """Acknowledge a button that only opens a link."""
    await ack()


async def show(desk: Desk, client: AsyncWebClient, visitor: Visitor, *, pages: Pages | None = None) -> None:
    """Publish the tab as it is now, with the pages that it showed before where no others are asked for."""
    visiting = await people.who(desk, client, visitor)
    async with desk.database.read() as session:
        pages = pages or await _pages(session, visitor)
        if await person.is_manager(session, visiting):
            drawn = await _for_manager(session, desk, visiting, pages)
        else:
            drawn = await _for_member(session, desk, visiting, pages)
    if drawn is not None:
        await _publish(client, visitor, drawn)


async def _pages(session: AsyncSession, visitor: Visitor) -> Pages:
    known = await person.get(session, visitor.workspace_id, visitor.user_id)
    return Pages(known.destinations_page, known.sources_page) if known is not None else FIRST_PAGES


async def _publish(client: AsyncWebClient, visitor: Visitor, drawn: View) -> None:
    """Publish the tab; without its picture where Slack doesn't get that, or not in time."""
    plain = view.without_pictures(drawn)
    if plain != drawn:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PICTURE_LIMIT):
                if await _is_taken(client, visitor, drawn):
                    return
    await client.views_publish(user_id=visitor.user_id, view=plain)


async def _is_taken(client: AsyncWebClient, visitor: Visitor, drawn: View) -> bool:
    try:
        await client.views_publish(user_id=visitor.user_id, view=drawn)
    except SlackApiError as error:
        if slack_code(error) not in REFUSED:
            raise
        return False
    return True


async def refresh(desk: Desk, client: AsyncWebClient, visitor: Visitor) -> None:
    """Show the tab after a change; where that fails, the change stands and the next opening shows it."""
    with contextlib.suppress(Exception):
        async with asyncio.timeout(REFRESH_LIMIT):
            await show(desk, client, visitor)


async def _for_manager(session: AsyncSession, desk: Desk, visiting: Person, pages: Pages) -> View | None:
    now, workspace_id = desk.now(), visiting.workspace_id
    grant = await installation.get(session, workspace_id)
    tenant = await workspaces.get(session, workspace_id)
    if grant is None or tenant is None:
        return None
    failing = await ledger.failing(session, workspace_id, now=now)
    gather = partial(destinations, session, visiting, failing=failing, now=now)
    listed, number = await _on_page(gather, pages.destinations)
    origins, origins_number = await _on_page(partial(_sources, session, desk, workspace_id), pages.sources)
    silent = await silence.told(session, workspace_id)
    missing = scope.missing(grant.scopes, among=(*scope.REQUIRED, *scope.OPTIONAL))
    return view.manager_home(
        ManagerHome(
            workspace_name=tenant.name,
            installed_by=grant.installed_by,
            installed_at=grant.installed_at,
            now=now,
            mrr=await _mrr(session, desk, visiting, tenant, now=now),
            delivering=await delivering(session, visiting, failing, now=now),
            destinations=listed,
            remarks=tuple(view.silent(origin.name, now - since) for origin, since in silent),
            ambiguous=await _ambiguous(session, workspace_id),
            unknown_emails=len(await email_alias.unknown(session, workspace_id)),
            known_emails=len(await email_alias.of_workspace(session, workspace_id)),
            sources=origins,
            pages=Pages(number, origins_number),
            workflows=await _workflows(session, workspace_id),
            fallback_channel_id=tenant.fallback_channel_id,
            report_url=await _report_url(session, desk, workspace_id),
            shows_previews=tenant.shows_previews,
            manager_ids=tuple(await person.present_managers(session, workspace_id)),
            missing_scopes=tuple(missing),
            personal=await _personal(session, visiting, now=now),
            install_url=f"{desk.public_url}/slack/install",
        )
    )


async def _for_member(session: AsyncSession, desk: Desk, visiting: Person, pages: Pages) -> View | None:
    now, workspace_id = desk.now(), visiting.workspace_id
    grant, tenant = await installation.get(session, workspace_id), await workspaces.get(session, workspace_id)
    if grant is None or tenant is None:
        return None
    failing = () if visiting.is_guest else await ledger.failing(session, workspace_id, now=now)
    gather = partial(readable_destinations, session, visiting, failing=failing, now=now)
    listed, number = await _on_page(gather, pages.destinations)
    return view.member_home(
        MemberHome(
            workspace_name=tenant.name,
            installed_by=grant.installed_by,
            installed_at=grant.installed_at,
            mrr=None if visiting.is_guest else await _mrr(session, desk, visiting, tenant, now=now),
            destinations=listed,
            personal=await _personal(session, visiting, now=now),
            report_url=None if visiting.is_guest else await _report_url(session, desk, workspace_id),
            pages=replace(pages, destinations=number),
            to_ask=await people.to_ask(session, workspace_id),
            is_guest=visiting.is_guest,
        )
    )


async def _on_page(gather: Callable[[int], Awaitable[Listing[Row]]], number: int) -> tuple[Listing[Row], int]:
    """Gather a page of a list, or its last one where it doesn't reach so far any more; say which one it is."""
    found = await gather(number)
    if found.rows or not found.total:
        return found, number
    last = (found.total - 1) // PAGE_SIZE
    return await gather(last), last


async def _mrr(
    session: AsyncSession, desk: Desk, visiting: Person, tenant: Workspace, *, now: datetime
) -> MrrNow | None:
    """Gather what MRR is, on the calendar where the visitor is; None where no movement is known yet."""
    today = midnight(now, visiting.zone.key)
    trends = await trend.read(session, tenant.id, midnight=today, now=now)
    if not trends:
        return None
    words, shown = trend_drawing.words(trends, tenant.locale), trend_drawing.shown(trends)
    if await event.awaits_history(session, tenant.id):
        return MrrNow(words=f"{words}\n{view.GROWING}")
    if shown is None or not tenant.shows_previews:
        return MrrNow(words=words)
    as_of = trend.as_of(await trend.news_at(session, tenant.id), now=now)
    pictured = Preview(workspace_id=tenant.id, subject_id=trend.SUBJECT, figures=shown.name, as_of=as_of)
    address = preview.address(pictured, keyring=desk.keyring, public_url=desk.public_url)
    # Slack keeps what it fetched by the address, which therefore changes with the figures.
    url = f"{address}?v={trend.version(shown, keyring=desk.keyring)}"
    return MrrNow(words=words, picture_url=url, described=trend_drawing.described(shown, tenant.locale))


async def _personal(session: AsyncSession, visiting: Person, *, now: datetime) -> Personal:
    """Gather what comes to the visitor alone."""
    workspace_id, user_id = visiting.workspace_id, visiting.user_id
    hours = await quiet.get(session, workspace_id, user_id)
    telling = await destination.reaching(session, workspace_id, user_id)
    return Personal(
        zone=visiting.zone.key,
        owned=await _owned(session, visiting),
        telling=tuple(
            TellingRow(name=one.name, frequency=Frequency(one.frequency), created_by=one.created_by) for one in telling
        ),
        recap=await own_recap(session, visiting, now=now),
        may_have_recap=not visiting.is_guest,
        hours=hours,
        quiet_until=hours.until(now, zone=visiting.zone.key) if hours else None,
        mutes=await mutes(session, visiting, now=now),
    )


async def own_recap(session: AsyncSession, visiting: Person, *, now: datetime) -> RecapRow | None:
    """Give the visitor's own recap, if they have one."""
    found = await personal.of_person(session, visiting.workspace_id, visiting.user_id)
    if found is None:
        return None
    frequency, next_at = Frequency(found.frequency), found.next_recap_at(now)
    return RecapRow(frequency=frequency, at=found.at, zone=found.zone, next_at=next_at)


async def mutes(session: AsyncSession, visiting: Person, *, now: datetime) -> tuple[MuteRow, ...]:
    """Gather what a person muted."""
    found = await mute.of_person(session, visiting.workspace_id, visiting.user_id, now=now)
    return tuple(MuteRow(what=one.what, name=name, until=one.until) for one, name in found)


async def _owned(session: AsyncSession, visiting: Person) -> int:
    """Count the accounts whose signals come to a person. A guest gets them too, but is told of no number."""
    if visiting.is_guest:
        return 0
    given = await email_alias.of_person(session, visiting.workspace_id, visiting.user_id)
    emails = {*given, *([visiting.email] if visiting.email else [])}
    return await role.count_held(session, visiting.workspace_id, TOLD_TO, emails)


async def _report_url(session: AsyncSession, desk: Desk, workspace_id: str) -> str | None:
    built_in = await report.built_in(session, workspace_id)
    return desk.report_url(built_in.id) if built_in is not None else None


async def destinations(
    session: AsyncSession,
    visiting: Person,
    number: int,
    *,
    failing: Sequence[Failing],
    size: int = PAGE_SIZE,
    now: datetime,
) -> Listing[DestinationRow]:
    """Gather a page of the workspace's destinations, from 0, with how they fare."""
    found, total = await destination.page(session, visiting.workspace_id, offset=number * size, limit=size)
    return Listing(await _rows(session, visiting, found, failing, now=now), total)


async def readable_destinations(
    session: AsyncSession,
    visiting: Person,
    number: int,
    *,
    failing: Sequence[Failing],
    size: int = PAGE_SIZE,
    now: datetime,
) -> Listing[DestinationRow]:
    """Gather what a member may know: destinations that tell public channels or themself, without other recipients.

    A guest reads only some channels, and nobody tells us which; so that they are shown none.
    """
    if visiting.is_guest:
        return Listing()
    workspace_id = visiting.workspace_id
    found, total = await destination.page(
        session, workspace_id, offset=number * size, limit=size, read_by=visiting.user_id
    )
    rows = await _rows(session, visiting, found, failing, now=now)
    kept = await readable(session, visiting, {row.id: row.recipients for row in rows})
    return Listing(tuple(_kept(row, kept[row.id]) for row in rows), total)


async def destination_row(
    session: AsyncSession, visiting: Person, found: Destination, *, may_change: bool, now: datetime
) -> DestinationRow | None:
    """Gather what a person may know of one destination; None where that is nothing."""
    failing = await ledger.failing(session, visiting.workspace_id, now=now)
    [row] = await _rows(session, visiting, [found], failing, now=now)
    if may_change:
        return row
    if visiting.is_guest:
        return None
    kept = await readable(session, visiting, {row.id: row.recipients})
    return _kept(row, kept[row.id]) if kept[row.id] else None


def _kept(row: DestinationRow, recipients: tuple[To, ...]) -> DestinationRow:
    """Take out of a row what may not be known of other recipients."""
    known = {one.target for one in recipients}
    failing = tuple(one for one in row.failing if one.target in known)
    return replace(row, recipients=recipients, failing=failing)


async def readable(
    session: AsyncSession, visiting: Person, recipients: Mapping[str, tuple[To, ...]], *, here: str | None = None
) -> dict[str, tuple[To, ...]]:
    """Keep the recipients that a member may know: public channels, where they ask, themself and their group DMs."""
    targets = {one.target for several in recipients.values() for one in several}
    known = await channel.public_among(session, visiting.workspace_id, targets) | {here}
    return {
        key: tuple(one for one in several if one.target in known or visiting.user_id in one.user_ids)
        for key, several in recipients.items()
    }


async def _rows(
    session: AsyncSession,
    visiting: Person,
    found: Sequence[Destination],
    failing: Sequence[Failing],
    *,
    now: datetime,
) -> tuple[DestinationRow, ...]:
    health = await ledger.health(session, visiting.workspace_id, [one.id for one in found])
    chosen = await recipient.of_destinations(session, [one.id for one in found])
    recipients = {key: tuple(one.to for one in several) for key, several in chosen.items()}
    remarks = await _remarks(session, found, recipients)
    holders = await _holders(session, found)
    return tuple(
        DestinationRow(
            id=one.id,
            name=one.name,
            frequency=Frequency(one.frequency),
            at=one.at,
            zone=one.zone,
            weekday=one.weekday,
            month_day=one.month_day,
            is_business=one.is_business,
            country=one.country,
            next_run_at=one.next_recap_at(now),
            recipients=recipients[one.id],
            remarks=remarks,
            filter=one.filter,
            holders=holders,
            is_paused=one.is_paused(now),
            paused_until=one.paused_until,
            last_sent_at=health.get(one.id, Health()).last_delivered_at,
            waiting=health.get(one.id, Health()).waiting,
            failing=tuple(trouble for trouble in failing if one.id in trouble.asked_by),
            is_unkept=one.unkept_at is not None,
        )
        for one in found
    )


async def _remarks(
    session: AsyncSession, found: Sequence[Destination], recipients: Mapping[str, tuple[To, ...]]
) -> dict[str, str]:
    """Say in a word why people can't be told, by their user ids."""
    people = {(one.workspace_id, user_id) for one in found for to in recipients[one.id] for user_id in to.user_ids}
    unfit = await person.unfit(session, people)
    return {user_id: "left" if one.is_deactivated else "a guest" for (_, user_id), one in unfit.items()}


async def _holders(session: AsyncSession, found: Sequence[Destination]) -> dict[str, str]:
    """Name the colleagues in destinations' conditions."""
    emails = {email for one in found for email in holders_in(one.filter.conditions)}
    return await role.names(session, found[0].workspace_id, emails) if emails else {}


async def delivering(
    session: AsyncSession, visiting: Person, failing: Sequence[Failing], *, now: datetime
) -> Delivering:
    """Gather how delivery fares today, which began at midnight where the visitor is."""
    workspace_id = visiting.workspace_id
    oldest = await ledger.oldest_open(session, workspace_id, now=now)
    asking = await ledger.askers(session, workspace_id, {key for one in failing for key in one.asked_by})
    grant = await installation.get(session, workspace_id)
    return Delivering(
        counts=await ledger.count_since(session, workspace_id, since=midnight(now, visiting.zone.key)),
        oldest_waiting=now - oldest if oldest else None,
        troubles=tuple(
            Trouble(failing=one, askers=tuple(asking[key] for key in one.asked_by if key in asking)) for one in failing
        ),
        lost=grant.why_lost if grant is not None else None,
    )


async def _ambiguous(session: AsyncSession, workspace_id: str) -> tuple[Ambiguity, ...]:
    return tuple(Ambiguity(one.id, one.name, count) for one, count in await record.ambiguous(session, workspace_id))


async def _sources(session: AsyncSession, desk: Desk, workspace_id: str, number: int) -> Listing[SourceRow]:
    found = await source.of_workspace(session, workspace_id)
    page = found[number * PAGE_SIZE : (number + 1) * PAGE_SIZE]
    ids = [one.id for one in page]
    refused = await event.count_refused(session, ids, since=desk.now() - REFUSED_KEPT)
    held = await event.count_held(session, ids)
    silent = {origin.id: since for origin, since in await silence.told(session, workspace_id)}
    # Whoever has seen one event arrive needs no line to send a first one with.
    is_silent = not any(one.last_event_at for one in found)
    urls = {one.id: _readable_url(desk, one) for one in found[-1:] if is_silent and one.has_webhook}
    polls = await poll.of_sources(session, ids)
    rows = (
        SourceRow(
            id=one.id,
            name=one.name,
            kind=SourceKind(one.kind),
            url=urls.get(one.id),
            last_event_at=one.last_event_at,
            refused=refused.get(one.id, 0),
            paused_at=one.paused_at,
            held=held.get(one.id, 0),
            silent_since=silent.get(one.id),
            polling=polling(polls[one.id]) if one.id in polls else None,
            lacks_secret=one.kind == SourceKind.STRIPE and not one.signing_secrets,
        )
        for one in page
    )
    return Listing(tuple(rows), len(found))


def _readable_url(desk: Desk, one: Source) -> str | None:
    """Give a source's URL; None where its key was sealed with a secret key that is not listed any more."""
    try:
        return desk.webhook_url(desk.keyring.open(one.key_sealed))
    except SecretUnreadableError:
        return None


async def _workflows(session: AsyncSession, workspace_id: str) -> tuple[WorkflowRow, ...]:
    return tuple(
        WorkflowRow(id=one.id, name=one.name, event=one.event, channel_id=one.channel_id)
        for one in await workflow.of_workspace(session, workspace_id)
    )
