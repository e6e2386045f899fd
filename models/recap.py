"""A recap: the summary of a day, week or month that is owed to a destination, and its figures.

The row names a period and nothing that happened in it: the figures are summed when a message is drawn, so that what
arrived late is still in it, and a row whose zone was edited since keeps the instants between which it was to sum.
Money is in minor units and never summed across currencies, but for a total in the workspace's base currency where every
rate that it takes is known.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial
from itertools import chain, starmap
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, ForeignKey, Index, Select, String, exists, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, aliased, mapped_column

from models import account, audit, lane, movement, rate, recipient
from models.base import IDS, Base, Id, UserError, among, insert, new_id
from models.currency import place
from models.delivery import FactKind, Owed
from models.destination import Destination
from models.fact import MovementKind
from models.movement import Change, KindSum
from models.rate import Moved, Rates, Statement
from models.schedule import Period, Rhythm, Schedule
from models.wish import LONGEST_ZONE
from models.workspace import Workspace

Nets: TypeAlias = Mapping[str, int]
"""Amounts in minor units, by currency."""

ALL = "all"
"""The name of the figures that are a total."""

TWICE = timedelta(seconds=30)
"""Within this time a recap is asked for once, however often somebody presses."""

MOST_ACCOUNTS = 5
"""How many of the largest gains, and of the largest losses, are named."""


class Recap(Base):
    """One period of one destination, `[starts_at, ends_at)`; `first` is its first local day."""

    __tablename__ = "recaps"
    __table_args__ = (
        Index(
            "uq_recaps_period",
            "destination_id",
            "first",
            "end",
            "frequency",
            unique=True,
            sqlite_where=text("is_asked_for = 0"),
            postgresql_where=text("NOT is_asked_for"),
        ),
        Index(None, "workspace_id", "ends_at"),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    workspace_id: Mapped[str] = mapped_column(Id)
    destination_id: Mapped[str] = mapped_column(Id, ForeignKey("destinations.id"))
    frequency: Mapped[str] = mapped_column(String(20))
    first: Mapped[date]
    end: Mapped[date]
    """The local day before which it ends."""
    before_at: Mapped[datetime]
    """When the period before it began."""
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    zone: Mapped[str] = mapped_column(String(LONGEST_ZONE))
    """Whose days these are."""
    due_at: Mapped[datetime]
    is_asked_for: Mapped[bool] = mapped_column(default=False)
    """Somebody asked for it, beside those that the schedule tells."""
    created_at: Mapped[datetime]
    history_at: Mapped[datetime | None]
    """When history last came that changed its sums (`models.history`)."""

    @property
    def a_year_ago(self) -> tuple[datetime, datetime]:
        """The same period a year before, as instants."""
        return Period(self.first, self.end).a_year_ago(Rhythm(self.frequency)).instants(self.zone)

    @property
    def days_before(self) -> int:
        """Say how many days the period before it had."""
        return round((self.starts_at - self.before_at) / timedelta(days=1))


@dataclass(frozen=True, kw_only=True)
class Sum:
    """What the movements of one kind come to, and how many they are."""

    amount_minor: int = 0
    count: int = 0


@dataclass(frozen=True, kw_only=True)
class Figures:
    """A period in one currency. `gains` and `losses` are pairs of an account's name and what the period brought it."""

    currency: str
    start_minor: int | None
    """The MRR at the start; None where some account had MRR of which no movement tells."""
    least_minor: int = 0
    """What the MRR at the end is at least, where it isn't known: what movements tell of it."""
    unclear: int = 0
    """How many accounts had MRR of which no movement tells."""
    sums: Mapping[MovementKind, Sum] = field(default_factory=dict)
    before_minor: int | None = None
    """The net of the period before; None where not all is known of that time."""
    year_ago_minor: int | None = None
    """The net of the same period a year ago; None where nothing is known of that time."""
    gains: tuple[tuple[str, int], ...] = ()
    losses: tuple[tuple[str, int], ...] = ()
    more_gains: int = 0
    """How many accounts gained beside those that are named."""
    more_losses: int = 0
    is_total: bool = False
    """Whether it is all currencies together, at the rates of their days."""
    fx_other_minor: int = 0
    """What the movements don't explain of a total."""

    @property
    def name(self) -> str:
        """What tells it from the other figures of its period."""
        return ALL if self.is_total else self.currency

    @property
    def net_minor(self) -> int:
        """What the MRR changed by: the sum of all five kinds, and of a total of FX/other too."""
        return sum(one.amount_minor for one in self.sums.values()) + self.fx_other_minor

    @property
    def end_minor(self) -> int | None:
        """The MRR at the end."""
        return None if self.start_minor is None else self.start_minor + self.net_minor

    @property
    def count(self) -> int:
        """The number of movements."""
        return sum(one.count for one in self.sums.values())


