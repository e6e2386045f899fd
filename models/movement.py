"""A movement: a change of an account's MRR. The amount is signed, in minor units, beside its currency."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias

from sqlalchemy import (
    ColumnElement,
    Date,
    ForeignKey,
    Index,
    Integer,
    Select,
    String,
    Subquery,
    Text,
    bindparam,
    delete,
    exists,
    extract,
    func,
    literal,
    or_,
    select,
    text,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, aliased, mapped_column

from models.account import Account
from models.base import IDS, UNSEEN, Base, Id, Number, among, execute_all, insert, new_id, told_before
from models.delivery import UNSENT, Delivery, FactKind, is_open
from models.fact import AccountStatus, MovementFact, MovementKind

TICK = timedelta(microseconds=1)
BEGINNING = datetime.min.replace(tzinfo=UTC)

DayKey = tuple[str, date, str, str]
"""The workspace, the day in UTC, the currency and the kind."""


class Grouping(StrEnum):
    """What movements are summed by."""

    MONTH = "month"
    TYPE = "type"


class Movement(Base):
    """One change of one account's MRR."""

    __tablename__ = "movements"
    __table_args__ = (
        Index("uq_movements_external_id", "source_id", "external_id", unique=True),
        Index("ix_movements_period", "workspace_id", "occurred_at", "currency", "account_id", "kind", "amount_minor"),
        Index(None, "account_id", "occurred_at"),
        Index(
            "ix_movements_news",
            "workspace_id",
            "recorded_at",
            sqlite_where=text("is_history = 0"),
            postgresql_where=text("NOT is_history"),
        ),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    workspace_id: Mapped[str] = mapped_column(Id)
    account_id: Mapped[str] = mapped_column(Id, ForeignKey("accounts.id"))
    source_id: Mapped[str] = mapped_column(Id)
    external_id: Mapped[str] = mapped_column(String(255))
    kind: Mapped[str] = mapped_column(String(20))
    amount_minor: Mapped[int] = mapped_column(Number)
    currency: Mapped[str] = mapped_column(String(3))
    mrr_before_minor: Mapped[int | None] = mapped_column(Number)
    mrr_after_minor: Mapped[int | None] = mapped_column(Number)
    plan: Mapped[str | None] = mapped_column(String(255))
    plan_before: Mapped[str | None] = mapped_column(String(255))
    description: Mapped[str | None] = mapped_column(Text)
    subscription_external_id: Mapped[str | None] = mapped_column(String(255))
    url: Mapped[str | None] = mapped_column(Text)
    is_history: Mapped[bool]
    is_derived: Mapped[bool] = mapped_column(default=False)
    """Whether it follows from subscriptions (`models.subscription`), and not from what a source told as a movement."""
    occurred_at: Mapped[datetime]
    recorded_at: Mapped[datetime]


class Day(Base):
    """What a workspace's movements of one day in UTC come to, by currency and kind. Every movement is added to it.

    Long times are summed up by their days, so that this takes as long however much happened.
    """

    __tablename__ = "movement_days"

    workspace_id: Mapped[str] = mapped_column(Id, primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    currency: Mapped[str] = mapped_column(String(3), primary_key=True)
    kind: Mapped[str] = mapped_column(String(20), primary_key=True)
    number: Mapped[int]
    amount_minor: Mapped[int] = mapped_column(Number)


async def known(session: AsyncSession, keys: Collection[tuple[str, str]]) -> set[tuple[str, str]]:
    """Give those of these ids, of a source and its own of the movement, that were told before."""
    return await told_before(session, Movement, keys)


def record(
    account: Account, fact: MovementFact, *, source_id: str, external_id: str, is_history: bool, now: datetime
) -> Movement:
    """Move an account by a fact that was not told before."""
    before, after = _mrr(account, fact)
    _begin(account, fact, before)
    _move(account, fact, after, now=now)
    return Movement(
        id=new_id("mov", now),
        workspace_id=account.workspace_id,
        account_id=account.id,
        source_id=source_id,
        external_id=external_id,
        kind=fact.kind,
        amount_minor=fact.amount_minor,
        currency=fact.currency,
        mrr_before_minor=before,
        mrr_after_minor=after,
        plan=fact.plan,
        plan_before=fact.plan_before,
        description=fact.description,
        subscription_external_id=fact.subscription_external_id,
        url=fact.url,
        is_history=is_history,
        is_derived=False,
        occurred_at=fact.occurred_at,
        recorded_at=now,
    )


async def add(session: AsyncSession, movements: Sequence[Movement]) -> None:
    """Write movements down, and add them to their days."""
    session.add_all(movements)
    await session.flush()
    await add_to_days(
        session, ((one.workspace_id, one.occurred_at, one.currency, one.kind, one.amount_minor) for one in movements)
    )


async def add_to_days(
    session: AsyncSession, moved: Iterable[tuple[str, datetime, str, str, int]], *, times: int = 1
) -> None:
    """Add what moved to its days: the workspace, when, the currency, the kind, the amount. -1 times takes it away."""
    days: dict[DayKey, list[int]] = {}
    for workspace_id, at, currency, kind, amount in moved:
        sums = days.setdefault((workspace_id, at.astimezone(UTC).date(), currency, kind), [0, 0])
        sums[0] += times
        sums[1] += times * amount
    await sum_days(session, days)


async def sum_days(session: AsyncSession, days: Mapping[DayKey, Sequence[int]]) -> None:
    """Add a number of movements and their amount to days; both may be below 0, where movements are no more."""
    if not days:
        return
    key, summed = ("workspace_id", "day", "currency", "kind"), ("number", "amount_minor")
    rows = [(*of, *sums) for of, sums in sorted(days.items())]
    statement = insert(session, Day)
    together = {name: Day.__table__.c[name] + statement.excluded[name] for name in summed}
    await execute_all(
        session, statement.on_conflict_do_update(index_elements=key, set_=together), (*key, *summed), rows
    )


async def remove(session: AsyncSession, movements: Sequence[Movement], *, now: datetime) -> None:
    """Delete movements, take them from their days, and let their accounts be what is told of them otherwise.

    Whoever does this recounts those of them that have subscriptions.
    """
    if not movements:
        return
    moved = ((one.workspace_id, one.occurred_at, one.currency, one.kind, one.amount_minor) for one in movements)
    await add_to_days(session, moved, times=-1)
    emptied = (Day.workspace_id == movements[0].workspace_id, Day.number == 0)
    await session.execute(delete(Day).where(*emptied), execution_options=UNSEEN)
    gone = delete(Movement).where(among(Movement.id, [one.id for one in movements]))
    await session.execute(gone, execution_options=UNSEEN)
    await tell_again(session, {one.account_id for one in movements}, now=now)


async def tell_again(session: AsyncSession, account_ids: Collection[str], *, now: datetime) -> None:
    """Let accounts follow the movements that sources told of them, as they did when each came."""
    held = select(Account).where(among(Account.id, account_ids)).order_by(Account.id).with_for_update()
    accounts = {account.id: account for account in await session.scalars(held)}
    for account in accounts.values():
        account.mrr_minor, account.currency, account.mrr_at = None, None, None
        account.first_moves, account.unclear_in, account.status = {}, None, AccountStatus.LEAD
    told = select(Movement).where(among(Movement.account_id, account_ids), ~Movement.is_derived)
    for moved in await session.scalars(told.order_by(Movement.recorded_at, Movement.id)):
        _begin(accounts[moved.account_id], moved, moved.mrr_before_minor)
        _move(accounts[moved.account_id], moved, moved.mrr_after_minor, now=now)


def _mrr(account: Account, fact: MovementFact) -> tuple[int | None, int | None]:
    """Give the account's MRR before and after: as told, or derived from the other, or from what we know of the account.

    What we know counts only where it is older than the movement and in its currency.
    """
    before, after = fact.mrr_before_minor, fact.mrr_after_minor
    if before is None and after is not None:
        before = after - fact.amount_minor
    if before is None and _is_known(account, fact):
        before = account.mrr_minor
    if before is None and fact.kind in {MovementKind.NEW_BUSINESS, MovementKind.REACTIVATION}:
        before = 0
    if after is None and before is not None:
        after = before + fact.amount_minor
    return before, after


def _is_known(account: Account, fact: MovementFact) -> bool:
    return (
        account.mrr_minor is not None
        and account.currency == fact.currency
        and account.mrr_at is not None
        and account.mrr_at <= fact.occurred_at
    )


def _begin(account: Account, fact: MovementFact | Movement, before: int | None) -> None:
    """Note with which movement the account's MRR in a currency began, and whether that started from nothing.

    Of several at one instant, one that did came first.
    """
    at, is_clear = fact.occurred_at.astimezone(UTC).isoformat(timespec="microseconds"), before == 0
    first = account.first_moves.get(fact.currency)
    if first is not None and (first["at"] < at or (first["at"] == at and first["is_clear"])):
        return
    account.first_moves = {**account.first_moves, fact.currency: {"at": at, "is_clear": is_clear}}
    unclear = sorted(currency for currency, began in account.first_moves.items() if not began["is_clear"])
    account.unclear_in = " ".join(unclear) or None


def _move(account: Account, fact: MovementFact | Movement, after: int | None, *, now: datetime) -> None:
    """Let the account follow its newest movement; one that arrives late changes nothing that a newer one said."""
    if account.mrr_at is not None and account.mrr_at > fact.occurred_at:
        return
    account.mrr_minor, account.currency, account.mrr_at = after, fact.currency, fact.occurred_at
    account.status = AccountStatus.CHURNED if fact.kind == MovementKind.CHURN else AccountStatus.CUSTOMER
    account.updated_at = now


async def get(session: AsyncSession, workspace_id: str, movement_id: str) -> tuple[Movement, Account] | None:
    """Find a movement of this workspace with its account."""
    query = (
        select(Movement, Account)
        .join(Account, Account.id == Movement.account_id)
        .where(Movement.workspace_id == workspace_id, Movement.id == movement_id)
    )
    row = (await session.execute(query)).one_or_none()
    return (row[0], row[1]) if row is not None else None


MANY = select(Movement, Account).join(Account, Account.id == Movement.account_id).where(among(Movement.id, IDS))


async def many(session: AsyncSession, ids: Collection[str]) -> dict[tuple[str, str], tuple[Movement, Account]]:
    """Give movements with their accounts, by the workspace and the movement's id."""
    found = (await session.execute(MANY, {"ids": ids})).all()
    return {(moved.workspace_id, moved.id): (moved, account) for moved, account in found}


async def unsent(session: AsyncSession, *which: ColumnElement[bool]) -> list[tuple[Delivery, Movement]]:
    """List movements that are owed and not sent, each behind its delivery. What was merged is told as it was merged."""
    merged = aliased(Delivery)
    carries = exists().where(merged.workspace_id == Delivery.workspace_id, merged.coalesced_into == Delivery.id)
    query = select(Delivery, Movement).join(Movement, Movement.id == Delivery.fact_id)
    waits = (Delivery.fact_kind == FactKind.MOVEMENT, is_open(), Delivery.state.in_(UNSENT))
    return [(row[0], row[1]) for row in await session.execute(query.where(*which, *waits, ~carries))]


async def of_workspace(
    session: AsyncSession, workspace_id: str, *, limit: int | None = None
) -> list[tuple[Movement, Account]]:
    """List a workspace's movements, newest first, each with its account."""
    query = (
        select(Movement, Account)
        .join(Account, Account.id == Movement.account_id)
        .where(Movement.workspace_id == workspace_id)
        .order_by(Movement.occurred_at.desc(), Movement.id.desc())
        .limit(limit)
    )
    return [(row[0], row[1]) for row in await session.execute(query)]


async def of_account(
    session: AsyncSession, workspace_id: str, account_id: str, *, limit: int | None = None, offset: int = 0
) -> list[Movement]:
    """List an account's movements, newest first, after so many of them."""
    theirs = (Movement.workspace_id == workspace_id, Movement.account_id == account_id)
    query = select(Movement).where(*theirs).order_by(Movement.occurred_at.desc(), Movement.id.desc())
    return list(await session.scalars(query.limit(limit).offset(offset)))


async def in_period(
    session: AsyncSession,
    workspace_id: str,
    *,
    since: datetime,
    until: datetime,
    limit: int,
    offset: int = 0,
    after: Movement | None = None,
    is_by_size: bool = False,
) -> list[tuple[Movement, Account]]:
    """List the movements in `[since, until)`, oldest first, each with its account; those that come after one of them.

    To follow one takes as long at the end as at the beginning; to leave out many takes longer the more they are.
    By their size the largest come first, a currency after the other.
    """
    query = (
        select(Movement, Account)
        .join(Account, Account.id == Movement.account_id)
        .where(Movement.workspace_id == workspace_id, Movement.occurred_at >= since, Movement.occurred_at < until)
    )
    if after is not None:
        at = Movement.occurred_at
        query = query.where(at >= after.occurred_at, or_(at > after.occurred_at, Movement.id > after.id))
    if is_by_size:
        query = query.order_by(Movement.currency, func.abs(Movement.amount_minor).desc())
    order = query.order_by(Movement.occurred_at, Movement.id)
    rows = await session.execute(order.limit(limit).offset(offset))
    return [(row[0], row[1]) for row in rows]


async def count(session: AsyncSession, workspace_id: str) -> int:
    """Count a workspace's movements."""
    return int(await session.scalar(select(func.count()).where(Movement.workspace_id == workspace_id)) or 0)


async def totals(
    session: AsyncSession, workspace_id: str, *, by: Sequence[Grouping] = tuple(Grouping)
) -> list[dict[str, Any]]:
    """Sum the movements by month (UTC), by type, or by both, a row for each currency; amounts in minor units."""
    month = extract("year", Day.day) * 100 + extract("month", Day.day)
    columns: list[Any] = [{Grouping.MONTH: month, Grouping.TYPE: Day.kind}[grouping] for grouping in by]
    query = select(*columns, Day.currency, func.sum(Day.number), func.sum(Day.amount_minor))
    kept = query.where(Day.workspace_id == workspace_id, Day.number != 0)
    rows = await session.execute(kept.group_by(*columns, Day.currency))
    totals = [
        {
            **{grouping: _group(grouping, value) for grouping, value in zip(by, groups, strict=True)},
            "currency": currency,
            "count": int(number),
            "amount": int(amount),
        }
        for *groups, currency, number, amount in rows
    ]
    return sorted(totals, key=lambda one: [one[name] for name in (*by, "currency")])


def _group(grouping: Grouping, value: Any) -> str:
    return f"{int(value) // 100:04}-{int(value) % 100:02}" if grouping is Grouping.MONTH else str(value)


@dataclass(frozen=True, kw_only=True)
class KindSum:
    """The movements of one kind and currency, summed; in minor units."""

    currency: str
    kind: MovementKind
    count: int
    amount_minor: int


async def sums(
    session: AsyncSession, workspace_id: str, *, since: datetime | None = None, until: datetime
) -> list[KindSum]:
    """Sum the movements in `[since, until)`, or all before `until`, by currency and kind."""
    [found] = await sums_apart(session, workspace_id, [(since, until)])
    return found


async def sums_apart(
    session: AsyncSession, workspace_id: str, times: Sequence[tuple[datetime | None, datetime]]
) -> list[list[KindSum]]:
    """Sum the movements of several times, each as `sums` does, in one statement."""
    parts = [(place, part) for place, time in enumerate(times) for part in _parts(*time)]
    statement = _sums(tuple((place, part.are_days) for place, part in parts))
    found: list[list[KindSum]] = [[] for _ in times]
    rows = await session.execute(statement, _bounds(workspace_id, [part for _, part in parts]))
    for place, currency, kind, number, amount in rows:
        told = KindSum(currency=currency, kind=MovementKind(kind), count=int(number), amount_minor=int(amount))
        found[place].append(told)
    return found


async def sums_by_day(
    session: AsyncSession, workspace_id: str, *, since: datetime, until: datetime
) -> list[tuple[date, str, MovementKind, int]]:
    """Sum the movements in `[since, until)` by their day in UTC, currency and kind."""
    parts = _parts(since, until)
    statement = _sums_by_day(tuple((0, part.are_days) for part in parts))
    rows = await session.execute(statement, _bounds(workspace_id, parts))
    return [(day, currency, MovementKind(kind), int(amount)) for day, currency, kind, amount in rows]


class _Part(NamedTuple):
    """Whole days in UTC, `[since, until)`, or a part of one."""

    since: datetime
    until: datetime
    are_days: bool


def _parts(since: datetime | None, until: datetime) -> list[_Part]:
    """Take a time apart into whole days in UTC, and what is before and after these."""
    first, end = _midnight(since + timedelta(days=1) - TICK) if since else BEGINNING, _midnight(until)
    if since and first >= end:
        return [_Part(since, until, are_days=False)]
    edges = [_Part(since or first, first, are_days=False), _Part(end, until, are_days=False)]
    return [_Part(first, end, are_days=True), *(edge for edge in edges if edge.since < edge.until)]


def _midnight(at: datetime) -> datetime:
    """Give the beginning of the day in UTC."""
    return at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def _bounds(workspace_id: str, parts: Sequence[_Part]) -> dict[str, Any]:
    """Give the parameters of statements about parts."""
    bounds: dict[str, Any] = {"workspace_id": workspace_id}
    for number, part in enumerate(parts):
        since, until = (at.astimezone(UTC).date() for at in (part.since, part.until))
        bounds |= {f"day_{number}": since, f"end_{number}": until}
        bounds |= {f"since_{number}": part.since, f"until_{number}": part.until}
    return bounds


_Shape: TypeAlias = tuple[tuple[int, bool], ...]
"""The parts of a statement: to which of the times each belongs, and whether it is whole days."""


# To put these statements together takes longer than to run them for a short time; there are few shapes of them.
@lru_cache(maxsize=256)
def _sums(shape: _Shape) -> Select[int, str, str, int, int]:
    parts = _summed(shape)
    columns = (parts.c.place, parts.c.currency, parts.c.kind)
    query = select(*columns, func.sum(parts.c.number), func.sum(parts.c.amount_minor))
    return query.group_by(*columns).order_by(*columns)


@lru_cache(maxsize=256)
def _sums_by_day(shape: _Shape) -> Select[date, str, str, int]:
    parts = _summed(shape)
    return select(parts.c.day, parts.c.currency, parts.c.kind, parts.c.amount_minor)


def _summed(shape: _Shape) -> Subquery:
    summed = [
        _sum_of_days(number, place) if are_days else _sum_of_moments(number, place)
        for number, (place, are_days) in enumerate(shape)
    ]
    return union_all(*summed).subquery()


def _sum_of_days(number: int, place: int) -> Select[date, str, str, int, int, int]:
    days = select(Day.day, Day.currency, Day.kind, Day.number, Day.amount_minor, literal(place).label("place"))
    between = (Day.day >= bindparam(f"day_{number}"), Day.day < bindparam(f"end_{number}"))
    return days.where(Day.workspace_id == bindparam("workspace_id"), Day.number != 0, *between)


def _sum_of_moments(number: int, place: int) -> Select[date, str, str, int, int, int]:
    """Sum up a part of a day."""
    at = Movement.occurred_at
    return (
        select(
            bindparam(f"day_{number}", type_=Date).label("day"),
            Movement.currency,
            Movement.kind,
            func.count().label("number"),
            func.sum(Movement.amount_minor).label("amount_minor"),
            literal(place).label("place"),
        )
        .where(
            Movement.workspace_id == bindparam("workspace_id"),
            at >= bindparam(f"since_{number}"),
            at < bindparam(f"until_{number}"),
        )
        .group_by(Movement.currency, Movement.kind)
    )


@dataclass(frozen=True, kw_only=True)
class Change:
    """What all movements of an account come to in a time; in minor units."""

    currency: str
    account_name: str
    amount_minor: int
    number: int
    """How many accounts there are in this currency that gained, or lost, as it did: named or not."""


def _changes() -> Select[str, str, int, int]:
    change = func.sum(Movement.amount_minor)
    occurred = (Movement.occurred_at >= bindparam("since"), Movement.occurred_at < bindparam("until"))
    sums = (
        select(Movement.currency, Movement.account_id, change.label("change"))
        .where(Movement.workspace_id == bindparam("workspace_id"), *occurred)
        .group_by(Movement.currency, Movement.account_id)
        .having(change != 0)
        .subquery()
    )
    alike = (sums.c.currency, sums.c.change > 0)
    place = func.row_number().over(partition_by=alike, order_by=(func.abs(sums.c.change).desc(), Account.external_id))
    ranked = (
        select(
            sums.c.currency,
            func.coalesce(func.nullif(Account.name, ""), Account.external_id).label("name"),
            sums.c.change,
            func.count().over(partition_by=alike).label("number"),
            place.label("place"),
        )
        .join(Account, Account.id == sums.c.account_id)
        .subquery()
    )
    columns = (ranked.c.currency, ranked.c.name, ranked.c.change, ranked.c.number)
    return select(*columns).where(ranked.c.place <= bindparam("most", type_=Integer)).order_by(ranked.c.place)


# Put together once: that takes longer than to run it for a quiet day.
CHANGES = _changes()


async def changes(
    session: AsyncSession, workspace_id: str, *, since: datetime, until: datetime, most: int
) -> list[Change]:
    """List the accounts that gained the most in `[since, until)` and those that lost the most, the largest first.

    They are as many each way as wanted; of several that moved as much, those whose external ids come first.
    """
    asked = {"workspace_id": workspace_id, "since": since, "until": until, "most": most}
    return [
        Change(currency=currency, account_name=name, amount_minor=int(change), number=number)
        for currency, name, change, number in await session.execute(CHANGES, asked)
    ]


@dataclass(frozen=True, kw_only=True)
class Largest:
    """A movement among the largest; in minor units."""

    account_name: str
    kind: MovementKind
    amount_minor: int
    occurred_at: datetime


async def largest(
    session: AsyncSession, workspace_id: str, *, currency: str, since: datetime, until: datetime, limit: int
) -> list[Largest]:
    """List the largest movements in `[since, until)` in a currency, gains and losses alike."""
    query = (
        select(Movement, Account)
        .join(Account, Account.id == Movement.account_id)
        .where(
            Movement.workspace_id == workspace_id,
            Movement.currency == currency,
            Movement.occurred_at >= since,
            Movement.occurred_at < until,
        )
        .order_by(func.abs(Movement.amount_minor).desc(), Movement.occurred_at.desc(), Movement.id)
        .limit(limit)
    )
    return [
        Largest(
            account_name=about.display_name,
            kind=MovementKind(one.kind),
            amount_minor=one.amount_minor,
            occurred_at=one.occurred_at,
        )
        for one, about in await session.execute(query)
    ]


def as_json(movement: Movement, account: Account) -> dict[str, Any]:
    """Give the movement as `runrate movements --json` prints it; money in minor units."""
    return {
        "id": movement.id,
        "external_id": movement.external_id,
        "source_id": movement.source_id,
        "account": {"id": account.id, "external_id": account.external_id, "name": account.name},
        "type": movement.kind,
        "currency": movement.currency,
        "amount": movement.amount_minor,
        "mrr_before": movement.mrr_before_minor,
        "mrr_after": movement.mrr_after_minor,
        "plan": movement.plan,
        "plan_before": movement.plan_before,
        "description": movement.description,
        "url": movement.url,
        "is_history": movement.is_history,
        "occurred_at": movement.occurred_at.isoformat(),
        "recorded_at": movement.recorded_at.isoformat(),
    }
