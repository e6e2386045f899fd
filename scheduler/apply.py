"""Applying: events become accounts, contacts, roles and movements; what these owe is owed in the same transaction.

The events of a workspace go through together: what their facts speak of is read at once, the facts change it one after
the other in memory, and what came of them is written at once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

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
    sources: Mapping[str, Source | None]
    accounts: dict[str, Account]
    contacts: Directory
    told_movements: set[tuple[str, str]]
    told_signals: set[tuple[str, str]]
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
    """Apply the oldest waiting events of each workspace, a transaction each; say how many there were.

    So the flood of one workspace delays the others by one batch of it at most.
    """
    async with database.read() as session:
        workspaces = await event.workspaces_waiting(session)
    return sum([await _apply_some(database, workspace_id, now=now, limit=limit) for workspace_id in workspaces])


async def _apply_some(database: Database, workspace_id: str, *, now: datetime, limit: int) -> int:
    """Apply a workspace's oldest waiting events, unless another worker is at it: two would both begin a new account."""
    async with database.write() as session:
        if not await workspace.hold(session, workspace_id):
            return 0
        events = await event.claim_waiting(session, workspace_id, limit=limit)
        if not events:
            return 0
        await _apply_apart(session, workspace_id, events, now=now)
        for source_id in {waiting.source_id for waiting in events if not waiting.is_history}:
            await source.heard_from(session, source_id, now=now)
        return len(events)


async def _apply_apart(session: AsyncSession, workspace_id: str, events: Sequence[Event], *, now: datetime) -> None:
    """Apply events together; where that fails each half alone, until the one that can't be applied is refused."""
    error = await _try(session, workspace_id, events, now=now)
    if error is None:
        return
    if len(events) == 1:
        await _refuse(session, events[0], error, now=now)
        return
    half = len(events) // 2
    await _apply_apart(session, workspace_id, events[:half], now=now)
    await _apply_apart(session, workspace_id, events[half:], now=now)


async def _try(session: AsyncSession, workspace_id: str, events: Sequence[Event], *, now: datetime) -> Exception | None:
    """Apply events in a savepoint; give what stood in the way.

    A fault of the database is not the events', and ends the transaction: all of them are still waiting then.
    """
    try:
        async with session.begin_nested():
            await _apply(session, workspace_id, events, now=now)
    except Exception as error:
        if is_passing(error):
            raise
        return error
    return None


async def _refuse(session: AsyncSession, failing: Event, error: Exception, *, now: datetime) -> None:
    log.error("event_not_applied", event_id=failing.id, source_id=failing.source_id, exc_info=error)
    refusal = Refusal("", f"It could not be applied ({type(error).__name__}). This is a fault in Runrate.")
    await event.mark_refused(session, failing.id, refusal, now=now)


async def _apply(session: AsyncSession, workspace_id: str, events: Sequence[Event], *, now: datetime) -> None:
    """Read the facts, hold what they speak of, let each change it in its turn, write that, and owe what it owes."""
    arrived = [
        Arrived(waiting, position, fact)
        for waiting in events
        for position, fact in enumerate(read_facts(waiting.facts))
    ]
    batch = await _hold(session, workspace_id, arrived)
    for one in arrived:
        _take(batch, one, now=now)
    await _write(session, batch, now=now)
    news = [moved for moved in batch.movements if not moved.is_history]
    owed = await match_movements(session, workspace_id, news) + await match_tracks(session, workspace_id, batch.tracks)
    if owed:
        await lane.owe(session, workspace_id, owed, now=now)
    await event.mark_applied(session, [waiting.id for waiting in events], now=now)


async def _hold(session: AsyncSession, workspace_id: str, arrived: Sequence[Arrived]) -> Batch:
    """Read what the facts speak of, and hold it until the transaction ends."""
    facts = [one.fact for one in arrived]
    people = [fact for fact in facts if isinstance(fact, ContactFact)]
    tellers = {one.event.source_id for one in arrived if isinstance(one.fact, ContactFact)}
    return Batch(
        workspace_id=workspace_id,
        sources={source_id: await session.get(Source, source_id) for source_id in tellers},
        accounts=await account.hold(session, workspace_id, {name for fact in facts if (name := _account_of(fact))}),
        contacts=Directory(workspace_id, await contact.alike(session, workspace_id, people)),
        told_movements=await movement.known(
            session, [one.key for one in arrived if isinstance(one.fact, MovementFact)]
        ),
        told_signals=await signal.known(session, [one.key for one in arrived if isinstance(one.fact, SignalFact)]),
    )


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
        case MovementFact() as fact:
            _take_movement(batch, one, fact, now=now)
        case SignalFact() as fact:
            _take_signal(batch, one, fact, now=now)
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


def _take_movement(batch: Batch, one: Arrived, fact: MovementFact, *, now: datetime) -> None:
    moved = batch.account(fact.account_external_id, now=now)
    account.name_first(moved, fact.account_name)
    if one.key in batch.told_movements:
        return
    batch.told_movements.add(one.key)
    source_id, external_id = one.key
    recorded = movement.record(
        moved, fact, source_id=source_id, external_id=external_id, is_history=one.event.is_history, now=now
    )
    batch.movements.append(recorded)


def _take_signal(batch: Batch, one: Arrived, fact: SignalFact, *, now: datetime) -> None:
    about = batch.account(fact.account_external_id, now=now)
    account.name_first(about, fact.account_name)
    if one.key in batch.told_signals:
        return
    batch.told_signals.add(one.key)
    source_id, external_id = one.key
    heard = signal.new(
        about, fact, source_id=source_id, external_id=external_id, is_history=one.event.is_history, now=now
    )
    batch.signals.append(heard)


async def _write(session: AsyncSession, batch: Batch, *, now: datetime) -> None:
    """Write what the facts came to: accounts first, since all else stands at one."""
    session.add_all(batch.accounts.values())
    await session.flush()
    session.add_all(batch.contacts.contacts.values())
    await movement.add(session, batch.movements)
    await signal.add(session, batch.signals)
    await role.apply(session, batch.workspace_id, batch.roles, now=now)
    for subject, values in batch.attributes.items():
        await attribute.remember(session, batch.workspace_id, subject, values, now=now)