async def make(
    session: AsyncSession, runs: Iterable[tuple[Destination, datetime]], *, now: datetime
) -> dict[tuple[str, datetime], str]:
    """Make the recaps that runs of destinations' schedules tell.

    Give the ids of those that were not made before, by the destination's id and the run.
    """
    rows = [row for asking, run in runs if (row := _row(asking, run, now=now))]
    if not rows:
        return {}
    statement = insert(session, Recap).on_conflict_do_nothing().returning(Recap.id)
    made = set(await session.scalars(statement, rows))
    return {(row["destination_id"], row["due_at"]): row["id"] for row in rows if row["id"] in made}


def _row(asking: Destination, run: datetime, *, now: datetime) -> dict[str, Any] | None:
    schedule = asking.schedule
    if schedule is None:
        return None
    period = schedule.period_of(run)
    starts_at, ends_at = period.instants(asking.zone)
    return {
        "id": new_id("rcp", now),
        "workspace_id": asking.workspace_id,
        "destination_id": asking.id,
        "frequency": asking.frequency,
        "first": period.first,
        "end": period.end,
        "before_at": _before(schedule, starts_at),
        "starts_at": starts_at,
        "ends_at": ends_at,
        "zone": asking.zone,
        "due_at": run,
        "is_asked_for": False,
        "created_at": now,
    }


def _before(schedule: Schedule, starts_at: datetime) -> datetime:
    """Say when the period before the one that starts at an instant began."""
    return schedule.period_of(starts_at).instants(schedule.zone)[0]


def of_last_week(workspace_id: str, *, zone: str, now: datetime) -> Recap:
    """Describe the recap of the last whole week, which belongs to no destination and is never stored."""
    schedule = Schedule(rhythm=Rhythm.WEEKLY, zone=zone)
    return of_nobody(workspace_id, schedule, schedule.period_of(now), now=now)


def of_nobody(workspace_id: str, schedule: Schedule, period: Period, *, now: datetime) -> Recap:
    """Describe a recap that belongs to no destination and is never stored."""
    starts_at, ends_at = period.instants(schedule.zone)
    return Recap(
        workspace_id=workspace_id,
        frequency=schedule.rhythm,
        first=period.first,
        end=period.end,
        before_at=_before(schedule, starts_at),
        starts_at=starts_at,
        ends_at=ends_at,
        zone=schedule.zone,
        due_at=now,
    )


async def get(session: AsyncSession, workspace_id: str, recap_id: str) -> Recap | None:
    """Find a recap of this workspace."""
    query = select(Recap).where(Recap.workspace_id == workspace_id, Recap.id == recap_id)
    found: Recap | None = await session.scalar(query)
    return found


@dataclass(frozen=True, kw_only=True)
class Placed:
    """A recap among those that the schedule of its destination told in the same frequency; one asked for is apart."""

    recap: Recap
    is_outdone: bool
    """Whether there is one of a later period by now."""
    before: Recap | None
    """The newest that was made before it and tells of an earlier period."""


def _placed() -> Select[Recap, bool, Recap | None]:
    later, earlier, before = aliased(Recap), aliased(Recap), aliased(Recap)
    newest = (
        select(earlier.id)
        .where(*_alike(earlier), earlier.first < Recap.first, earlier.created_at < Recap.created_at)
        .order_by(earlier.first.desc())
        .limit(1)
        .scalar_subquery()
    )
    is_outdone = exists().where(*_alike(later), later.first > Recap.first)
    found = select(Recap, is_outdone, before).outerjoin(before, before.id == newest)
    return found.where(among(Recap.id, IDS))


def _alike(other: type[Recap]) -> tuple[ColumnElement[bool], ...]:
    are_of_schedule = (~other.is_asked_for, ~Recap.is_asked_for)
    return (other.destination_id == Recap.destination_id, other.frequency == Recap.frequency, *are_of_schedule)


PLACED = _placed()


