"""Matching: which destinations and workflows want to hear of facts, and so which deliveries are owed.

Facts of several workspaces are matched at once; beside each delivery stands the id of its workspace.
"""

from collections import defaultdict
from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from models import destination, workflow
from models import filter as filters
from models.delivery import FactKind, Owed
from models.event import Event
from models.fact import TrackFact
from models.filter import NOTHING_KNOWN
from models.movement import Movement
from models.recipient import RecipientKind
from scheduler.messages.template import look_up


async def match_movements(session: AsyncSession, movements: Sequence[Movement]) -> list[tuple[str, Owed]]:
    """Owe each movement to every recipient of every destination that hears of it; some from the start as skipped."""
    if not movements:
        return []
    hearing = await destination.hearing_movements(session, {movement.workspace_id for movement in movements})
    asking = {
        workspace_id: [wanting.filter for wanting, _ in heard if wanting.asks_more]
        for workspace_id, heard in hearing.items()
    }
    asked_of = [movement for movement in movements if asking[movement.workspace_id]]
    standings = await filters.standings(session, asked_of, [one for several in asking.values() for one in several])
    return [
        (
            movement.workspace_id,
            Owed(
                asked_by=wanting.id,
                fact=(FactKind.MOVEMENT, movement.id),
                recipient=recipient,
                skipped=wanting.skips(movement, standing),
            ),
        )
        for movement in movements
        for standing in [standings.get(movement.id, NOTHING_KNOWN)]
        for wanting, recipient in hearing[movement.workspace_id]
        if wanting.hears_of(movement, standing)
    ]


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
