"""A thread: what is told of one account belongs together, where a destination wants that, as one message or under one.

With a group time, the changes of an account within so many minutes of the first one's message are told as one: a change
of the same kind right after another changes that one's message, and any other replies under the first. With threads,
each account has a card in the channel, and its movements are replies under it.

Where a movement goes is decided when its turn comes, with its lane held; so that what stands before it is known. One
that changes a message goes on in the lane of updates. A card is owed before the first movement that it stands above, in
the same lane, and so is posted first, and once. A message that Slack lets nobody change, or that is gone, is told of
once more elsewhere: nothing is lost by it.
"""

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, exists, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from models import destination, edit, lane, movement
from models.account import Account
from models.base import UNSEEN, among
from models.delivery import POST, UNSENT, UPDATE, Delivery, DeliveryState, FactKind, MessageEnd, is_open
from models.destination import Destination
from models.edit import UNDER_WAY
from models.movement import Movement
from models.subscription import Restatement

AS_ONE = timedelta(minutes=2)
"""How long after a change another one of its kind is told by changing its message."""

NOT_TOLD = (DeliveryState.SKIPPED, DeliveryState.FAILED)


@dataclass(frozen=True, kw_only=True)
class Reply:
    """Under which message something is told: the delivery that became it, and where it stands."""

    parent_id: str
    channel: str
    ts: str
    is_broadcast: bool
    """Whether the channel sees it too."""
    changes_parent: bool = False
    """Whether the parent, a card, says something else from then on."""


@dataclass
class Arrangement:
    """Which of some deliveries reply under which message, and which don't go now, since they wait for another."""

    replies: dict[str, Reply] = field(default_factory=dict)
    put_off: set[str] = field(default_factory=set)


async def arrange(session: AsyncSession, heads: Collection[Delivery], *, now: datetime) -> Arrangement:
    """Say where those of these go that answer a message, or are kept together with others about their account."""
    made = Arrangement()
    for one in heads:
        if one.replies_to is not None and not one.is_kept_together:
            await _answer(session, made, one)
    kept = [one for one in heads if one.is_kept_together]
    if not kept:
        return made
    asking = await destination.many(session, {one.asked_by for one in kept})
    facts = await movement.many(session, {one.fact_id for one in kept})
    for one in kept:
        fact = facts.get((one.workspace_id, one.fact_id))
        if fact is not None:
            await _arrange(session, made, one, asking[one.asked_by], fact[0], now=now)
    return made


async def _answer(session: AsyncSession, made: Arrangement, owed: Delivery) -> None:
    """Put what answers a message into the thread in which that stands; on one that is being told it waits.

    What answers many stands by itself.
    """
    if await _carries(session, owed):
        return
    told = await session.get(Delivery, owed.replies_to)
    if told is not None and told.state in UNDER_WAY:
        made.put_off.add(owed.id)
        return
    root = await session.get(Delivery, told.replies_to) if told is not None and told.replies_to is not None else told
    if root is not None and _stands(root):
        made.replies[owed.id] = replace(_reply(root, to=owed), is_broadcast=False, changes_parent=False)


async def _arrange(
    session: AsyncSession, made: Arrangement, owed: Delivery, asking: Destination, moved: Movement, *, now: datetime
) -> None:
    if owed.edits is not None:
        if not await _may_edit(session, owed, now=now):
            made.put_off.add(owed.id)
            if await lane.try_to_hold(session, (owed.workspace_id, POST, owed.target), now=now):
                await tell_apart(session, owed, now=now)
        return
    if owed.state in UNDER_WAY:
        reply = await _as_before(session, owed)
    elif await _carries(session, owed):
        reply = None
    elif asking.has_threads:
        reply = await _under_card(session, made, owed, moved, now=now)
    else:
        reply = await _in_group(session, made, owed, asking, moved, now=now)
    if owed.edits is None:
        owed.replies_to = reply.parent_id if reply is not None else None
    if reply is not None:
        made.replies[owed.id] = reply


async def _carries(session: AsyncSession, owed: Delivery) -> bool:
    """Say whether others were merged into it, so that it tells of more than one account."""
    merged = select(Delivery.id).where(
        Delivery.workspace_id == owed.workspace_id, Delivery.coalesced_into == owed.id, Delivery.edits.is_(None)
    )
    return await session.scalar(merged.limit(1)) is not None


async def _as_before(session: AsyncSession, owed: Delivery) -> Reply | None:
    """Give the thread in which something may stand already."""
    parent = await session.get(Delivery, owed.replies_to) if owed.replies_to is not None else None
    return _reply(parent, to=owed) if parent is not None and parent.message_ts is not None else None


