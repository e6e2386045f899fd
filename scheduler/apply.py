"""Applying: events become accounts, contacts, roles and movements; what these owe is owed in the same transaction."""

from datetime import datetime

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from models import account, contact, event, movement, role, signal, source, workspace
from models.account import Account
from models.database import Database, is_passing
from models.event import Event, Refusal
from models.fact import AccountFact, ContactFact, Fact, MovementFact, RoleFact, SignalFact, TrackFact, read_facts
from models.source import AccountCreation, Source
from scheduler.match import match_movement, match_track

log = structlog.get_logger()

BATCH = 50
"""Few enough that on SQLite, where one writer writes at a time, nobody who presses a button waits long for it."""


async def apply_waiting(database: Database, *, now: datetime, limit: int = BATCH) -> int:
    """Apply the oldest waiting events in one transaction; say how many there were.

    A workspace's events are applied by one worker at a time: two that meet at a new contact would both create it.
    """
    async with database.write() as session:
        events = await event.claim_waiting(session, limit=limit)
        await workspace.hold(session, {waiting.workspace_id for waiting in events})
        for waiting in events:
            await _apply_alone(session, waiting, now=now)
        for source_id in {waiting.source_id for waiting in events if not waiting.is_history}:
            await source.heard_from(session, source_id, now=now)
        return len(events)


async def _apply_alone(session: AsyncSession, waiting: Event, *, now: datetime) -> None:
    """Apply one event in a savepoint, so that one that fails takes nothing else with it.

    A fault of the database is not the event's, and ends the batch: all of it is still waiting then.
    """
    try:
        async with session.begin_nested():
            for position, fact in enumerate(read_facts(waiting.facts)):
                await _apply_fact(session, waiting, position, fact, now=now)
    except Exception as error:
        if is_passing(error):
            raise
        log.exception("event_not_applied", event_id=waiting.id, source_id=waiting.source_id)
        refusal = Refusal("", f"It could not be applied ({type(error).__name__}). This is a fault in Runrate.")
        await event.mark_refused(session, waiting.id, refusal, now=now)
    else:
        await event.mark_applied(session, waiting.id, now=now)


async def _apply_fact(session: AsyncSession, waiting: Event, position: int, fact: Fact, *, now: datetime) -> None:
    match fact:
        case AccountFact():
            await account.apply(session, waiting.workspace_id, fact, now=now)
        case ContactFact():
            await _apply_contact(session, waiting, fact, now=now)
        case RoleFact():
            holder = await account.lock(session, waiting.workspace_id, fact.account_external_id, now=now)
            await role.apply(session, waiting.workspace_id, fact, account_id=holder.id, now=now)
        case MovementFact():
            await _apply_movement(session, waiting, position, fact, now=now)
        case SignalFact():
            await _apply_signal(session, waiting, position, fact, now=now)
        case TrackFact() if not waiting.is_history:
            await match_track(session, waiting, fact, now=now)


async def _apply_contact(session: AsyncSession, waiting: Event, fact: ContactFact, *, now: datetime) -> None:
    company = await _company(session, waiting, fact, now=now)
    await contact.apply(session, waiting.workspace_id, fact, account_id=company.id if company else None, now=now)


async def _company(session: AsyncSession, waiting: Event, fact: ContactFact, *, now: datetime) -> Account | None:
    """Find or create the account that a contact belongs to, where the source's setting says that one is created."""
    external_id, name = fact.account_external_id, fact.account_name
    if external_id is None:
        origin = await session.get(Source, waiting.source_id)
        if origin is None or origin.account_creation != AccountCreation.CONTACT:
            return None
        known = await contact.find(session, waiting.workspace_id, fact)
        if known is not None and known.account_id is not None:
            return None
        external_id = fact.user_id or fact.email
        if external_id is None:
            return None
        name = name or fact.name or " ".join(filter(None, [fact.first_name, fact.last_name])) or fact.email
    company = await account.lock(session, waiting.workspace_id, external_id, now=now)
    company.name = company.name or name
    return company


async def _apply_movement(
    session: AsyncSession, waiting: Event, position: int, fact: MovementFact, *, now: datetime
) -> None:
    moved = await account.named(session, waiting.workspace_id, fact, now=now)
    recorded = await movement.apply(
        session,
        moved,
        fact,
        source_id=waiting.source_id,
        external_id=_external_id(waiting, position, fact),
        is_history=waiting.is_history,
        now=now,
    )
    if recorded is not None and not recorded.is_history:
        await match_movement(session, recorded, now=now)


async def _apply_signal(
    session: AsyncSession, waiting: Event, position: int, fact: SignalFact, *, now: datetime
) -> None:
    about = await account.named(session, waiting.workspace_id, fact, now=now)
    await signal.apply(
        session,
        about,
        fact,
        source_id=waiting.source_id,
        external_id=_external_id(waiting, position, fact),
        is_history=waiting.is_history,
        now=now,
    )


def _external_id(waiting: Event, position: int, fact: MovementFact | SignalFact) -> str:
    """Give the source's own id of a fact, or one by the event and the fact's place in it."""
    return fact.external_id or f"{waiting.dedupe_key[:240]}#{position}"
