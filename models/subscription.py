"""A subscription, as its source tells it: segments of time. The movements of its account are derived from them.

Whoever stores segments says which accounts are to be recounted; recounting an account again changes nothing. A movement
that a correction changes keeps its row, so that what is not yet told is told as it is now; a restatement says what it
was before. What a segment says of the future becomes a movement when its time comes.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import Any, NamedTuple

from sqlalchemy import ForeignKey, Index, String, bindparam, delete, func, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from models import movement, mrr, rate, source
from models.account import Account
from models.base import UNSEEN, Base, Id, Number, among, execute_all, insert, iso_text, new_id
from models.fact import SubscriptionFact
from models.movement import Movement
from models.mrr import Change, Segment, Timeline
from models.rate import Rates
from models.workspace import Workspace

_Key = tuple[str, str, datetime]
"""Of a segment: the source, its id of the subscription, and the start."""


class Subscription(Base):
    """A segment of a subscription: the source's id of it, and from when on it is worth this a month."""

    __tablename__ = "subscriptions"

    source_id: Mapped[str] = mapped_column(Id, primary_key=True)
    external_id: Mapped[str] = mapped_column(String(255), primary_key=True)
    starts_at: Mapped[datetime] = mapped_column(primary_key=True)
    workspace_id: Mapped[str] = mapped_column(Id)
    account_id: Mapped[str] = mapped_column(Id, ForeignKey("accounts.id"), index=True)
    ends_at: Mapped[datetime | None]
    mrr_minor: Mapped[int] = mapped_column(Number)
    currency: Mapped[str] = mapped_column(String(3))
    as_of: Mapped[datetime]
    """When the source said so; of what it says at different times, the latest counts."""
    is_history: Mapped[bool]
    replaces: Mapped[bool]


class Recount(Base):
    """An account whose movements are to be derived anew, and when: at once, or when its subscriptions change next."""

    __tablename__ = "recounts"
    __table_args__ = (Index(None, "due_at", "workspace_id"),)

    account_id: Mapped[str] = mapped_column(Id, primary_key=True)
    workspace_id: Mapped[str] = mapped_column(Id)
    due_at: Mapped[datetime]


class Restatement(Base):
    """What a movement was before its account's subscriptions were corrected, and what it is since; None is no more."""

    __tablename__ = "restatements"
    __table_args__ = (Index(None, "workspace_id", "restated_at"), Index(None, "movement_id"))

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    workspace_id: Mapped[str] = mapped_column(Id)
    account_id: Mapped[str] = mapped_column(Id)
    movement_id: Mapped[str] = mapped_column(Id)
    occurred_at: Mapped[datetime]
    currency: Mapped[str] = mapped_column(String(3))
    kind_before: Mapped[str] = mapped_column(String(20))
    amount_before_minor: Mapped[int] = mapped_column(Number)
    kind: Mapped[str | None] = mapped_column(String(20))
    amount_minor: Mapped[int | None] = mapped_column(Number)
    restated_at: Mapped[datetime]


class Restated(NamedTuple):
    """A movement that is other than it was, or no more: the restatement's id, the account's and the movement's."""

    id: str
    account_id: str
    movement_id: str


class Recounted(NamedTuple):
    """What came of recounting: the new movements that are news, written already, and what was restated."""

    news: list[Movement]
    restated: list[Restated]
    history_since: datetime | None = None
    """When the earliest new movement was that is history."""


class Stored(NamedTuple):
    """What came of segments: how many were known word for word, and the accounts that are to be recounted."""

    known: int
    account_ids: set[str]


_COLUMNS = [Subscription.__table__.c[name] for name in Segment._fields]


def segment(
    fact: SubscriptionFact, account_id: str, source_id: str, *, is_history: bool, replaces: bool = False
) -> Segment:
    """Make the segment that a source tells of a subscription of an account."""
    return Segment(
        source_id=source_id,
        external_id=fact.external_id,
        starts_at=fact.starts_at,
        account_id=account_id,
        ends_at=fact.ends_at,
        mrr_minor=fact.mrr_minor,
        currency=fact.currency,
        as_of=fact.as_of,
        is_history=is_history,
        replaces=replaces,
    )