async def placed(session: AsyncSession, ids: Collection[str]) -> dict[tuple[str, str], Placed]:
    """Give recaps by the workspace and their id, each with what the other recaps of its destination make of it."""
    return {
        (one.workspace_id, one.id): Placed(recap=one, is_outdone=is_outdone, before=before)
        for one, is_outdone, before in await session.execute(PLACED, {"ids": ids})
    }


async def send_now(session: AsyncSession, asking: Destination, *, note: str, by: str, now: datetime) -> None:
    """Owe each recipient the recap of the last whole period, beside the schedule. `note` says who asked.

    Pressed again within a moment, it means the same. The caller holds the destination.
    """
    if asking.schedule is None:
        raise UserError(f"“{asking.name}” tells of each movement as it happens: there is no recap to send.")
    if asking.is_paused(now):
        raise UserError(f"“{asking.name}” is paused. Resume it, then send.")
    just_now = select(Recap.id).where(
        Recap.destination_id == asking.id, Recap.is_asked_for, Recap.created_at > now - TWICE
    )
    if await session.scalar(just_now.limit(1)) is not None:
        return
    row = _row(asking, now, now=now)
    assert row is not None  # noqa: S101 - it has a schedule
    await session.execute(insert(session, Recap), [{**row, "is_asked_for": True}])
    fact = (FactKind.RECAP, row["id"])
    recipients = (await recipient.of_destinations(session, [asking.id]))[asking.id]
    owed = [Owed(asked_by=asking.id, fact=fact, recipient=(to.kind, to.target), note=note) for to in recipients]
    await lane.owe(session, asking.workspace_id, owed, now=now)
    audit.record(
        session,
        asking.workspace_id,
        actor=by,
        action="destination.sent_now",
        subject_id=asking.id,
        detail={"name": asking.name},
        now=now,
    )


async def locale_of(session: AsyncSession, workspace_id: str, recap_id: str) -> str | None:
    """Say how the numbers of a recap are written: as its destination wants it, or else as its workspace does."""
    query = (
        select(func.coalesce(Destination.locale, Workspace.locale))
        .join_from(Recap, Destination, Destination.id == Recap.destination_id)
        .join(Workspace, Workspace.id == Recap.workspace_id)
        .where(Recap.workspace_id == workspace_id, Recap.id == recap_id)
    )
    found: str | None = await session.scalar(query)
    return found


async def figures_of(session: AsyncSession, recaps: Collection[Recap]) -> dict[str, list[Figures]]:
    """Sum up the periods of several recaps, by their ids; a period that many tell is summed up once."""
    found: dict[tuple[str, datetime, datetime, datetime], list[Figures]] = {}
    by_id = {}
    for one in recaps:
        period = (one.workspace_id, one.before_at, one.starts_at, one.ends_at)
        if period not in found:
            found[period] = await figures(session, one.workspace_id, one)
        by_id[one.id] = found[period]
    return by_id


async def figures(session: AsyncSession, workspace_id: str, recap: Recap) -> list[Figures]:
    """Sum up a period, each currency that had MRR or movements by itself: the base currency, then the busiest first.

    Where there are rates for all of it, their total comes before them.
    """
    told = await _read(session, workspace_id, recap)
    tenant = await session.get(Workspace, workspace_id)
    base = tenant.base_currency if tenant else ""
    currencies = told.long_before.keys() | told.before.keys() | {one.currency for one in told.between}
    found = [_in_one(currency, told) for currency in currencies]
    found.sort(key=lambda one: place(one.currency, one.count, base=base))
    return [*await _total(session, workspace_id, base, recap, found, told), *found]


@dataclass(frozen=True, kw_only=True)
class _Read:
    """What the database tells of a period and of the time before it, all currencies together."""

    a_year_before: Nets
    """The MRR with which the period of a year ago began."""
    year_ago: Nets
    long_before: Nets
    """The MRR with which the period before began."""
    before: Nets
    between: Sequence[KindSum]
    unclear: Mapping[str, int]
    changes: Sequence[Change]

    @property
    def by_a_year_ago(self) -> Collection[str]:
        """The currencies of which something was known by then."""
        return {*self.a_year_before, *self.year_ago}


