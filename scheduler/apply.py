"""Applying: events become accounts, contacts, roles and movements; what these owe is owed in the same transaction.

The events of many workspaces go through together: what their facts speak of is read at once, the facts change it one
after the other in memory, each in the batch of its own workspace, and what came of them is written at once.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from models import account, attribute, contact, event, lane, movement, role, signal, source, workspace
from models.account import Account
from models.attribute import Subject, Value
from models.contact import Directory
from models.database import Database, is_passing
from models.event import Event, Refusal
from models.fact import AccountFact, ContactFact, Fact, MovementFact, RoleFact, SignalFact, TrackFact, read_facts
from models.movement import Movement
from models.signal import Signal
from models.source import AccountCreation, Source
from scheduler.match import match_movements, match_tracks

log = structlog.get_logger()

BATCH = 100
"""Few enough that on SQLite, where one writer writes at a time, nobody who presses a button waits long for it."""

TOGETHER = 50
"""As many workspaces at most share a transaction: on PostgreSQL, other workers leave them alone meanwhile."""

KNOWN: Mapping[type[Fact], Callable[..., Awaitable[set[tuple[str, str]]]]] = {
    MovementFact: movement.known,
    SignalFact: signal.known,
}
"""How to ask which of the facts that are told once were told before."""


@dataclass(frozen=True)
class Arrived:
    """A fact, the event that brought it, and its place in that."""

    event: Event
    position: int
    fact: Fact

    @property
    def key(self) -> tuple[str, str]:
        """The source, and its own id of a movement or signal, or one by the event and the fact's place in it."""
        own_id = self.fact.external_id if isinstance(self.fact, MovementFact | SignalFact) else None
        return self.event.source_id, own_id or f"{self.event.dedupe_key[:240]}#{self.position}"


@dataclass(kw_only=True)
class Batch:
    """What the facts of a workspace speak of, as they change it, and what comes of them."""

    workspace_id: str
    sources: Mapping[str, Source]
    accounts: dict[str, Account]
    contacts: Directory
    told: Mapping[type[Fact], set[tuple[str, str]]]
    movements: list[Movement] = field(default_factory=list)
    signals: list[Signal] = field(default_factory=list)
    tracks: list[tuple[Event, TrackFact]] = field(default_factory=list)
    roles: dict[tuple[str, str], RoleFact] = field(default_factory=dict)
    attributes: dict[Subject, dict[str, Value]] = field(default_factory=lambda: {subject: {} for subject in Subject})

    def account(self, external_id: str, *, now: datetime) -> Account:
        """Give the account, beginning it where the fact is the first to name it."""
        if external_id not in self.accounts:
            self.accounts[external_id] = account.new(self.workspace_id, external_id, now=now)
        return self.accounts[external_id]

    def remember(self, subject: Subject, values: Mapping[str, Value]) -> None:
        """Note the names of attributes; the first value of each says its type."""
        for key, value in values.items():
            if value is not None:
                self.attributes[subject].setdefault(key, value)


async def apply_waiting(database: Database, *, now: datetime, limit: int = BATCH) -> int:
    """Apply the oldest waiting events of every workspace, so many a transaction; say how many there were.

    Each workspace has its turn in every transaction that it takes part in, so that the flood of one delays the others
    by one batch at most.
    """
    async with database.read() as session:
        waiting = await event.workspaces_waiting(session)
    size = min(limit, TOGETHER)
    groups = [waiting[start : start + size] for start in range(0, len(waiting), size)]
    return sum([await _apply_some(database, group, now=now, limit=limit) for group in groups])


async def _apply_some(database: Database, workspace_ids: Sequence[str], *, now: datetime, limit: int) -> int:
    """Apply the oldest waiting events of workspaces, but for those that another worker is at.

    Two would both begin a new account.
    """
    async with database.write() as session:
        held = await workspace.hold(session, workspace_ids)
        events = await event.claim_waiting(session, held, limit=limit)
        if not events:
            return 0
        await _apply_apart(session, events, now=now)
        heard = {waiting.source_id for waiting in events if not waiting.is_history}
        await source.heard_from(session, heard, now=now)
        return len(events)


async def _apply_apart(session: AsyncSession, events: Sequence[Event], *, now: datetime) -> None:
    """Apply events together; where that fails each half alone, until the one that can't be applied is refused."""
    error = await _try(session, events, now=now)
    if error is None:
        return
    if len(events) == 1:
        await _refuse(session, events[0], error, now=now)
        return
    half = len(events) // 2
    await _apply_apart(session, events[:half], now=now)
    await _apply_apart(session, events[half:], now=now)


async def _try(session: AsyncSession, events: Sequence[Event], *, now: datetime) -> Exception | None:
    """Apply events in a savepoint; give what stood in the way.

    A fault of the database is not the events', and ends the transaction: all of them are still waiting then.
    """
    try:
        async with session.begin_nested():
            await _apply(session, events, now=now)
    except Exception as error:
        if is_passing(error):
            raise
        return error
    return None


async def _refuse(session: AsyncSession, failing: Event, error: Exception, *, now: datetime) -> None:
    log.error("event_not_applied", event_id=failing.id, source_id=failing.source_id, exc_info=error)
    refusal = Refusal("", f"It could not be applied ({type(error).__name__}). This is a fault in Runrate.")
    await event.mark_refused(session, failing.id, refusal, now=now)