async def store(session: AsyncSession, workspace_id: str, segments: Sequence[Segment], *, now: datetime) -> Stored:
    """Write segments down; of what was said before under the same start, what was said last counts."""
    latest: dict[_Key, Segment] = {}
    for one in segments:
        key = one[:3]
        latest[key] = mrr.newest(latest[key], one) if key in latest else one
    there = {one[:3]: one for one in await _of_same_subscriptions(session, latest.values())}
    added = [one for key, one in latest.items() if key not in there]
    changed = [one for key, one in latest.items() if key in there and mrr.newest(there[key], one) is one]
    await _write(session, workspace_id, added, changed)
    concerned = _concerned(there, latest, [*added, *changed])
    await recount_later(session, workspace_id, dict.fromkeys(concerned, now))
    return Stored(sum(one.said == there[key].said for key, one in latest.items() if key in there), concerned)


def _concerned(there: Mapping[_Key, Segment], latest: Mapping[_Key, Segment], written: Iterable[Segment]) -> set[str]:
    """Give the accounts of the subscriptions of which something else is said now.

    Where a subscription has several segments, it matters too when one of them was said.
    """
    starts = Counter(key[:2] for key in there.keys() | latest.keys())
    news = {
        key[:2]
        for one in written
        if (key := one[:3]) not in there or starts[key[:2]] > 1 or one.said != there[key].said
    }
    return {one.account_id for one in (*there.values(), *latest.values()) if one[:2] in news}


async def _of_same_subscriptions(session: AsyncSession, segments: Iterable[Segment]) -> list[Segment]:
    """Give what is known of the subscriptions that these segments are of."""
    ids: dict[str, set[str]] = defaultdict(set)
    for segment in segments:
        ids[segment.source_id].add(segment.external_id)
    connection, found = await session.connection(), list[Segment]()
    for source_id, external_ids in ids.items():
        theirs = (Subscription.source_id == source_id, among(Subscription.external_id, external_ids))
        found += map(_segment, await connection.execute(select(*_COLUMNS).where(*theirs)))
    return found


def _segment(row: Any) -> Segment:
    return Segment._make(row)


async def _write(
    session: AsyncSession, workspace_id: str, added: Sequence[Segment], changed: Sequence[Segment]
) -> None:
    table = Subscription.__table__
    if added:
        statement = insert(session, Subscription)
        await execute_all(session, statement, Segment._fields, added, workspace_id=workspace_id)
    if changed:
        keys = ("source_id", "external_id", "starts_at")
        names = [f"of_{name}" if name in keys else name for name in Segment._fields]
        which = (table.c[name] == bindparam(f"of_{name}") for name in keys)
        values: dict[str, Any] = {name: bindparam(name) for name in Segment._fields if name not in keys}
        await execute_all(session, update(Subscription).where(*which).values(values), names, changed)


async def recount_later(session: AsyncSession, workspace_id: str, due: Mapping[str, datetime]) -> None:
    """Note when accounts are to be recounted."""
    statement = insert(session, Recount)
    due_at = statement.excluded.due_at
    again = statement.on_conflict_do_update(index_elements=["account_id"], set_={"due_at": due_at})
    await execute_all(session, again, ("account_id", "due_at"), sorted(due.items()), workspace_id=workspace_id)


async def forget(session: AsyncSession, workspace_id: str, source_id: str, *, limit: int, now: datetime) -> int:
    """Delete some of the segments that a source told, and recount their accounts; say how many."""
    theirs = (Subscription.workspace_id == workspace_id, Subscription.source_id == source_id)
    query = select(Subscription.external_id, Subscription.starts_at).where(*theirs)
    last = (await session.execute(query.order_by(*query.selected_columns).limit(limit))).all()
    if not last:
        return 0
    some = (*theirs, tuple_(Subscription.external_id, Subscription.starts_at) <= tuple_(*last[-1]))
    accounts = set(await session.scalars(select(Subscription.account_id).where(*some).distinct()))
    await session.execute(delete(Subscription).where(*some), execution_options=UNSEEN)
    await recount_later(session, workspace_id, dict.fromkeys(accounts, now))
    return len(last)


