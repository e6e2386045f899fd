"""Saying which account a company in a CRM is, where several could be it or the rules find the wrong one."""

from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.web.async_client import AsyncWebClient
from sqlalchemy.ext.asyncio import AsyncSession

from handlers import home, people
from handlers.desk import Desk, Visitor
from handlers.listening import limited
from handlers.views import records as view
from handlers.views.blocks import View
from handlers.views.filled import subject
from handlers.views.records import ByHand, Choice, Field, Place
from models import account, record, source
from models.record import PAGE, Record, RecordState


def register(app: AsyncApp) -> None:
    """Listen to the buttons, the menus and the form."""
    app.action(view.ACTIONS.choose)(limited(pressed_choose))
    app.action(view.ACTIONS.account)(limited(chose))
    app.action(view.ACTIONS.previous)(limited(turned))
    app.action(view.ACTIONS.next)(limited(turned))
    app.action(view.ACTIONS.by_hand)(limited(pressed_by_hand))
    app.view(view.CALLBACKS.by_hand)(limited(saved))


async def pressed_choose(
    ack: AsyncAck, action: dict[str, Any], body: dict[str, Any], client: AsyncWebClient, desk: Desk, visitor: Visitor
) -> None:
    """Open the first page of the companies that could be several accounts."""
    await people.require_manager(desk, client, visitor)
    async with desk.database.read() as session:
        drawn = await _waiting(session, visitor, Place(str(action.get("value"))))
    await client.views_open(trigger_id=body["trigger_id"], view=drawn)
    await ack()


async def turned(
    ack: AsyncAck, action: dict[str, Any], body: dict[str, Any], client: AsyncWebClient, desk: Desk, visitor: Visitor
) -> None:
    """Show another page of them."""
    await people.require_manager(desk, client, visitor)
    shown = body["view"]
    async with desk.database.read() as session:
        drawn = await _waiting(session, visitor, view.read_place(shown, page=str(action.get("value"))))
    await client.views_update(view_id=shown["id"], hash=shown["hash"], view=drawn)
    await ack()


async def chose(
    ack: AsyncAck, action: dict[str, Any], body: dict[str, Any], client: AsyncWebClient, desk: Desk, visitor: Visitor
) -> None:
    """Save what was chosen for a company, and draw what still waits."""
    await people.require_manager(desk, client, visitor)
    record_id, account_id = view.read_choice(action)
    shown = body["view"]
    async with desk.database.write() as session:
        await record.choose(session, visitor.workspace_id, record_id, account_id, by=visitor.user_id, now=desk.now())
        said = await _said(session, visitor, await record.get(session, visitor.workspace_id, record_id))
        drawn = await _waiting(session, visitor, view.read_place(shown), said=said)
    await client.views_update(view_id=shown["id"], hash=shown["hash"], view=drawn)
    await ack()
    await home.refresh(desk, client, visitor)


async def pressed_by_hand(
    ack: AsyncAck, action: dict[str, Any], body: dict[str, Any], client: AsyncWebClient, desk: Desk, visitor: Visitor
) -> None:
    """Open the form over the source's details."""
    await people.require_manager(desk, client, visitor)
    async with desk.database.read() as session:
        drawn = await _by_hand(session, visitor, str(action.get("value")))
    await client.views_push(trigger_id=body["trigger_id"], view=drawn)
    await ack()


async def saved(ack: AsyncAck, body: dict[str, Any], client: AsyncWebClient, desk: Desk, visitor: Visitor) -> None:
    """Save what was said of a company, or say which field names nothing or several; the form stays for the next."""
    await people.require_manager(desk, client, visitor)
    source_id, form = subject(body["view"]) or "", view.read_by_hand(body["view"])
    async with desk.database.write() as session:
        companies = await record.named(session, visitor.workspace_id, source_id, form.company)
        if len(companies) != 1:
            await ack(response_action="errors", errors=view.not_one(Field.COMPANY, companies))
            return
        accounts = await record.accounts_named(session, visitor.workspace_id, form.account)
        if form.choice is Choice.ACCOUNT and len(accounts) != 1:
            await ack(response_action="errors", errors=view.not_one(Field.ACCOUNT, accounts))
            return
        chosen_id = accounts[0].id if form.choice is Choice.ACCOUNT else None
        await _save(session, companies[0], form, chosen_id, desk, visitor)
        said = await _said(session, visitor, companies[0])
        drawn = await _by_hand(session, visitor, source_id, said=said)
    await ack(response_action="update", view=drawn)
    await home.refresh(desk, client, visitor)


async def _save(
    session: AsyncSession, chosen: Record, form: ByHand, account_id: str | None, desk: Desk, visitor: Visitor
) -> None:
    who = (session, visitor.workspace_id, chosen.id)
    if form.choice is Choice.OPEN:
        await record.leave_open(*who, by=visitor.user_id, now=desk.now())
    else:
        await record.choose(*who, account_id, by=visitor.user_id, now=desk.now())


async def _said(session: AsyncSession, visitor: Visitor, changed: Record) -> str:
    linked = await account.get(session, visitor.workspace_id, changed.account_id) if changed.account_id else None
    return view.chosen(changed, linked)


async def _waiting(session: AsyncSession, visitor: Visitor, place: Place, *, said: str = "") -> View:
    """Gather a page of what waits; where that page is empty by now, the last that isn't."""
    found = await source.get(session, visitor.workspace_id, place.source_id)
    counts = await record.counts(session, visitor.workspace_id, found.id)
    total = counts.get(RecordState.AMBIGUOUS, 0)
    place = Place(found.id, min(place.page, max(total - 1, 0) // PAGE))
    waiting = await record.waiting(session, visitor.workspace_id, found.id, page=place.page)
    return view.choose(place, found.name, total, waiting, said=said)


async def _by_hand(session: AsyncSession, visitor: Visitor, source_id: str, *, said: str = "") -> View:
    found = await source.get(session, visitor.workspace_id, source_id)
    counts = await record.counts(session, visitor.workspace_id, found.id)
    unmatched = await record.unmatched(session, visitor.workspace_id, found.id)
    return view.by_hand(found.id, found.name, counts, unmatched, said=said)
