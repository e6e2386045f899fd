"""Applying: events become accounts, contacts, roles and movements; what these owe is owed in the same transaction.

The events of many workspaces go through together: what their facts speak of is read at once, the facts change it one
after the other in memory, each in the batch of its own workspace, and what came of them is written at once.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from models import (
    account,
    attribute,
    audience,
    contact,
    erasure,
    event,
    history,
    identity,
    lane,
    movement,
    record,
    role,
    said,
    signal,
    source,
    subscription,
    total,
    workspace,
)
from models.account import Account
from models.attribute import Subject, Value
from models.contact import Company, Contact, Directory, Forgotten
from models.database import Database, is_passing
from models.event import Event, Refusal
from models.fact import (
    AccountFact,
    AliasFact,
    ContactFact,
    ErasureFact,
    Fact,
    MovementFact,
    RecordFact,
    RoleFact,
    SignalFact,
    SubscriptionFact,
    TrackFact,
    read_facts,
)
from models.identity import AboutPerson
from models.likeness import NOTHING, Likeness
from models.mapping import mapped
from models.movement import Movement
from models.mrr import Segment
from models.origin import told_by
from models.record import Record
from models.said import Voice
from models.signal import Signal
from models.source import AccountCreation, Source
from models.subscription import Restated
from scheduler import recap
from scheduler.corrections import mark_corrected
from scheduler.match import match_corrections, match_movements, match_tracks

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


RELEASED = 1_000
"""How many events that were held for a paused source wait again in one go."""


@dataclass(frozen=True)
class Arrived:
    """A fact, the event that brought it, and its place in that."""

    event: Event
    origin: Source
    position: int
    fact: Fact

    @cached_property
    def accounts(self) -> set[str]:
        """The external ids of the accounts that it is about, or that it may make."""
        return _accounts_of(self.fact)

    @cached_property
    def key(self) -> tuple[str, str]:
        """The source, and its own id of a movement or signal, or one by the event and the fact's place in it."""
        own_id = self.fact.external_id if isinstance(self.fact, MovementFact | SignalFact) else None
        return self.event.source_id, own_id or f"{self.event.dedupe_key[:240]}#{self.position}"

    @property
    def is_history(self) -> bool:
        """Say whether it is told to nobody: it was imported, or happened before anybody could hear of it."""
        at = self.fact.occurred_at if isinstance(self.fact, MovementFact | SignalFact | TrackFact) else None
        return self.event.is_history or (at is not None and self.origin.was_connected_after(at))

    @property
    def voice(self) -> Voice:
        """Who says it, and when."""
        return said.voice(source.rank(self.origin.kind), self.event.occurred_at, self.event.received_at)