async def recount_all(
    session: AsyncSession, workspace_id: str, *, of: Collection[str] | None = None, now: datetime
) -> None:
    """Note that every account with subscriptions is to be recounted, or of these accounts each that has any."""
    theirs = select(Subscription.account_id, Subscription.workspace_id, bindparam("now", now, Recount.due_at.type))
    theirs = theirs.where(Subscription.workspace_id == workspace_id).distinct()
    if of is not None:
        theirs = theirs.where(among(Subscription.account_id, of))
    statement = insert(session, Recount).from_select(["account_id", "workspace_id", "due_at"], theirs)
    await session.execute(statement.on_conflict_do_update(index_elements=["account_id"], set_={"due_at": now}))


async def workspaces_due(session: AsyncSession, *, now: datetime) -> list[str]:
    """List the workspaces that have accounts to be recounted by now."""
    return list(await session.scalars(select(Recount.workspace_id).where(Recount.due_at <= now).distinct()))


async def due(session: AsyncSession, workspace_id: str, *, now: datetime, limit: int) -> list[str]:
    """List accounts to be recounted by now, those that wait longest first."""
    query = select(Recount.account_id).where(Recount.workspace_id == workspace_id, Recount.due_at <= now)
    return list(await session.scalars(query.order_by(Recount.due_at).limit(limit)))


async def count_due(session: AsyncSession, workspace_id: str, *, now: datetime) -> int:
    """Count the accounts to be recounted by now."""
    query = select(func.count()).where(Recount.workspace_id == workspace_id, Recount.due_at <= now)
    return int(await session.scalar(query) or 0)


async def recount(
    session: AsyncSession, workspace_id: str, account_ids: Collection[str], *, now: datetime
) -> Recounted:
    """Derive the movements of accounts anew, write what changed, and say what is news and what was restated.

    Whoever does this holds the workspace.
    """
    first_moves = await _first_moves(session, workspace_id, account_ids)
    if not first_moves:
        return Recounted([], [])
    rules = await session.get_one(Workspace, workspace_id)
    window = timedelta(minutes=rules.classification_minutes)
    spans, known = await _spans(session, first_moves), await _known(session, first_moves)
    live = {span.source_id for theirs in spans.values() for span in theirs if not span.is_history}
    since = await source.news_since(session, live)
    found = {one: mrr.timeline(spans.get(one, ()), until=now, window=window, news_since=since) for one in first_moves}
    ledger = _Difference(workspace_id, now)
    for account_id, timeline in found.items():
        ledger.compare(account_id, timeline.changes, known.derived.get(account_id, {}))
    for account_id, row in known.doubled:
        ledger.remove(account_id, row)
    await ledger.write(session)
    rates = Rates(rules.base_currency, await _rates_for(session, workspace_id, found.values()))
    followed = [
        _follow(account_id, timeline, first_moves[account_id], rates, now.date())
        for account_id, timeline in found.items()
        if _leads(timeline, account_id, known)
    ]
    await _write_accounts(session, followed, now=now)
    await _settle(session, workspace_id, found)
    return Recounted(ledger.news(), ledger.restated(), ledger.history_since())


async def apply(session: AsyncSession, workspace_id: str, segments: Sequence[Segment], *, now: datetime) -> Recounted:
    """Store segments and recount what they concern."""
    if not segments:
        return Recounted([], [])
    stored = await store(session, workspace_id, segments, now=now)
    return await recount(session, workspace_id, stored.account_ids, now=now)


async def first_restated(session: AsyncSession, workspace_ids: Collection[str], *, at: datetime) -> dict[str, datetime]:
    """Give the workspaces of which movements were restated at an instant, each with when the earliest of these was."""
    query = select(Restatement.workspace_id, func.min(Restatement.occurred_at)).where(
        among(Restatement.workspace_id, workspace_ids), Restatement.restated_at == at
    )
    rows = await session.execute(query.group_by(Restatement.workspace_id))
    return {row[0]: row[1] for row in rows}


