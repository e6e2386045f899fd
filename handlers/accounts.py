"""Accounts: `/mrr account` and the card that it answers, sharing it, all its movements, and merging two into one."""

from collections.abc import Sequence
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond
from slack_sdk.web.async_client import AsyncWebClient
from sqlalchemy.ext.asyncio import AsyncSession

from handlers import people, sharing
from handlers.desk import Desk, Visitor
from handlers.listening import limited
from handlers.views import accounts as view
from handlers.views import sharing as sharing_view
from handlers.views.accounts import Menu, Reader
from handlers.views.answers import Answer
from handlers.views.typed import name_in
from models import account, account_card, account_search, duplicate, ledger, movement, person, workspace
from models.account import Account
from models.account_card import AccountCard
from models.account_search import Fit
from models.delivery import Delivery
from models.duplicate import AccountGoneError, SameAccountError
from models.person import Person

OFFERED = 20
"""As many accounts are offered while somebody types."""


def register(app: AsyncApp) -> None:
    """Listen to the buttons, the menu, the field that asks while somebody types, and the forms."""
    app.action(view.ACTIONS.open)(limited(opened))
    app.action(view.ACTIONS.share)(limited(shared))
    app.action(view.ACTIONS.movements)(limited(pressed_movements))
    app.action(view.ACTIONS.older)(limited(turned))
    app.action(view.ACTIONS.newer)(limited(turned))
    app.action(view.ACTIONS.menu)(limited(chose))
    app.options(view.ACTIONS.other)(limited(asked_for_options))
    app.view(view.CALLBACKS.choose)(limited(chose_other))
    app.view(view.CALLBACKS.merge)(limited(merged))


async def find(
    ack: AsyncAck,
    command: dict[str, Any],
    respond: AsyncRespond,
    client: AsyncWebClient,
    desk: Desk,
    visitor: Visitor,
) -> None:
    """Answer `/mrr account` with the card, with a choice, or with what to type instead."""
    typed = name_in(str(command.get("text") or ""))
    visiting = await people.require_member(desk, client, visitor)
    async with desk.database.read() as session:
        forms = await _found(session, desk, visiting, typed, channel=sharing.channel_of(command))
    if len(forms) > 1:
        await sharing.answer(respond, forms)
        await ack()
    else:
        await ack(**forms[0])


async def _found(
    session: AsyncSession, desk: Desk, visiting: Person, typed: str, *, channel: str | None
) -> Sequence[Answer]:
    """Choose the answer; of a card, its forms, the plainest last."""
    if not typed:
        return [view.usage()]
    found = await account_search.find(session, visiting.workspace_id, typed)
    if len(found.accounts) == 1 and found.fit > Fit.NEAR:
        return await _card(session, desk, visiting, found.accounts[0].id, channel=channel)
    if not found:
        return [view.not_found(typed)]
    return [view.choice(typed, found, locale=await _locale(session, visiting.workspace_id))]


async def the_one(
    session: AsyncSession, visiting: Person, typed: str, *, word: str, ending: str = ""
) -> Account | Answer:
    """Give the one account that somebody means; or the answer to what names none, or more than one.

    `word` is the command's, and `ending` what it says after the account.
    """
    if not typed:
        return view.usage(word)
    found = await account_search.find(session, visiting.workspace_id, typed)
    if len(found.accounts) == 1 and found.fit > Fit.NEAR:
        return found.accounts[0]
    return view.which(typed, found, word=word, ending=ending) if found else view.not_found(typed)


async def opened(
    ack: AsyncAck,
    action: dict[str, Any],
    body: dict[str, Any],
    client: AsyncWebClient,
    respond: AsyncRespond,
    desk: Desk,
    visitor: Visitor,
) -> None:
    """Show the account that was chosen, in the place of the choice."""
    visiting = await people.require_member(desk, client, visitor)
    channel = {"channel_id": body["channel"]["id"], "channel_name": body["channel"].get("name")}
    async with desk.database.read() as session:
        forms = await _card(session, desk, visiting, view.read_id(action), channel=sharing.channel_of(channel))
    await sharing.answer(respond, forms, replace_original=True)
    await ack()


async def open_history(
    desk: Desk, client: AsyncWebClient, visitor: Visitor, *, trigger_id: str, told: Delivery | None
) -> None:
    """Show the account of which a message tells, in a modal."""
    visiting = await people.require_member(desk, client, visitor)
    async with desk.database.read() as session:
        about = await ledger.account_of(session, told) if told is not None else None
        account_id = about.id if about is not None else ""
        shown = await account_card.read(session, visitor.workspace_id, account_id, now=desk.now())
        drawn = view.gone_view() if shown is None else view.history(shown, await _reader(session, visiting, shown))
    await client.views_open(trigger_id=trigger_id, view=drawn)


async def shared(
    ack: AsyncAck,
    action: dict[str, Any],
    body: dict[str, Any],
    client: AsyncWebClient,
    respond: AsyncRespond,
    desk: Desk,
    visitor: Visitor,
) -> None:
    """Owe the card to the channel in which it was asked for, once for each time that it was asked for."""
    visiting, now = await people.require_member(desk, client, visitor), desk.now()
    channel_id = body["channel"]["id"]
    await sharing.check(channel_id, client, desk, visitor)
    asked = str(body["container"]["message_ts"])
    async with desk.database.write() as session:
        found = await account.get(session, visitor.workspace_id, view.read_id(action))
        if found is None:
            raise AccountGoneError
        note = f"{visiting.name} shared this"
        by = visitor.user_id
        is_new = await account_card.share(session, found, channel_id, asked=asked, note=note, by=by, now=now)
    await ack()
    await respond(**(sharing_view.shared() if is_new else sharing_view.shared_before()), replace_original=False)