async def _apply(session: AsyncSession, events: Sequence[Event], *, now: datetime) -> None:
    """Read the facts, hold what they speak of, let each change it in its turn, write that, and owe what it owes."""
    arrived = [
        Arrived(waiting, position, fact)
        for waiting in events
        for position, fact in enumerate(read_facts(waiting.facts))
    ]
    batches = await _hold(session, arrived)
    for one in arrived:
        _take(batches[one.event.workspace_id], one, now=now)
    await _write(session, batches, now=now)
    news = [moved for batch in batches.values() for moved in batch.movements if not moved.is_history]
    tracks = [track for batch in batches.values() for track in batch.tracks]
    owed = await match_movements(session, news) + await match_tracks(session, tracks)
    if owed:
        await lane.owe_together(session, owed, now=now)
    await event.mark_applied(session, [waiting.id for waiting in events], now=now)


async def _hold(session: AsyncSession, arrived: Sequence[Arrived]) -> dict[str, Batch]:
    """Read what the facts speak of, and hold it until the transaction ends; give it by the workspace."""
    named: dict[str, set[str]] = {one.event.workspace_id: set() for one in arrived}
    people: dict[str, list[ContactFact]] = {workspace_id: [] for workspace_id in named}
    for one in arrived:
        if name := _account_of(one.fact):
            named[one.event.workspace_id].add(name)
        if isinstance(one.fact, ContactFact):
            people[one.event.workspace_id].append(one.fact)
    sources = await source.many(session, {one.event.source_id for one in arrived if isinstance(one.fact, ContactFact)})
    accounts, contacts = await account.hold(session, named), await contact.alike(session, people)
    told = {kind: await known(session, _keys(arrived, kind)) for kind, known in KNOWN.items()}
    return {
        workspace_id: Batch(
            workspace_id=workspace_id,
            sources=sources,
            accounts=accounts[workspace_id],
            contacts=Directory(workspace_id, contacts[workspace_id]),
            told=told,
        )
        for workspace_id in named
    }


def _keys(arrived: Sequence[Arrived], kind: type[Fact]) -> set[tuple[str, str]]:
    return {one.key for one in arrived if isinstance(one.fact, kind)}


def _account_of(fact: Fact) -> str | None:
    """Give the external id of the account that a fact is about, or that it may make one of."""
    match fact:
        case AccountFact():
            return fact.external_id
        case ContactFact():
            return fact.account_external_id or fact.user_id or fact.email
        case RoleFact() | MovementFact() | SignalFact():
            return fact.account_external_id
        case TrackFact():
            return None


def _take(batch: Batch, one: Arrived, *, now: datetime) -> None:
    """Let a fact change what it speaks of, in memory."""
    match one.fact:
        case AccountFact() as fact:
            account.apply(batch.account(fact.external_id, now=now), fact, now=now)
            batch.remember(Subject.ACCOUNT, fact.attributes)
        case ContactFact() as fact:
            company = _company(batch, one, fact, now=now)
            batch.contacts.apply(fact, account_id=company.id if company else None, now=now)
            batch.remember(Subject.CONTACT, fact.attributes)
        case RoleFact() as fact:
            batch.roles[batch.account(fact.account_external_id, now=now).id, fact.role] = fact
        case MovementFact() | SignalFact() as fact:
            _tell(batch, one, fact, now=now)
        case TrackFact() as fact if not one.event.is_history:
            batch.tracks.append((one.event, fact))


def _company(batch: Batch, one: Arrived, fact: ContactFact, *, now: datetime) -> Account | None:
    """Find or begin the account that a contact belongs to, where the source's setting says that one is created."""
    external_id, name = fact.account_external_id, fact.account_name
    if external_id is None:
        origin = batch.sources.get(one.event.source_id)
        if origin is None or origin.account_creation != AccountCreation.CONTACT:
            return None
        known = batch.contacts.find(fact)
        if known is not None and known.account_id is not None:
            return None
        external_id = fact.user_id or fact.email
        if external_id is None:
            return None
        name = name or fact.name or " ".join(filter(None, [fact.first_name, fact.last_name])) or fact.email
    company = batch.account(external_id, now=now)
    account.name_first(company, name)
    return company


def _tell(batch: Batch, one: Arrived, fact: MovementFact | SignalFact, *, now: datetime) -> None:
    """Record a movement or signal, unless it was told before."""
    about, told = batch.account(fact.account_external_id, now=now), batch.told[type(fact)]
    account.name_first(about, fact.account_name)
    if one.key in told:
        return
    told.add(one.key)
    source_id, external_id = one.key
    origin: dict[str, Any] = {
        "source_id": source_id,
        "external_id": external_id,
        "is_history": one.event.is_history,
        "now": now,
    }
    match fact:
        case MovementFact():
            batch.movements.append(movement.record(about, fact, **origin))
        case SignalFact():
            batch.signals.append(signal.new(about, fact, **origin))


async def _write(session: AsyncSession, batches: Mapping[str, Batch], *, now: datetime) -> None:
    """Write what the facts came to: accounts first, since all else stands at one."""
    session.add_all(one for batch in batches.values() for one in batch.accounts.values())
    await session.flush()
    session.add_all(one for batch in batches.values() for one in batch.contacts.contacts.values())
    await movement.add(session, [one for batch in batches.values() for one in batch.movements])
    await signal.add(session, [one for batch in batches.values() for one in batch.signals])
    await role.apply(session, {workspace_id: batch.roles for workspace_id, batch in batches.items()}, now=now)
    attributes = {workspace_id: batch.attributes for workspace_id, batch in batches.items()}
    await attribute.remember(session, attributes, now=now)