async def _spans(session: AsyncSession, account_ids: Collection[str]) -> dict[str, list[Segment]]:
    """Read the subscriptions of accounts, with what other accounts had of them, and cut them to spans."""
    named = select(Subscription.source_id, Subscription.external_id).where(among(Subscription.account_id, account_ids))
    theirs = named.distinct().subquery()
    same = (Subscription.source_id == theirs.c.source_id) & (Subscription.external_id == theirs.c.external_id)
    rows = await (await session.connection()).execute(select(*_COLUMNS).join(theirs, same))
    spans: dict[str, list[Segment]] = defaultdict(list)
    for span in mrr.spans(map(_segment, rows)):
        spans[span.account_id].append(span)
    return spans


class _Row(NamedTuple):
    """A derived movement as it stands in the database."""

    id: str
    occurred_at: datetime
    currency: str
    kind: str
    amount_minor: int
    mrr_before_minor: int | None
    mrr_after_minor: int | None


class _Known(NamedTuple):
    """What is known of accounts: their derived movements by instant and currency, and when others were told last."""

    derived: dict[str, dict[tuple[datetime, str], _Row]]
    told_at: dict[str, datetime]
    doubled: list[tuple[str, _Row]]
    """Further movements of an account at one instant in one currency: it was two accounts then."""


async def _known(session: AsyncSession, account_ids: Collection[str]) -> _Known:
    known = _Known({}, {}, [])
    query = select(Movement.account_id, Movement.is_derived, *(getattr(Movement, name) for name in _Row._fields))
    for account_id, is_derived, *values in await session.execute(query.where(among(Movement.account_id, account_ids))):
        row = _Row._make(values)
        if is_derived:
            first = known.derived.setdefault(account_id, {}).setdefault((row.occurred_at, row.currency), row)
            if first is not row:
                known.doubled.append((account_id, row))
        else:
            known.told_at[account_id] = max(row.occurred_at, known.told_at.get(account_id, row.occurred_at))
    return known


_ADDED = (
    *("id", "account_id", "source_id", "external_id", "subscription_external_id"),
    *("kind", "amount_minor", "currency", "mrr_before_minor", "mrr_after_minor", "is_history", "occurred_at"),
)
_CHANGED = ("kind", "amount_minor", "mrr_before_minor", "mrr_after_minor")
_RESTATED = (
    *("id", "account_id", "movement_id", "occurred_at", "currency"),
    *("kind_before", "amount_before_minor", "kind", "amount_minor"),
)