def _reply(parent: Delivery, *, to: Delivery) -> Reply:
    assert parent.message_ts is not None  # noqa: S101 - it was delivered
    is_card = parent.fact_kind == FactKind.THREAD
    return Reply(
        parent_id=parent.id,
        channel=parent.message_channel or parent.target,
        ts=parent.message_ts,
        is_broadcast=not is_card,
        # What was owed in one transaction with its card stood in it from the start.
        changes_parent=is_card and to.created_at != parent.created_at,
    )


def _stands(posted: Delivery) -> bool:
    """Say whether a message can be replied to."""
    is_posted = posted.state == DeliveryState.DELIVERED and posted.message_ts is not None
    return is_posted and posted.message_end != MessageEnd.GONE


async def _under_card(
    session: AsyncSession, made: Arrangement, owed: Delivery, moved: Movement, *, now: datetime
) -> Reply | None:
    """Find the card of the account. One that is gone, or can't be kept up to date, is posted anew before what is news.

    For what was owed before it was posted, it is not posted yet again.
    """
    query = select(Delivery).where(
        Delivery.asked_by == owed.asked_by,
        Delivery.fact_kind == FactKind.THREAD,
        Delivery.fact_id == moved.account_id,
        Delivery.target == owed.target,
    )
    card: Delivery | None = await session.scalar(query)
    if card is None:
        return None
    is_current = _stands(card) and card.message_end is None
    is_ended = card.settled_at is not None and card.settled_at < owed.created_at
    if not is_current and is_ended and card.lane_id == owed.lane_id and card.id < owed.id:
        _owe_again(card, before=owed, now=now)
        made.put_off.add(owed.id)
        return None
    return _reply(card, to=owed) if _stands(card) else None


def _owe_again(card: Delivery, *, before: Delivery, now: datetime) -> None:
    """Have a card posted once more. Its id is older than that of what waits for it, and so it comes first."""
    card.state, card.created_at, card.due_at, card.attempts = DeliveryState.PENDING, before.created_at, now, 0
    card.settled_at = card.reason = card.fix = card.coalesced_into = card.send_started_at = None
    card.message_channel = card.message_ts = card.message_end = None


async def _in_group(
    session: AsyncSession, made: Arrangement, owed: Delivery, asking: Destination, moved: Movement, *, now: datetime
) -> Reply | None:
    """Find what was told of the account lately: a message to change, or one to reply to."""
    if asking.group_minutes is None:
        return None
    told = await _told_since(session, owed, moved, since=now - timedelta(minutes=asking.group_minutes))
    firsts = [one for one, _ in told if one.replies_to is None and one.edits is None and _stands(one)]
    if not firsts:
        return None
    first = firsts[-1]
    group = [(one, what) for one, what in told if first.id in {one.id, one.edits, one.replies_to}]
    last, before = group[-1]
    base = next((one for one, _ in group if one.id == (last.edits or last.id)), first)
    is_alike = (before.kind, before.currency) == (moved.kind, moved.currency)
    if is_alike and base.message_end is None and now - (last.settled_at or now) <= AS_ONE:
        made.put_off.add(owed.id)
        if await lane.try_to_hold(session, (owed.workspace_id, UPDATE, owed.workspace_id), now=now):
            owed.lane_id = await lane.hold_for_updates(session, owed.workspace_id, now=now)
            owed.edits, owed.replies_to = base.id, base.replies_to
        return None
    return _reply(first, to=owed)


async def _told_since(
    session: AsyncSession, owed: Delivery, moved: Movement, *, since: datetime
) -> list[tuple[Delivery, Movement]]:
    """List what one recipient was told of an account since an instant, or is being told, the first of it first."""
    merged = aliased(Delivery)
    carries = exists().where(
        merged.workspace_id == Delivery.workspace_id, merged.coalesced_into == Delivery.id, merged.edits.is_(None)
    )
    was_posted = and_(Delivery.state == DeliveryState.DELIVERED, Delivery.settled_at > since, ~carries)
    is_recent = or_(Delivery.settled_at.is_(None), Delivery.settled_at > since)
    is_edited = and_(Delivery.edits.is_not(None), Delivery.state.not_in(NOT_TOLD), is_recent)
    query = (
        select(Delivery, Movement)
        .join(Movement, Movement.id == Delivery.fact_id)
        .where(
            Movement.account_id == moved.account_id,
            Delivery.asked_by == owed.asked_by,
            Delivery.fact_kind == FactKind.MOVEMENT,
            Delivery.target == owed.target,
            Delivery.id != owed.id,
            or_(was_posted, is_edited),
        )
    )
    return [(one, what) for one, what in await session.execute(query.order_by(Delivery.id))]


