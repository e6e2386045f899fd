"""Matching: which destinations and workflows want to hear of facts, and so which deliveries are owed."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from models import destination, recipient, workflow
from models.delivery import FactKind, Owed
from models.event import Event
from models.fact import TrackFact
from models.movement import Movement
from models.recipient import RecipientKind
from scheduler.messages.template import look_up


async def match_movements(session: AsyncSession, workspace_id: str, movements: Sequence[Movement]) -> list[Owed]:
    """Owe each movement to every recipient of every destination that wants it."""
    if not movements:
        return []
    destinations = await destination.hearing_movements(session, workspace_id)
    recipients = await recipient.of_destinations(session, [wanting.id for wanting in destinations])
    return [
        Owed(asked_by=wanting.id, fact=(FactKind.MOVEMENT, movement.id), recipient=(to.kind, to.target))
        for movement in movements
        for wanting in destinations
        for to in recipients[wanting.id]
    ]


async def match_tracks(
    session: AsyncSession, workspace_id: str, tracks: Sequence[tuple[Event, TrackFact]]
) -> list[Owed]:
    """Owe each event to the channel of every workflow whose condition it meets."""
    if not tracks:
        return []
    workflows = await workflow.hearing(session, workspace_id, {fact.event for _, fact in tracks})
    return [
        Owed(
            asked_by=wanting.id,
            fact=(FactKind.TRACK, str(arrived.id)),
            recipient=(RecipientKind.CHANNEL, wanting.channel_id),
        )
        for arrived, fact in tracks
        for wanting in workflows
        if wanting.event == fact.event
        and workflow.is_met(wanting, look_up(fact.payload, wanting.path) if wanting.path else None)
    ]