class _Difference:
    """What recounting changes: movements that are new, other than they were, or no more."""

    def __init__(self, workspace_id: str, now: datetime) -> None:
        self._workspace_id, self._now = workspace_id, now
        self._added: list[tuple[Any, ...]] = []
        self._changed: list[tuple[Any, ...]] = []
        self._removed: list[str] = []
        self._restated: list[tuple[Any, ...]] = []
        self._days: dict[tuple[date, str, str], list[int]] = {}

    def compare(self, account_id: str, changes: Iterable[Change], known: Mapping[tuple[datetime, str], _Row]) -> None:
        """Compare an account's movements as they are with those that are known."""
        gone = dict(known)
        for change in changes:
            row = gone.pop((change.at, change.currency), None)
            if row is None:
                self._add(account_id, change)
            elif (row.kind, *row[4:]) != change[2:6]:
                self._change(account_id, change, row)
        for row in gone.values():
            self.remove(account_id, row)

    def remove(self, account_id: str, row: _Row) -> None:
        """Take a movement away that is no more."""
        self._removed.append(row.id)
        self._count(row.occurred_at, row.currency, row.kind, -1, -row.amount_minor)
        self._restate(account_id, row, None, None)

    async def write(self, session: AsyncSession) -> None:
        """Write it all."""
        await execute_all(session, insert(session, Movement), _ADDED, self._added, **self._common())
        values: dict[str, Any] = {name: bindparam(name) for name in _CHANGED}
        changed = update(Movement).where(Movement.id == bindparam("movement_id")).values(values)
        await execute_all(session, changed, ("movement_id", *_CHANGED), self._changed)
        if self._removed:
            await session.execute(delete(Movement).where(among(Movement.id, self._removed)), execution_options=UNSEEN)
        common = {"workspace_id": self._workspace_id, "restated_at": self._now}
        await execute_all(session, insert(session, Restatement), _RESTATED, self._restated, **common)
        await movement.sum_days(session, {(self._workspace_id, *of): sums for of, sums in self._days.items()})

    def news(self) -> list[Movement]:
        """Give the new movements that are no history, as they were written."""
        place = _ADDED.index("is_history")
        rows = (dict(zip(_ADDED, row, strict=True)) for row in self._added if not row[place])
        return [Movement(**row, **self._common()) for row in rows]

    def history_since(self) -> datetime | None:
        """Say when the earliest of the others was."""
        is_history, at = _ADDED.index("is_history"), _ADDED.index("occurred_at")
        return min((row[at] for row in self._added if row[is_history]), default=None)

    def restated(self) -> list[Restated]:
        """Give what is other than it was, or no more."""
        return [Restated(*row[:3]) for row in self._restated]

    def _common(self) -> dict[str, Any]:
        """Give what is the same of all new movements."""
        unknown = dict.fromkeys(("plan", "plan_before", "description", "url"))
        return {"workspace_id": self._workspace_id, "is_derived": True, "recorded_at": self._now, **unknown}

    def _add(self, account_id: str, change: Change) -> None:
        at, currency, kind, amount, before, after, source_id, subscription_id, is_history = change
        external_id = f"derived:{account_id}:{iso_text(at)}:{currency}"
        told = (subscription_id, kind.value, amount, currency, before, after, is_history, at)
        self._added.append((new_id("mov", self._now), account_id, source_id, external_id, *told))
        self._count(at, currency, kind, 1, amount)

    def _change(self, account_id: str, change: Change, row: _Row) -> None:
        told = (change.kind.value, change.amount_minor, change.before_minor, change.after_minor)
        self._changed.append((row.id, *told))
        if (row.kind, row.amount_minor) != (change.kind, change.amount_minor):
            self._count(row.occurred_at, row.currency, row.kind, -1, -row.amount_minor)
            self._count(change.at, change.currency, change.kind, 1, change.amount_minor)
            self._restate(account_id, row, change.kind.value, change.amount_minor)

    def _restate(self, account_id: str, row: _Row, kind: str | None, amount_minor: int | None) -> None:
        was = (row.id, row.occurred_at, row.currency, row.kind, row.amount_minor)
        self._restated.append((new_id("rst", self._now), account_id, *was, kind, amount_minor))

    def _count(self, at: datetime, currency: str, kind: str, number: int, amount_minor: int) -> None:
        sums = self._days.setdefault((at.date(), currency, kind), [0, 0])
        sums[0] += number
        sums[1] += amount_minor


async def _first_moves(
    session: AsyncSession, workspace_id: str, account_ids: Collection[str]
) -> dict[str, dict[str, dict[str, Any]]]:
    """Give those of these accounts that are the workspace's, each with what it notes of its first movements."""
    query = select(Account.id, Account.first_moves, Account.workspace_id).where(among(Account.id, account_ids))
    found = await session.execute(query)
    # Asked for the workspace too, SQLite would look through all its accounts.
    return {account_id: first_moves for account_id, first_moves, of in found if of == workspace_id}


async def _rates_for(
    session: AsyncSession, workspace_id: str, found: Iterable[Timeline]
) -> dict[str, list[tuple[date, Fraction]]]:
    """Read the rates, where an account has several currencies that are to be one."""
    return await rate.of_workspace(session, workspace_id) if any(len(one.mrr) > 1 for one in found) else {}


