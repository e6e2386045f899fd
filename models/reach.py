"""The reach: the channels to which something in a workspace is posted, and whoever asked for it."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import select, union
from sqlalchemy.ext.asyncio import AsyncSession

from models import channel
from models.base import among
from models.delivery import RUNRATE
from models.destination import Destination
from models.recipient import Recipient, RecipientKind
from models.workflow import Workflow
from models.workspace import Workspace


async def channels(session: AsyncSession, workspace_id: str) -> list[str]:
    """List the ids of the channels of all destinations and workflows, and the fallback."""
    chosen = select(Recipient.target).where(
        Recipient.workspace_id == workspace_id, Recipient.kind == RecipientKind.CHANNEL
    )
    told = select(Workflow.channel_id).where(Workflow.workspace_id == workspace_id, Workflow.deleted_at.is_(None))
    fallback = select(Workspace.fallback_channel_id).where(
        Workspace.id == workspace_id, Workspace.fallback_channel_id.is_not(None)
    )
    return sorted(filter(None, await session.scalars(union(chosen, told, fallback))))


async def destinations(
    session: AsyncSession, workspace_id: str, targets: Collection[str], *, now: datetime
) -> dict[str, set[str]]:
    """Give by the target the ids of the destinations that tell it something, without those that are paused."""
    query = (
        select(Recipient.target, Destination)
        .join(Destination, Destination.id == Recipient.destination_id)
        .where(Recipient.workspace_id == workspace_id, Destination.workspace_id == workspace_id)
        .where(among(Recipient.target, targets), Destination.deleted_at.is_(None))
    )
    found: dict[str, set[str]] = {}
    for target, one in await session.execute(query) if targets else ():
        if not one.is_paused(now):
            found.setdefault(target, set()).add(one.id)
    return found


async def others(session: AsyncSession, workspace_id: str, targets: Collection[str]) -> dict[str, set[str]]:
    """Give by the channel the ids of the workflows that post there; ours where it hears of signals without an owner."""
    mine = (Workflow.workspace_id == workspace_id, Workflow.deleted_at.is_(None))
    told = select(Workflow.channel_id, Workflow.id).where(*mine, among(Workflow.channel_id, targets))
    fallback = select(Workspace.fallback_channel_id).where(
        Workspace.id == workspace_id, among(Workspace.fallback_channel_id, targets)
    )
    found: dict[str, set[str]] = {}
    for channel_id, workflow_id in await session.execute(told) if targets else ():
        found.setdefault(channel_id, set()).add(workflow_id)
    for channel_id in filter(None, await session.scalars(fallback) if targets else ()):
        found.setdefault(channel_id, set()).add(RUNRATE)
    return found


async def channels_to_join(session: AsyncSession, workspace_id: str) -> list[str]:
    """List those of them that we know to be public and open, and are not in."""
    known = await channel.known(session, workspace_id)
    return [
        channel_id
        for channel_id in await channels(session, workspace_id)
        if (found := known.get(channel_id)) and not (found.is_member or found.is_private or found.is_archived)
    ]