async def pressed_movements(
    ack: AsyncAck, action: dict[str, Any], body: dict[str, Any], client: AsyncWebClient, desk: Desk, visitor: Visitor
) -> None:
    """Show all movements, over the card's modal or in one of their own."""
    await people.require_member(desk, client, visitor)
    drawn = await _page(desk, visitor, view.read_id(action), page=0)
    show = client.views_push if body.get("view") else client.views_open
    await show(trigger_id=body["trigger_id"], view=drawn)
    await ack()


async def turned(
    ack: AsyncAck, action: dict[str, Any], body: dict[str, Any], client: AsyncWebClient, desk: Desk, visitor: Visitor
) -> None:
    """Show another page of the movements."""
    await people.require_member(desk, client, visitor)
    drawn = await _page(desk, visitor, view.read_id(action), page=view.read_page(action))
    await client.views_update(view_id=body["view"]["id"], hash=body["view"]["hash"], view=drawn)
    await ack()


async def chose(
    ack: AsyncAck, action: dict[str, Any], body: dict[str, Any], client: AsyncWebClient, desk: Desk, visitor: Visitor
) -> None:
    """Ask a manager which account is the same as this one."""
    await people.require_manager(desk, client, visitor)
    match view.read_menu(action):
        case Menu.MERGE, account_id:
            async with desk.database.read() as session:
                kept = await _account(session, visitor, account_id)
                alike = await duplicate.alike(session, kept)
                drawn = view.merge_form(kept, alike=alike, locale=await _locale(session, visitor.workspace_id))
            show = client.views_push if body.get("view") else client.views_open
            await show(trigger_id=body["trigger_id"], view=drawn)
    await ack()


async def asked_for_options(
    ack: AsyncAck, body: dict[str, Any], client: AsyncWebClient, desk: Desk, visitor: Visitor
) -> None:
    """Offer the accounts that what is being typed may mean, but for the one that stays."""
    await people.require_manager(desk, client, visitor)
    typed, kept_id = str(body.get("value") or ""), body["view"]["private_metadata"]
    async with desk.database.read() as session:
        found = await account_search.find(session, visitor.workspace_id, typed, most=OFFERED)
        locale = await _locale(session, visitor.workspace_id)
    await ack(options=view.options([one for one in found.accounts if one.id != kept_id], locale=locale))


async def chose_other(
    ack: AsyncAck, body: dict[str, Any], client: AsyncWebClient, desk: Desk, visitor: Visitor
) -> None:
    """Ask whether the two are to be one, with what becomes of what."""
    await people.require_manager(desk, client, visitor)
    async with desk.database.read() as session:
        kept = await _account(session, visitor, body["view"]["private_metadata"])
        former = await _account(session, visitor, view.read_other(body["view"]) or "")
        if former.id == kept.id:
            raise SameAccountError
        weight = await duplicate.weigh(session, visitor.workspace_id, former.id)
        drawn = view.merge_question(kept, former, weight, locale=await _locale(session, visitor.workspace_id))
    await ack(response_action="update", view=drawn)


async def merged(ack: AsyncAck, body: dict[str, Any], client: AsyncWebClient, desk: Desk, visitor: Visitor) -> None:
    """Make the two one."""
    await people.require_manager(desk, client, visitor)
    former_id, kept_id = view.read_merge(body["view"])
    async with desk.database.write() as session:
        kept = await duplicate.merge(
            session, visitor.workspace_id, former_id, kept_id, by=visitor.user_id, now=desk.now()
        )
        drawn = view.merged(kept)
    await ack(response_action="update", view=drawn)


async def _card(
    session: AsyncSession, desk: Desk, visiting: Person, account_id: str, *, channel: str | None
) -> Sequence[Answer]:
    """Draw a card with a native chart, and without it for where the workspace has none yet."""
    shown = await account_card.read(session, visiting.workspace_id, account_id, now=desk.now())
    if shown is None:
        raise AccountGoneError
    reader = await _reader(session, visiting, shown, can_share=channel is not None)
    return [view.card(shown, reader, charts=charts) for charts in (True, False)]


async def _reader(session: AsyncSession, visiting: Person, shown: AccountCard, *, can_share: bool = False) -> Reader:
    is_manager = await person.is_manager(session, visiting)
    about = await account.get(session, visiting.workspace_id, shown.id) if is_manager else None
    alike = tuple(await duplicate.alike(session, about)) if about is not None else ()
    return Reader(can_share=can_share, is_manager=is_manager, alike=alike)


async def _page(desk: Desk, visitor: Visitor, account_id: str, *, page: int) -> dict[str, Any]:
    async with desk.database.read() as session:
        shown = await account_card.read(session, visitor.workspace_id, account_id, now=desk.now())
        if shown is None:
            raise AccountGoneError
        rows = await movement.of_account(
            session, visitor.workspace_id, shown.id, limit=view.PAGE, offset=page * view.PAGE
        )
    return view.movements(shown, rows, page=page)


async def _account(session: AsyncSession, visitor: Visitor, account_id: str) -> Account:
    found = await account.get(session, visitor.workspace_id, account_id)
    if found is None:
        raise AccountGoneError
    return found


async def _locale(session: AsyncSession, workspace_id: str) -> str:
    tenant = await workspace.get(session, workspace_id)
    assert tenant is not None  # noqa: S101 - whoever presses a button is of a workspace that installed us
    return tenant.locale
