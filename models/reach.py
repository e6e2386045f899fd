"""The reach: the channels to which something in a workspace is posted, whoever asked for it."""

from sqlalchemy import select, union
from sqlalchemy.ext.asyncio import AsyncSession

from models import channel
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


async def channels_to_join(session: AsyncSession, workspace_id: str) -> list[str]:
    """List those of them that we know to be public and open, and are not in."""
    known = await channel.known(session, workspace_id)
    return [
        channel_id
        for channel_id in await channels(session, workspace_id)
        if (found := known.get(channel_id)) and not (found.is_member or found.is_private or found.is_archived)
    ]