async def _may_edit(session: AsyncSession, owed: Delivery, *, now: datetime) -> bool:
    """Say whether the message that is to tell it can still be changed. Others that wait for that go with it."""
    base = await session.get(Delivery, owed.edits)
    if base is None or not _stands(base) or base.message_end is not None:
        return False
    waiting = select(Delivery.id).where(
        Delivery.lane_id == owed.lane_id, is_open(), Delivery.edits == base.id, Delivery.id != owed.id
    )
    others = (await session.scalars(waiting)).all()
    if others:
        # What went with one of them goes on with this one.
        theirs = or_(among(Delivery.id, others), among(Delivery.coalesced_into, others))
        values = {"state": DeliveryState.COALESCED, "coalesced_into": owed.id, "reason": None, "fix": None}
        together = update(Delivery).where(Delivery.workspace_id == owed.workspace_id, theirs)
        await session.execute(together.values(**values, settled_at=now), execution_options=UNSEEN)
    return True


async def tell_apart(session: AsyncSession, owed: Delivery, *, now: datetime) -> None:
    """Tell in a message of its own what couldn't be told by changing another one, and what went with it."""
    lane_id = await lane.of_target(session, owed.workspace_id, POST, owed.target, now=now)
    again = {
        **dict.fromkeys(("edits", "replies_to", "coalesced_into", "settled_at", "reason", "fix")),
        "lane_id": lane_id,
        "state": DeliveryState.PENDING,
        "due_at": now,
    }
    together = or_(Delivery.id == owed.id, and_(Delivery.coalesced_into == owed.id, Delivery.edits == owed.edits))
    theirs = (Delivery.workspace_id == owed.workspace_id, together)
    await session.execute(update(Delivery).where(*theirs).values(again), execution_options=UNSEEN)
    await lane.rouse(session, {lane_id}, now=now)


async def told_together(session: AsyncSession, owed: Collection[Delivery]) -> list[tuple[Delivery, list[Movement]]]:
    """Give those of these deliveries whose messages tell of several movements as one, in the order of these.

    Of one whose own movement is no more, those also whose messages tell of one other.
    """
    kept = [one for one in owed if one.is_kept_together]
    if not kept:
        return []
    bases = {one.edits or one.id for one in kept}
    query = (
        select(func.coalesce(Delivery.edits, Delivery.id), Movement)
        .join(Delivery, Delivery.fact_id == Movement.id)
        .where(*_told_by(bases))
    )
    told: dict[str, list[Movement]] = {}
    for base_id, moved in await session.execute(query.order_by(Movement.occurred_at, Movement.id)):
        told.setdefault(base_id, []).append(moved)
    together = [(one, told.get(one.edits or one.id, [])) for one in kept]
    return [(one, several) for one, several in together if any(moved.id != one.fact_id for moved in several)]


async def taken_back(session: AsyncSession, owed: Collection[Delivery]) -> dict[str, list[Restatement]]:
    """Give what the messages of these deliveries told that is no more, by the delivery's id, the first of it first."""
    bases = {one.edits or one.id for one in owed}
    query = (
        select(func.coalesce(Delivery.edits, Delivery.id), Restatement)
        .join(Delivery, Delivery.fact_id == Restatement.movement_id)
        .where(*_told_by(bases), Restatement.kind.is_(None))
    )
    told: dict[str, list[Restatement]] = {}
    for base_id, restated in await session.execute(query.order_by(Restatement.occurred_at, Restatement.id)):
        told.setdefault(base_id, []).append(restated)
    return {one.id: told[one.edits or one.id] for one in owed if (one.edits or one.id) in told}


def _told_by(bases: Collection[str]) -> tuple[ColumnElement[bool], ...]:
    """Keep the deliveries of movements that the messages of these tell, or are changed to tell."""
    theirs = or_(among(Delivery.id, bases), among(Delivery.edits, bases))
    return theirs, Delivery.fact_kind == FactKind.MOVEMENT, Delivery.state.not_in(NOT_TOLD)