def _leads(timeline: Timeline, account_id: str, known: _Known) -> bool:
    """Say whether an account has what its subscriptions come to, and no source told a newer movement of it."""
    if not timeline.changes:
        return account_id in known.derived and account_id not in known.told_at
    return account_id not in known.told_at or known.told_at[account_id] <= timeline.changes[-1].at


_FOLLOWED = ("of_id", "mrr_minor", "currency", "mrr_at", "status", "first_moves")


def _follow(account_id: str, timeline: Timeline, first_moves: Mapping[str, Any], rates: Rates, today: date) -> Any:
    """Say what an account has by its subscriptions, and that its MRR began at nothing."""
    last = timeline.changes[-1] if timeline.changes else None
    amount, currency = rates.in_one(timeline.mrr, today) if timeline.mrr else (0, last and last.currency)
    began = {change.currency: change.at for change in reversed(timeline.changes)}
    moves = {of: {"at": at.isoformat(timespec="microseconds"), "is_clear": True} for of, at in began.items()}
    return account_id, amount, currency, last and last.at, timeline.status.value, {**moves, **first_moves}


async def _write_accounts(session: AsyncSession, rows: Sequence[Sequence[Any]], *, now: datetime) -> None:
    values: dict[str, Any] = {name: bindparam(name) for name in (*_FOLLOWED, "updated_at") if name != "of_id"}
    statement = update(Account).where(Account.id == bindparam("of_id")).values(values)
    await execute_all(session, statement, _FOLLOWED, rows, updated_at=now)


async def _settle(session: AsyncSession, workspace_id: str, found: Mapping[str, Timeline]) -> None:
    """Forget what was to be recounted, and note when these accounts change next."""
    done = delete(Recount).where(among(Recount.account_id, found.keys()))
    await session.execute(done, execution_options=UNSEEN)
    due = {account_id: timeline.next_at for account_id, timeline in found.items() if timeline.next_at is not None}
    await recount_later(session, workspace_id, due)


async def restated(
    session: AsyncSession, workspace_id: str, *, limit: int | None = None
) -> list[tuple[Restatement, Account]]:
    """List what corrections changed in a workspace's movements, newest first."""
    query = (
        select(Restatement, Account)
        .join(Account, Account.id == Restatement.account_id)
        .where(Restatement.workspace_id == workspace_id)
        .order_by(Restatement.restated_at.desc(), Restatement.id.desc())
        .limit(limit)
    )
    return [(row[0], row[1]) for row in await session.execute(query)]


async def restatements(session: AsyncSession, ids: Collection[str]) -> dict[tuple[str, str], Restatement]:
    """Give restatements, by the workspace and the restatement's id."""
    found = await session.scalars(select(Restatement).where(among(Restatement.id, ids)))
    return {(one.workspace_id, one.id): one for one in found}


async def account_of_gone(session: AsyncSession, workspace_id: str, movement_id: str) -> Account | None:
    """Find the account of a movement that was taken back."""
    query = select(Account).join(Restatement, Restatement.account_id == Account.id)
    theirs = (Restatement.workspace_id == workspace_id, Restatement.movement_id == movement_id)
    found: Account | None = await session.scalar(query.where(*theirs).limit(1))
    return found


async def restated_last(session: AsyncSession, movement_ids: Collection[str]) -> dict[str, datetime]:
    """Say of movements that were restated when that was last."""
    last = func.max(Restatement.restated_at)
    query = select(Restatement.movement_id, last).where(among(Restatement.movement_id, movement_ids))
    return {row[0]: row[1] for row in await session.execute(query.group_by(Restatement.movement_id))}


def as_json(one: Restatement, account: Account) -> dict[str, Any]:
    """Give a restatement as `runrate movements --corrections --json` prints it; money in minor units."""
    return {
        "movement_id": one.movement_id,
        "account": {"id": account.id, "external_id": account.external_id, "name": account.name},
        "currency": one.currency,
        "type_before": one.kind_before,
        "amount_before": one.amount_before_minor,
        "type": one.kind,
        "amount": one.amount_minor,
        "occurred_at": one.occurred_at.isoformat(),
        "restated_at": one.restated_at.isoformat(),
    }
