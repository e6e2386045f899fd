"""History: once it is in, whoever connected its source hears once what last week's recap would have said."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from models import installation, lane, person
from models.delivery import RUNRATE, FactKind, Owed
from models.recipient import RecipientKind
from models.source import Source


async def owe(session: AsyncSession, source: Source, *, now: datetime) -> None:
    """Owe that message, once a source. What a command line connected concerns who installed us."""
    connected = await person.get(session, source.workspace_id, source.created_by)
    grant = await installation.get(session, source.workspace_id)
    user_id = connected.user_id if connected is not None else grant.installed_by if grant is not None else None
    if user_id is None:
        return
    owed = Owed(asked_by=RUNRATE, fact=(FactKind.HISTORY, source.id), recipient=(RecipientKind.PERSON, user_id))
    await lane.owe(session, source.workspace_id, [owed], now=now)
