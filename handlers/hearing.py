"""`/mrr why`: who hears of an account, who doesn't and why, and what of it was told here last."""

from collections.abc import Mapping, Sequence
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient
from sqlalchemy.ext.asyncio import AsyncSession

from handlers import accounts, home, people
from handlers.desk import Desk, Visitor
from handlers.views import hearing as view
from handlers.views.answers import Answer
from handlers.views.hearing import Hearer, Hearing, ToldHere
from handlers.views.typed import name_in
from models import (
    conversation,
    destination,
    destination_mute,
    ledger,
    movement,
    mute,
    person,
    recipient,
    role,
    workspace,
)
from models import filter as filters
from models.account import Account
from models.condition import Standing
from models.delivery import Delivery, DeliveryState, SkipReason
from models.destination import Destination
from models.filter import NOTHING_KNOWN
from models.movement import Movement
from models.person import Person
from models.signal import TOLD_TO
from models.wish import Frequency

RECENT = 20
"""Among as many movements it is looked for what was told here last."""
MOST_HERE = 3


async def explain(command: Mapping[str, Any], client: AsyncWebClient, desk: Desk, visitor: Visitor) -> Answer:
    """Answer who hears of the account that was typed, and why; to each only what they may know."""
    visiting = await people.require_member(desk, client, visitor)
    async with desk.database.read() as session:
        typed = name_in(str(command.get("text") or ""))
        about = await accounts.the_one(session, visiting, typed, word="why")
        if not isinstance(about, Account):
            return about
        here = await _here(session, visiting, str(command["channel_id"]), str(command.get("channel_name")))
        return view.answer(await _hearing(session, desk, visiting, about, here=here))


async def _here(session: AsyncSession, visiting: Person, channel_id: str, name: str) -> str:
    """Say as what a conversation is written to: a channel by its id, people's own by theirs."""
    if name == "directmessage":
        return visiting.user_id
    return await conversation.target_of(session, visiting.workspace_id, channel_id) or channel_id


async def _hearing(session: AsyncSession, desk: Desk, visiting: Person, about: Account, *, here: str) -> Hearing:
    workspace_id = visiting.workspace_id
    moved = await movement.of_account(session, workspace_id, about.id, limit=RECENT)
    asking = await destination.of_workspace(session, workspace_id)
    tenant = await workspace.get(session, workspace_id)
    assert tenant is not None  # noqa: S101 - whoever types is of a workspace that installed us
    ids = [one.id for one in asking]
    last = await ledger.of_movements(
        session, workspace_id, [one.id for one in moved], asked_by=ids, target=here, limit=MOST_HERE
    )
    holders = {one.role: one.name or one.email for one in await role.of_account(session, about.id)}
    return Hearing(
        account_id=about.id,
        name=about.display_name,
        newest=moved[0] if moved else None,
        hearers=await _hearers(session, desk, visiting, asking, about, moved[0] if moved else None, here=here),
        may_change=await person.is_manager(session, visiting),
        told_here=tuple([await _told(session, one) for one in last]),
        owner=holders.get(TOLD_TO),
        fallback_channel_id=tenant.fallback_channel_id,
        is_muted=await mute.is_muted(session, workspace_id, visiting.user_id, [about.id], now=desk.now()),
        locale=tenant.locale,
    )


async def _told(session: AsyncSession, one: Delivery) -> ToldHere:
    told, at = await ledger.told(session, one), one.settled_at or one.created_at
    return ToldHere(told=told, state=DeliveryState(one.state), reason=one.reason, at=at)


async def _hearers(
    session: AsyncSession,
    desk: Desk,
    visiting: Person,
    asking: list[Destination],
    about: Account,
    newest: Movement | None,
    *,
    here: str,
) -> tuple[Hearer, ...]:
    """Judge each destination that a person may know: a manager all, anybody else those of public channels, here or own.

    Of these, too, only the recipients are named that they may know.
    """
    chosen = await recipient.of_destinations(session, [one.id for one in asking])
    recipients = {key: tuple(one.to for one in several) for key, several in chosen.items()}
    if not await person.is_manager(session, visiting):
        recipients = await home.readable(session, visiting, recipients, here=here)
    standing = await _standing(session, asking, newest)
    muted = await destination_mute.among_accounts(session, [about.id])
    hearers = [
        Hearer(
            id=one.id,
            name=one.name,
            frequency=Frequency(one.frequency),
            recipients=recipients[one.id],
            lacks_kind=newest is not None and newest.kind not in one.kinds,
            is_elsewhere=newest is not None and not one.filter.concerns(standing),
            is_too_small=newest is not None and one.skips(newest, standing) == SkipReason.BELOW_THRESHOLD,
            is_paused=one.is_paused(desk.now()),
            paused_until=one.paused_until,
            is_muted=destination_mute.is_muted(muted, one.id, about.id, at=desk.now()),
            muted_until=muted.get((one.id, about.id)),
            next_at=one.next_recap_at(desk.now()),
        )
        for one in asking
    ]
    return tuple(sorted((one for one in hearers if one.recipients), key=lambda one: not one.tells))


async def _standing(session: AsyncSession, asking: Sequence[Destination], newest: Movement | None) -> Standing:
    """Read what the destinations' filters have to know of a movement beside itself."""
    if newest is None:
        return NOTHING_KNOWN
    known = await filters.standings(session, [newest], [one.filter for one in asking if one.asks_more])
    return known.get(newest.id, NOTHING_KNOWN)