async def unsent_about(session: AsyncSession, account_id: str, *which: ColumnElement[bool]) -> list[Delivery]:
    """List what is owed of an account and not sent: movements, the card above them, and corrections of them."""
    movements = [owed for owed, _ in await movement.unsent(session, *which, Movement.account_id == account_id)]
    merged = aliased(Delivery)
    carries = exists().where(merged.workspace_id == Delivery.workspace_id, merged.coalesced_into == Delivery.id)
    waits = (is_open(), Delivery.state.in_(UNSENT), ~carries)
    is_card = and_(Delivery.fact_kind == FactKind.THREAD, Delivery.fact_id == account_id)
    corrects = and_(Delivery.fact_kind == FactKind.CORRECTION, Restatement.account_id == account_id)
    query = select(Delivery).outerjoin(Restatement, Restatement.id == Delivery.fact_id)
    return [*movements, *await session.scalars(query.where(*which, *waits, or_(is_card, corrects)))]


@dataclass(frozen=True, kw_only=True)
class Card:
    """How an account stands, and what one recipient was told of it: how often, since when, and what last."""

    account: Account
    count: int
    since: datetime
    last: Movement | None


async def cards(session: AsyncSession, owed: Collection[Delivery]) -> dict[str, Card]:
    """Read the cards that these deliveries are, by the delivery's id; without those whose account is gone."""
    query = select(Account).where(among(Account.id, {one.fact_id for one in owed}))
    accounts = {(one.workspace_id, one.id): one for one in await session.scalars(query)}
    found = {}
    for one in owed:
        about = accounts.get((one.workspace_id, one.fact_id))
        if about is not None:
            found[one.id] = await _card(session, one, about)
    return found


async def _card(session: AsyncSession, owed: Delivery, about: Account) -> Card:
    told = (
        Movement.account_id == about.id,
        Delivery.asked_by == owed.asked_by,
        Delivery.fact_kind == FactKind.MOVEMENT,
        Delivery.target == owed.target,
        Delivery.state.not_in(NOT_TOLD),
    )
    sums = select(func.count(), func.min(Delivery.created_at)).join(Movement, Movement.id == Delivery.fact_id)
    count, since = (await session.execute(sums.where(*told))).one()
    newest = select(Movement).join(Delivery, Delivery.fact_id == Movement.id).where(*told)
    last = await session.scalar(newest.order_by(Movement.occurred_at.desc(), Movement.id.desc()).limit(1))
    return Card(account=about, count=count, since=since or owed.created_at, last=last)


async def cards_above(session: AsyncSession, workspace_id: str, delivery_ids: Collection[str]) -> list[str]:
    """Give the ids of the cards under which these deliveries stand."""
    replies = aliased(Delivery)
    query = select(Delivery.id).join(replies, replies.replies_to == Delivery.id)
    theirs = (Delivery.workspace_id == workspace_id, Delivery.fact_kind == FactKind.THREAD)
    return list(await session.scalars(query.where(*theirs, among(replies.id, delivery_ids)).distinct()))


async def cards_of_merged(session: AsyncSession, workspace_id: str, carrier_id: str) -> list[str]:
    """Give the ids of the cards that stand for the accounts of which a message tells, one or many."""
    card, merged = aliased(Delivery), aliased(Delivery)
    theirs = (merged.workspace_id == workspace_id, merged.coalesced_into == carrier_id)
    for_it = (card.asked_by == merged.asked_by, card.target == merged.target, card.fact_kind == FactKind.THREAD)
    query = (
        select(card.id)
        .join(Movement, Movement.account_id == card.fact_id)
        .join(merged, and_(merged.fact_id == Movement.id, *for_it))
        .where(or_(merged.id == carrier_id, and_(*theirs)), card.workspace_id == workspace_id)
        .where(card.state == DeliveryState.DELIVERED)
    )
    return list(await session.scalars(query.distinct()))


async def follow_account(
    session: AsyncSession, workspace_id: str, former_id: str, kept_id: str, *, now: datetime
) -> None:
    """Let the cards of an account that became a part of another stand for that one, where it has none there itself.

    The cards of that one are brought up to date. It comes last in its transaction.
    """
    other = aliased(Delivery)
    asking = select(Destination.id).where(Destination.workspace_id == workspace_id)
    has_one = exists().where(
        other.asked_by == Delivery.asked_by,
        other.fact_kind == FactKind.THREAD,
        other.fact_id == kept_id,
        other.target == Delivery.target,
    )
    theirs = (Delivery.asked_by.in_(asking), Delivery.fact_kind == FactKind.THREAD, Delivery.fact_id == former_id)
    statement = update(Delivery).where(*theirs, ~has_one).values(fact_id=kept_id)
    await session.execute(statement, execution_options=UNSEEN)
    its_own = (Delivery.asked_by.in_(asking), Delivery.fact_kind == FactKind.THREAD, Delivery.fact_id == kept_id)
    above = (await session.scalars(select(Delivery.id).where(*its_own))).all()
    await edit.ask(session, workspace_id, above, now=now)