@dataclass(kw_only=True)
class Batch:
    """What the facts of a workspace speak of, as they change it, and what comes of them."""

    workspace_id: str
    accounts: dict[str, Account]
    contacts: Directory
    records: dict[tuple[str, str], Record]
    known_as: Mapping[str, Likeness]
    """By external id: what the accounts were recognised by before."""
    told: Mapping[type[Fact], set[tuple[str, str]]]
    movements: list[Movement] = field(default_factory=list)
    segments: list[Segment] = field(default_factory=list)
    restated: list[Restated] = field(default_factory=list)
    history: list[datetime] = field(default_factory=list)
    """When movements were that are history."""
    signals: list[Signal] = field(default_factory=list)
    tracks: list[tuple[Event, TrackFact]] = field(default_factory=list)
    roles: list[role.Statement] = field(default_factory=list)
    erased: list[tuple[str, Forgotten]] = field(default_factory=list)
    """Who is forgotten, and until when what was said of them goes."""
    erased_before: Mapping[str, str] = field(default_factory=dict)
    """Of whoever did what is tracked: those who were erased, and until when."""
    unwelcome: set[int] = field(default_factory=set)
    """The events that speak of somebody who was erased since."""
    attributes: dict[Subject, set[tuple[str, str]]] = field(
        default_factory=lambda: {subject: set() for subject in Subject}
    )

    def account(self, external_id: str, *, now: datetime) -> Account:
        """Give the account, beginning it where the fact is the first to name it."""
        named = self.lead(external_id, now=now)
        named.is_provisional = False
        return named

    def lead(self, external_id: str, *, now: datetime) -> Account:
        """Give the account that a contact alone stands for, beginning it where there is none."""
        if external_id not in self.accounts:
            begun = account.new(self.workspace_id, external_id, now=now)
            begun.is_provisional = True
            self.accounts[external_id] = begun
        return self.accounts[external_id]

    def record(self, source_id: str, external_id: str, *, now: datetime) -> Record:
        """Give the record of a CRM, beginning it where the fact is the first to tell of it."""
        place = (source_id, external_id)
        if place not in self.records:
            self.records[place] = record.new(self.workspace_id, source_id, external_id, now=now)
        return self.records[place]

    def recognised(self) -> set[Likeness]:
        """Note what the accounts are recognised by, and give that where it changed, as it was and as it is."""
        pairs = {
            (self.known_as.get(external_id, NOTHING), account.recognise(one))
            for external_id, one in self.accounts.items()
        }
        return {one for before, after in pairs if before != after for one in (before, after)}

    def remember(self, subject: Subject, values: Mapping[str, Value]) -> None:
        """Note the names of attributes, and the types that their values have."""
        self.attributes[subject] |= attribute.seen(values)


async def apply_waiting(database: Database, *, now: datetime, limit: int = BATCH) -> int:
    """Apply the oldest waiting events of every workspace, so many a transaction; say how many there were.

    Each workspace has its turn in every transaction that it takes part in, so that the flood of one delays the others
    by one batch at most.
    """
    await _release(database)
    async with database.read() as session:
        waiting = await event.workspaces_waiting(session)
    size = min(limit, TOGETHER)
    groups = [waiting[start : start + size] for start in range(0, len(waiting), size)]
    return sum([await _apply_some(database, group, now=now, limit=limit) for group in groups])


async def _release(database: Database) -> None:
    """Let what was held for sources that are paused no more wait again, some of it at a time."""
    async with database.read() as session:
        resumed = await source.holding(session)
    for source_id in resumed:
        async with database.write() as session:
            found = await source.resumed(session, source_id)
            if found is not None and await event.release(session, source_id, limit=RELEASED) < RELEASED:
                found.holding_since = None


async def _apply_some(database: Database, workspace_ids: Sequence[str], *, now: datetime, limit: int) -> int:
    """Apply the oldest waiting events of workspaces, but for those that another worker is at.

    Two would both begin a new account.
    """
    async with database.write() as session:
        held = await workspace.hold(session, workspace_ids)
        events = await event.claim_waiting(session, held, limit=limit)
        if not events:
            return 0
        sources = await source.many(session, {waiting.source_id for waiting in events})
        paused = await source.hold_back(session, sources.values(), now=now)
        await event.hold(session, [waiting.id for waiting in events if waiting.source_id in paused], now=now)
        ready = [waiting for waiting in events if waiting.source_id not in paused]
        await _apply_apart(session, ready, sources, now=now)
        heard = {waiting.source_id for waiting in events if not waiting.is_history}
        await source.heard_from(session, heard, now=now)
        return len(events)


async def _apply_apart(
    session: AsyncSession, events: Sequence[Event], sources: Mapping[str, Source], *, now: datetime
) -> None:
    """Apply events together; where that fails each half alone, until the one that can't be applied is refused."""
    error = await _try(session, events, sources, now=now) if events else None
    if error is None:
        return
    await source.many(session, sources)  # What was changed of them was undone, and they have forgotten what they were.
    if len(events) == 1:
        await _refuse(session, events[0], error, now=now)
        return
    half = len(events) // 2
    await _apply_apart(session, events[:half], sources, now=now)
    await _apply_apart(session, events[half:], sources, now=now)