async def _read(session: AsyncSession, workspace_id: str, recap: Recap) -> _Read:
    since, until = recap.starts_at, recap.ends_at
    then, end_then = recap.a_year_ago
    times = [(None, then), (then, end_then), (end_then, recap.before_at), (recap.before_at, since), (since, until)]
    *long_ago, just_before, between = await movement.sums_apart(session, workspace_id, times)
    return _Read(
        a_year_before=_nets(long_ago[0]),
        year_ago=_nets(long_ago[1]),
        long_before=_nets(chain.from_iterable(long_ago)),
        before=_nets(just_before),
        between=between,
        unclear=await account.unclear_currencies(session, workspace_id),
        changes=await movement.changes(session, workspace_id, since=since, until=until, most=MOST_ACCOUNTS),
    )


def _in_one(currency: str, told: _Read) -> Figures:
    """Sum up what is told of one currency."""
    is_known, is_old = currency not in told.unclear, currency in told.long_before or currency in told.before
    before, changes = told.before.get(currency, 0), [one for one in told.changes if one.currency == currency]
    gains = [change for change in changes if change.amount_minor > 0]
    losses = [change for change in changes if change.amount_minor < 0]
    start = told.long_before.get(currency, 0) + before
    return Figures(
        currency=currency,
        start_minor=start if is_known else None,
        least_minor=0 if is_known else start + _nets(told.between).get(currency, 0),
        unclear=told.unclear.get(currency, 0),
        sums={
            one.kind: Sum(amount_minor=one.amount_minor, count=one.count)
            for one in told.between
            if one.currency == currency
        },
        before_minor=before if is_known and is_old else None,
        year_ago_minor=told.year_ago.get(currency, 0) if is_known and currency in told.by_a_year_ago else None,
        gains=_named(gains),
        losses=_named(losses),
        more_gains=_more(gains),
        more_losses=_more(losses),
    )


async def _total(
    session: AsyncSession, workspace_id: str, base: str, recap: Recap, found: Sequence[Figures], told: _Read
) -> Sequence[Figures]:
    """State all currencies in the base currency, where there are others, and all is known."""
    starts = {one.currency: one.start_minor for one in found if one.start_minor is not None}
    if len(starts) < len(found):
        return ()
    others = {one.currency for one in found if one.start_minor or one.count} - {base}
    if not others:
        return ()
    rates = Rates(base, await rate.of_workspace(session, workspace_id, currencies=starts))
    if others - rates.of.keys():
        return ()
    state = partial(_stated, session, workspace_id, rates, recap.zone)
    stated = await state(starts, (recap.starts_at, recap.ends_at))
    if stated is None:
        return ()
    is_old = told.long_before or told.before
    before = await state(told.long_before, (recap.before_at, recap.starts_at)) if is_old else None
    year_ago = await state(told.a_year_before, recap.a_year_ago) if told.by_a_year_ago else None
    counts = Counter[MovementKind]()
    for one in found:
        counts.update({kind: sum_.count for kind, sum_ in one.sums.items()})
    total = Figures(
        currency=rates.base,
        start_minor=stated.start_minor,
        sums={kind: Sum(amount_minor=amount, count=counts[kind]) for kind, amount in stated.sums.items()},
        before_minor=None if before is None else before.net_minor,
        year_ago_minor=None if year_ago is None else year_ago.net_minor,
        is_total=True,
        fx_other_minor=stated.fx_other_minor,
    )
    return (total,)


async def _stated(
    session: AsyncSession, workspace_id: str, rates: Rates, zone: str, starts: Nets, time: tuple[datetime, datetime]
) -> Statement | None:
    """State a time that began with these in the base currency; None where a rate is missing."""
    since, until = time
    moved = await movement.sums_by_day(session, workspace_id, since=since, until=until)
    first, end = (at.astimezone(ZoneInfo(zone)).date() for at in time)
    return rate.bridge(starts, starmap(Moved, moved), rates, since=first, until=end)


def _nets(sums: Iterable[KindSum]) -> Nets:
    """Add up all kinds, by currency."""
    nets: dict[str, int] = {}
    for one in sums:
        nets[one.currency] = nets.get(one.currency, 0) + one.amount_minor
    return nets


def _named(changes: Iterable[Change]) -> tuple[tuple[str, int], ...]:
    return tuple((one.account_name, one.amount_minor) for one in changes)


def _more(changes: Sequence[Change]) -> int:
    """Say how many accounts moved the same way beside these."""
    return changes[0].number - len(changes) if changes else 0
