"""Who somebody is, and whether they may change something: known for an hour, asked of Slack otherwise."""

from slack_sdk.web.async_client import AsyncWebClient
from sqlalchemy.ext.asyncio import AsyncSession

from handlers.desk import Desk, Visitor
from models import installation, person
from models.person import NotManagerError, NotMemberError, Person


async def who(desk: Desk, client: AsyncWebClient, visitor: Visitor) -> Person:
    """Tell who the visitor is."""
    now = desk.now()
    async with desk.database.read() as session:
        known = await person.get(session, visitor.workspace_id, visitor.user_id)
    if known is not None and person.is_fresh(known, now=now):
        return known
    answer = await client.users_info(user=visitor.user_id)
    async with desk.database.write() as session:
        return await person.remember(session, visitor.workspace_id, answer["user"], now=now)


async def is_manager(desk: Desk, client: AsyncWebClient, visitor: Visitor) -> bool:
    """Say whether the visitor may change the workspace's settings."""
    visiting = await who(desk, client, visitor)
    async with desk.database.read() as session:
        return await person.is_manager(session, visiting)


async def require_member(desk: Desk, client: AsyncWebClient, visitor: Visitor) -> Person:
    """Let only full members pass, and tell who it is. Raises `NotMemberError`, which says whom to ask."""
    visiting = await who(desk, client, visitor)
    if not (visiting.is_guest or visiting.is_deactivated):
        return visiting
    async with desk.database.read() as session:
        raise NotMemberError(await to_ask(session, visitor.workspace_id))


async def require_manager(desk: Desk, client: AsyncWebClient, visitor: Visitor) -> None:
    """Let only managers pass. Raises `NotManagerError` or `NotMemberError`, which say whom to ask."""
    visiting = await require_member(desk, client, visitor)
    async with desk.database.read() as session:
        if not await person.is_manager(session, visiting):
            raise NotManagerError(await to_ask(session, visitor.workspace_id))


async def to_ask(session: AsyncSession, workspace_id: str) -> tuple[str, ...]:
    """Give those who can be asked for a change: whom admins named, and who installed us, while they may change it."""
    known = await person.present_managers(session, workspace_id)
    grant = await installation.get(session, workspace_id)
    installer = await person.get(session, workspace_id, grant.installed_by) if grant else None
    if installer is not None and await person.is_manager(session, installer):
        known.append(installer.user_id)
    return tuple(dict.fromkeys(known))