async def _try(
    session: AsyncSession, events: Sequence[Event], sources: Mapping[str, Source], *, now: datetime
) -> Exception | None:
    """Apply events in a savepoint; give what stood in the way.

    A fault of the database is not the events', and ends the transaction: all of them are still waiting then.
    """
    try:
        async with session.begin_nested():
            await _apply(session, events, sources, now=now)
    except Exception as error:
        if is_passing(error):
            raise
        return error
    return None


async def _refuse(session: AsyncSession, failing: Event, error: Exception, *, now: datetime) -> None:
    log.error("event_not_applied", event_id=failing.id, source_id=failing.source_id, exc_info=error)
    refusal = Refusal("", f"It could not be applied ({type(error).__name__}). This is a fault in Runrate.")
    await event.mark_refused(session, failing.id, refusal, now=now)


async def _apply(
    session: AsyncSession, events: Sequence[Event], sources: Mapping[str, Source], *, now: datetime
) -> None:
    """Read the facts, hold what they speak of, let each change it in its turn, write that, and owe what it owes."""
    arrived = [
        Arrived(waiting, sources[waiting.source_id], position, _mapped(fact, sources[waiting.source_id]))
        for waiting in events
        for position, fact in enumerate(read_facts(waiting.facts))
    ]
    batches = await _hold(session, arrived)
    for one in arrived:
        _take(batches[one.event.workspace_id], one, now=now)
    await _write(session, batches, now=now)
    unwelcome = [waiting for waiting in events if waiting.id in batches[waiting.workspace_id].unwelcome]
    await erasure.leave_people_out(session, unwelcome)
    news = [moved for batch in batches.values() for moved in batch.movements if not moved.is_history]
    await history.came(session, {key: min(batch.history) for key, batch in batches.items() if batch.history}, now=now)
    tracks = [track for batch in batches.values() for track in batch.tracks]
    restated = {workspace_id: batch.restated for workspace_id, batch in batches.items()}
    owed = await match_movements(session, news) + await match_tracks(session, tracks)
    owed += await match_corrections(session, restated, now=now)
    if owed:
        await lane.owe_together(session, owed, now=now)
        await mark_corrected(session, owed, now=now)
    await event.mark_applied(session, [waiting.id for waiting in events], now=now)
    await recap.correct(session, news, [one.workspace_id for one in batches.values() if one.restated], now=now)


def _mapped(fact: Fact, origin: Source) -> Fact:
    return mapped(fact, origin.mappings) if origin.mappings and isinstance(fact, AccountFact | ContactFact) else fact


async def _hold(session: AsyncSession, arrived: Sequence[Arrived]) -> dict[str, Batch]:
    """Read what the facts speak of, and hold it until the transaction ends; give it by the workspace."""
    named: dict[str, set[str]] = {one.event.workspace_id: set() for one in arrived}
    people: dict[str, list[AboutPerson]] = {workspace_id: [] for workspace_id in named}
    for one in arrived:
        named[one.event.workspace_id] |= one.accounts
        if isinstance(one.fact, ContactFact | AliasFact | ErasureFact):
            people[one.event.workspace_id].append(one.fact)
    contacts = await contact.directories(session, people)
    for workspace_id, directory in contacts.items():
        named[workspace_id] |= directory.account_names()
    accounts = await account.hold(session, named)
    told = {kind: await known(session, _keys(arrived, kind)) for kind, known in KNOWN.items()}
    named_records = {(one.event.source_id, one.fact.external_id) for one in arrived if isinstance(one.fact, RecordFact)}
    records = await record.hold(session, named_records)
    erased = await identity.erased(session, {who for one in arrived if (who := _tracked(one)) is not None})
    return {
        workspace_id: Batch(
            workspace_id=workspace_id,
            accounts=accounts[workspace_id],
            contacts=contacts[workspace_id],
            records={key: one for key, one in records.items() if one.workspace_id == workspace_id},
            known_as={name: account.known_as(one) for name, one in accounts[workspace_id].items()},
            told=told,
            erased_before=erased,
        )
        for workspace_id in named
    }


