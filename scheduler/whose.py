"""Whose an e-mail address is in Slack: as a manager said (`models.email_alias`), as remembered, or as Slack answers."""

from datetime import datetime
from typing import Any

from slack_sdk.errors import SlackApiError
from sqlalchemy.ext.asyncio import AsyncSession

from models import email_alias, lookup, person
from models.database import Database
from models.lookup import Known
from scheduler.decisions import code_of
from scheduler.slack import Slack


async def remembered(session: AsyncSession, workspace_id: str, email: str, *, now: datetime) -> Known | None:
    """Say whose an address is, as far as it is known; None where Slack has to be asked."""
    alias = await email_alias.find(session, workspace_id, email)
    if alias is None:
        return await lookup.known(session, workspace_id, email, now=now)
    known = await person.get(session, workspace_id, alias)
    return Known(alias, known.is_deactivated) if known is not None and person.is_fresh(known, now=now) else None


async def find(database: Database, slack: Slack, *, token: str, workspace_id: str, email: str, now: datetime) -> Known:
    """Say whose an address is, asking Slack where that isn't known, and remember what it answers."""
    async with database.read() as session:
        known = await remembered(session, workspace_id, email, now=now)
        alias = None if known is not None else await email_alias.find(session, workspace_id, email)
    if known is not None:
        return known
    user = await _ask(slack, token, workspace_id, email) if alias is None else await slack.user(token, alias)
    async with database.write() as session:
        if user is None:
            someone = await person.left_with(session, workspace_id, email)
        else:
            someone = await person.remember(session, workspace_id, user, now=now)
        found = Known(someone.user_id, someone.is_deactivated) if someone is not None else Known(None)
        if alias is None:
            await lookup.remember(session, workspace_id, email, found, now=now)
    return found


async def _ask(slack: Slack, token: str, workspace_id: str, email: str) -> dict[str, Any] | None:
    try:
        user = await slack.person(token, email)
    except SlackApiError as error:
        if code_of(error) != "users_not_found":
            raise
        return None
    # With an organisation's token Slack finds the people of all its workspaces.
    return None if person.is_of_another_workspace(user, workspace_id) else user
