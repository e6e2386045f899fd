"""Matching: which destinations and workflows want to hear of facts, and so which deliveries are owed.

Facts of several workspaces are matched at once; beside each delivery stands the id of its workspace.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from models import destination, destination_mute, ledger, mute, workflow
from models import filter as filters
from models.condition import Standing
from models.delivery import FactKind, Owed, SkipReason
from models.destination import Destination
from models.event import Event
from models.fact import TrackFact
from models.filter import NOTHING_KNOWN
from models.movement import Movement
from models.recipient import RecipientKind, To
from models.subscription import Restated
from scheduler.messages.template import look_up

TOLD_SINCE = timedelta(days=30)
"""Of what was told longer ago than this no correction is told: nobody goes by it any more."""


async def match_movements(session: AsyncSession, movements: Sequence[Movement]) -> list[tuple[str, Owed]]:
    """Owe each movement to every recipient of every destination that hears of it; some from the start as skipped.

    A person may have muted the account for themself, and a manager for all to whom a destination tells.
    """
    if not movements:
        return []
    hearing = await destination.hearing_movements(session, {movement.workspace_id for movement in movements})
    asking = {
        workspace_id: [wanting.filter for wanting, _ in heard if wanting.asks_more]
        for workspace_id, heard in hearing.items()
    }
    asked_of = [movement for movement in movements if asking[movement.workspace_id]]
    mutes = await _mutes(session, movements, hearing)
    standings = await filters.standings(session, asked_of, [one for several in asking.values() for one in several])
    muting = {workspace_id for workspace_id, heard in hearing.items() if any(one.has_mutes for one, _ in heard)}
    about = {movement.account_id for movement in movements if movement.workspace_id in muting}
    muted = await destination_mute.among_accounts(session, about) if about else {}
    return [
        (movement.workspace_id, owed)
        for movement in movements
        for standing in [standings.get(movement.id, NOTHING_KNOWN)]
        for wanting, to in hearing[movement.workspace_id]
        if wanting.hears_of(movement, standing)
        for skipped in [_skipped(wanting, movement, standing, muted) or _skips(movement, to, mutes)]
        for owed in _owed(movement, wanting, to, skipped)
    ]


async def _mutes(
    session: AsyncSession, movements: Sequence[Movement], hearing: Mapping[str, Sequence[tuple[Destination, To]]]
) -> set[tuple[str, str, str]]:
    """Read what those people muted who hear of movements by themselves."""
    people = {
        (workspace_id, to.target)
        for workspace_id, heard in hearing.items()
        for _, to in heard
        if to.kind is RecipientKind.PERSON
    }
    return await mute.of_people(session, people, now=max(one.recorded_at for one in movements))


def _skips(moved: Movement, to: To, mutes: set[tuple[str, str, str]]) -> SkipReason | None:
    return SkipReason.MUTED if (moved.workspace_id, to.target, moved.account_id) in mutes else None


def _owed(moved: Movement, wanting: Destination, to: To, skipped: SkipReason | None) -> Iterator[Owed]:
    """Owe a movement, after the card of its account where it is told under one."""
    if wanting.has_threads and skipped is None:
        yield Owed(asked_by=wanting.id, fact=(FactKind.THREAD, moved.account_id), recipient=to)
    yield Owed(
        asked_by=wanting.id,
        fact=(FactKind.MOVEMENT, moved.id),
        recipient=to,
        skipped=skipped,
        is_kept_together=wanting.has_threads or wanting.group_minutes is not None,
    )


def _skipped(
    wanting: Destination, moved: Movement, standing: Standing, muted: Mapping[tuple[str, str], datetime | None]
) -> SkipReason | None:
    """Say why a destination doesn't tell a movement of which it hears; None where it does."""
    because = wanting.skips(moved, standing)
    if because is None and destination_mute.is_muted(muted, wanting.id, moved.account_id, at=moved.recorded_at):
        return SkipReason.MUTED
    return because


async def match_corrections(
    session: AsyncSession, restated: Mapping[str, Sequence[Restated]], *, now: datetime
) -> list[tuple[str, Owed]]:
    """Owe a correction to whoever was told of a movement that is another than it was, or is no more.

    What is not sent yet is drawn as things are, and needs none. By the workspace; its lanes are held from here on.
    """
    owed = []
    for workspace_id, several in restated.items():
        by_movement = {one.movement_id: one for one in several}
        tellings = await ledger.tellings(session, workspace_id, by_movement, since=now - TOLD_SINCE)
        about = {by_movement[told.movement_id].account_id for told in tellings if told.wanting.has_mutes}
        muted = await destination_mute.among_accounts(session, about) if about else {}
        recipients = {told.recipient for told in tellings}
        people = {(workspace_id, target) for kind, target in recipients if kind == RecipientKind.PERSON}
        mutes = await mute.of_people(session, people, now=now)
        for told in tellings:
            correction = by_movement[told.movement_id]
            is_muted = destination_mute.is_muted(muted, told.wanting.id, correction.account_id, at=now)
            is_muted = is_muted or (workspace_id, told.recipient[1], correction.account_id) in mutes
            silent = SkipReason.PAUSED if told.wanting.is_paused(now) else SkipReason.MUTED if is_muted else None
            one = Owed(
                asked_by=told.wanting.id,
                fact=(FactKind.CORRECTION, correction.id),
                recipient=told.recipient,
                skipped=silent,
                replies_to=told.delivery_id,
            )
            owed.append((workspace_id, one))
    return owed


async def match_tracks(session: AsyncSession, tracks: Sequence[tuple[Event, TrackFact]]) -> list[tuple[str, Owed]]:
    """Owe each event to the channel of every workflow whose condition it meets."""
    if not tracks:
        return []
    names: dict[str, set[str]] = defaultdict(set)
    for arrived, fact in tracks:
        names[arrived.workspace_id].add(fact.event)
    hearing = await workflow.hearing(session, names)
    return [
        (
            arrived.workspace_id,
            Owed(
                asked_by=wanting.id,
                fact=(FactKind.TRACK, str(arrived.id)),
                recipient=(RecipientKind.CHANNEL, wanting.channel_id),
            ),
        )
        for arrived, fact in tracks
        for wanting in hearing[arrived.workspace_id]
        if wanting.event == fact.event
        and workflow.is_met(wanting, look_up(fact.payload, wanting.path) if wanting.path else None)
    ]