def _keys(arrived: Sequence[Arrived], kind: type[Fact]) -> set[tuple[str, str]]:
    return {one.key for one in arrived if isinstance(one.fact, kind)}


def _tracked(one: Arrived) -> str | None:
    """Give the identity of whoever did what a track call tells."""
    return identity.of_track(one.event.workspace_id, one.fact.payload) if isinstance(one.fact, TrackFact) else None


def _accounts_of(fact: Fact) -> set[str]:
    """Give the external ids of the accounts that a fact is about, or that it may make."""
    match fact:
        case AccountFact():
            return {fact.external_id}
        case ContactFact():
            return {name for name in (fact.account_external_id, fact.user_id, fact.email) if name}
        case AliasFact():
            return {fact.user_id}
        case RoleFact() | MovementFact() | SubscriptionFact() | SignalFact():
            return {fact.account_external_id}
        case TrackFact() | ErasureFact() | RecordFact():
            return set()


def _take(batch: Batch, one: Arrived, *, now: datetime) -> None:
    """Let a fact change what it speaks of, in memory, and note there which source spoke."""
    _change(batch, one, now=now)
    for external_id in one.accounts & batch.accounts.keys():
        told_by(batch.accounts[external_id], one.event.source_id)


def _change(batch: Batch, one: Arrived, *, now: datetime) -> None:
    match one.fact:
        case AccountFact() as fact:
            account.apply(batch.account(fact.external_id, now=now), fact, voice=one.voice, now=now)
            batch.remember(Subject.ACCOUNT, fact.attributes)
        case ContactFact() as fact:
            _take_contact(batch, one, fact, now=now)
        case AliasFact() as fact:
            _take_alias(batch, one, fact, now=now)
        case ErasureFact() as fact:
            batch.erased.append((one.voice.at, batch.contacts.erase(fact, one.voice, now=now)))
        case RoleFact() as fact:
            _take_role(batch, one, fact, now=now)
        case RecordFact() as fact:
            record.apply(batch.record(one.event.source_id, fact.external_id, now=now), fact, one.voice)
            batch.remember(Subject.ACCOUNT, fact.attributes)
        case MovementFact() | SignalFact() as fact:
            _tell(batch, one, fact, now=now)
        case SubscriptionFact() as fact:
            subscribed = batch.account(fact.account_external_id, now=now)
            account.name_first(subscribed, fact.account_name, one.voice)
            source_id, is_history = one.event.source_id, one.event.is_history
            batch.segments.append(subscription.segment(fact, subscribed.id, source_id, is_history=is_history))
        case TrackFact() as fact:
            _take_track(batch, one, fact)


def _take_contact(batch: Batch, one: Arrived, fact: ContactFact, *, now: datetime) -> None:
    makes_account = one.origin.account_creation == AccountCreation.CONTACT and bool(fact.user_id or fact.email)
    person = batch.contacts.apply(fact, one.voice, makes_account=makes_account, now=now)
    if person is None:
        batch.unwelcome.add(one.event.id)
        return
    told_by(person, one.event.source_id)
    batch.remember(Subject.CONTACT, fact.attributes)
    if fact.account_external_id is not None:
        account.name_first(batch.account(fact.account_external_id, now=now), fact.account_name, one.voice)


def _take_role(batch: Batch, one: Arrived, fact: RoleFact, *, now: datetime) -> None:
    batch.roles.append(
        role.Statement(
            workspace_id=batch.workspace_id,
            account_id=batch.account(fact.account_external_id, now=now).id,
            role=fact.role,
            by=one.event.source_id,
            voice=one.voice,
            email=fact.email,
            name=fact.name,
        )
    )


def _take_alias(batch: Batch, one: Arrived, fact: AliasFact, *, now: datetime) -> None:
    if not batch.contacts.alias(fact, one.voice, now=now):
        batch.unwelcome.add(one.event.id)


def _take_track(batch: Batch, one: Arrived, fact: TrackFact) -> None:
    if one.voice.at <= batch.erased_before.get(_tracked(one) or "", ""):
        batch.unwelcome.add(one.event.id)
    elif not one.is_history and not _is_first_sync(one, fact):
        batch.tracks.append((one.event, fact))


def _is_first_sync(one: Arrived, fact: TrackFact) -> bool:
    """Say whether somebody was in an audience already when Segment began to send it."""
    if fact.audience is None:
        return False
    is_first, one.origin.audiences = audience.heard(one.origin.audiences, fact.audience, one.event.received_at)
    return is_first


def _tell(batch: Batch, one: Arrived, fact: MovementFact | SignalFact, *, now: datetime) -> None:
    """Record a movement or signal, unless it was told before."""
    about, told = batch.account(fact.account_external_id, now=now), batch.told[type(fact)]
    account.name_first(about, fact.account_name, one.voice)
    if one.key in told:
        return
    told.add(one.key)
    source_id, external_id = one.key
    origin: dict[str, Any] = {
        "source_id": source_id,
        "external_id": external_id,
        "is_history": one.is_history,
        "now": now,
    }
    match fact:
        case MovementFact():
            batch.movements.append(movement.record(about, fact, **origin))
        case SignalFact():
            batch.signals.append(signal.new(about, fact, **origin))


def _settle_at_accounts(batch: Batch, *, now: datetime) -> set[str]:
    """Put each contact at its account; give the ids of the leads that nobody stands for any more."""
    people = batch.contacts
    left = {one.account_id for one in people.gone.values() if one.account_id}
    for person in people.touched.values():
        company = people.company(person)
        left |= {person.account_id} if person.account_id else set()
        person.account_id = _account_id(batch, person, company, now=now)
    left -= {person.account_id for person in people.contacts.values()}
    over = {one.external_id for one in batch.accounts.values() if one.id in left and one.is_provisional}
    return {batch.accounts.pop(external_id).id for external_id in over}


def _account_id(batch: Batch, person: Contact, company: Company | None, *, now: datetime) -> str | None:
    if company is None:
        return None
    if not company.is_lead:
        return batch.account(company.external_id, now=now).id
    lead = batch.lead(company.external_id, now=now)
    account.name_after(lead, person.display_name)
    told_by(lead, *(person.told_by or "").split())
    return lead.id


async def _write(session: AsyncSession, batches: Mapping[str, Batch], *, now: datetime) -> None:
    """Write what the facts came to: accounts first, since all else stands at one."""
    over = {account_id for batch in batches.values() for account_id in _settle_at_accounts(batch, now=now)}
    recognised = {workspace_id: batch.recognised() for workspace_id, batch in batches.items()}
    records = [one for batch in batches.values() for one in batch.records.values()]
    session.add_all([*(one for batch in batches.values() for one in batch.accounts.values()), *records])
    await session.flush()
    await contact.write(session, [batch.contacts for batch in batches.values()])
    await account.remove(session, over)
    await movement.add(session, [one for batch in batches.values() for one in batch.movements])
    await total.add_up(session, [one for batch in batches.values() for one in batch.accounts.values()], now=now)
    for batch in batches.values():
        came = await subscription.apply(session, batch.workspace_id, batch.segments, now=now)
        batch.history = [one.occurred_at for one in batch.movements if one.is_history]
        batch.history += [came.history_since] if came.history_since is not None else []
        batch.movements += came.news
        batch.restated += came.restated
    await signal.add(session, [one for batch in batches.values() for one in batch.signals])
    await role.apply(session, [one for batch in batches.values() for one in batch.roles], now=now)
    await record.settle(session, records, recognised, now=now)
    attributes = {workspace_id: batch.attributes for workspace_id, batch in batches.items()}
    await attribute.remember(session, attributes, now=now)
    for workspace_id, batch in batches.items():
        for until, forgotten in batch.erased:
            await erasure.begin(session, workspace_id, forgotten, until=until)
