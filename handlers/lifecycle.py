"""What Slack tells of installations, channels and people. Each event takes effect once, in one transaction."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from slack_bolt.async_app import AsyncApp, AsyncBoltContext
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from sqlalchemy.ext.asyncio import AsyncSession

from handlers.desk import Desk, Visitor
from handlers.listening import limited
from handlers.slack_code import TOKEN_LOST, slack_code
from models import (
    channel,
    installation,
    lane,
    lookup,
    organisation,
    person,
    personal,
    quiet,
    slack_event,
    welcome,
    workflow,
    workspace,
)
from models.channel import Absence
from models.installation import Granted

Effect = Callable[[AsyncSession, str, dict[str, Any], datetime], Awaitable[None]]


def register(app: AsyncApp) -> None:
    """Listen to every event that the manifest subscribes to and that is nobody else's."""
    for name, effect in EFFECTS.items():
        app.event(name)(limited(_once(effect)))
    for name in ("member_joined_channel", "channel_shared", "channel_unshared"):
        app.event(name)(limited(channel_changed))
    for name in ("app_uninstalled", "tokens_revoked"):
        app.event(name)(limited(revoked))
    app.event("team_access_granted")(limited(access_granted))
    app.event("team_access_revoked")(limited(access_revoked))


def _once(effect: Effect) -> Callable[..., Awaitable[None]]:
    """Make a listener of an effect: recorded and done in one transaction, so that a repeat does nothing."""

    async def listen(event: dict[str, Any], body: dict[str, Any], desk: Desk, visitor: Visitor) -> None:
        now = desk.now()
        async with desk.database.write() as session:
            if await slack_event.is_first(session, visitor.workspace_id, body["event_id"], now=now):
                await effect(session, visitor.workspace_id, event, now)

    return listen


async def _left(session: AsyncSession, workspace_id: str, event: dict[str, Any], _now: datetime) -> None:
    """Note that our bot is not in a channel any more; these two events speak of nobody else."""
    await channel.leave(session, workspace_id, event["channel"])


async def _member_left(session: AsyncSession, workspace_id: str, event: dict[str, Any], now: datetime) -> None:
    """Note the same where it was our bot that left or was removed."""
    grant = await installation.get(session, workspace_id)
    if grant is not None and event.get("user") == grant.bot_user_id:
        await _left(session, workspace_id, event, now)


async def _archived(session: AsyncSession, workspace_id: str, event: dict[str, Any], _now: datetime) -> None:
    await channel.change(session, workspace_id, event["channel"], is_archived=True)


async def _unarchived(session: AsyncSession, workspace_id: str, event: dict[str, Any], now: datetime) -> None:
    """Note that a channel is open again, and try at once what waits for it."""
    await channel.change(session, workspace_id, event["channel"], is_archived=False)
    await lane.hurry(session, workspace_id, event["channel"], now=now)


async def _deleted(session: AsyncSession, workspace_id: str, event: dict[str, Any], _now: datetime) -> None:
    gone = {"is_member": False, "is_archived": True, "absence": Absence.DELETED}
    await channel.change(session, workspace_id, event["channel"], **gone)


async def _renamed(session: AsyncSession, workspace_id: str, event: dict[str, Any], _now: datetime) -> None:
    renamed = event["channel"]
    await channel.change(session, workspace_id, renamed["id"], name=str(renamed["name"])[:255])


async def _new_id(session: AsyncSession, workspace_id: str, event: dict[str, Any], now: datetime) -> None:
    """Follow a channel to its new id, as happens when it is shared with another company."""
    ids = {"old": event["old_channel_id"], "new": event["new_channel_id"]}
    await lane.follow_channel(session, workspace_id, **ids, now=now)
    await workflow.follow_channel(session, workspace_id, **ids)
    await workspace.follow_channel(session, workspace_id, **ids)


async def _person_changed(session: AsyncSession, workspace_id: str, event: dict[str, Any], now: datetime) -> None:
    changed = await person.remember(session, workspace_id, event["user"], now=now)
    await lookup.forget(session, workspace_id, email=changed.email, user_id=changed.user_id)
    await personal.follow(session, changed, now=now)
    if await quiet.get(session, workspace_id, changed.user_id) is not None:
        # Their clocks may be others now.
        await lane.hurry(session, workspace_id, changed.user_id, now=now)


EFFECTS: dict[str, Effect] = {
    "channel_left": _left,
    "group_left": _left,
    "member_left_channel": _member_left,
    "channel_archive": _archived,
    "group_archive": _archived,
    "channel_unarchive": _unarchived,
    "group_unarchive": _unarchived,
    "channel_deleted": _deleted,
    "group_deleted": _deleted,
    "channel_rename": _renamed,
    "group_rename": _renamed,
    "channel_id_changed": _new_id,
    "user_change": _person_changed,
    "team_join": _person_changed,
}


MOST_TEAMS = 1000
"""As many workspaces of an organisation Slack names at once."""

OVERTAKEN = TOKEN_LOST | {"channel_not_found"}
"""What Slack answers about a channel that we have left since, or from a workspace that uninstalled us since."""


async def channel_changed(
    event: dict[str, Any],
    body: dict[str, Any],
    context: AsyncBoltContext,
    client: AsyncWebClient,
    desk: Desk,
    visitor: Visitor,
) -> None:
    """Ask Slack how a channel is now, after our bot entered it or it was shared; these events don't say it all."""
    if event["type"] == "member_joined_channel" and event.get("user") != context.bot_user_id:
        return
    try:
        answer = await client.conversations_info(channel=event["channel"])
    except SlackApiError as error:
        if slack_code(error) not in OVERTAKEN:
            raise
        if event["type"] == "channel_unshared" and slack_code(error) == "channel_not_found":
            await _disconnected(event["channel"], body, desk, visitor)
        return
    now = desk.now()
    async with desk.database.write() as session:
        if await slack_event.is_first(session, visitor.workspace_id, body["event_id"], now=now):
            await channel.remember(session, visitor.workspace_id, answer["channel"], now=now)
            await lane.hurry(session, visitor.workspace_id, event["channel"], now=now)
            if event["type"] == "member_joined_channel" and event.get("inviter"):
                await welcome.owe(session, visitor.workspace_id, event["channel"], now=now)


async def _disconnected(channel_id: str, body: dict[str, Any], desk: Desk, visitor: Visitor) -> None:
    """Note that another company's channel isn't shared with us any more: we can't even see it."""
    now = desk.now()
    async with desk.database.write() as session:
        if await slack_event.is_first(session, visitor.workspace_id, body["event_id"], now=now):
            gone = {"is_member": False, "absence": Absence.DISCONNECTED}
            await channel.change(session, visitor.workspace_id, channel_id, **gone)


async def revoked(
    event: dict[str, Any], body: dict[str, Any], context: AsyncBoltContext, desk: Desk, visitor: Visitor
) -> None:
    """Stop all sending and keep the settings, in all workspaces of an organisation where it uninstalled us."""
    if event["type"] == "tokens_revoked" and not event.get("tokens", {}).get("bot"):
        return
    is_org_wide = context.is_enterprise_install and context.enterprise_id
    tenant_id = context.enterprise_id if is_org_wide and context.enterprise_id else visitor.workspace_id
    find, revoke = (organisation.get, organisation.revoke) if is_org_wide else (installation.get, installation.revoke)
    now = desk.now()
    async with desk.database.write() as session:
        if not await slack_event.is_first(session, tenant_id, body["event_id"], now=now):
            return
        if _is_about(await find(session, tenant_id), body):
            await revoke(session, tenant_id, because=event["type"], now=now)


def _is_about(grant: Granted | None, body: dict[str, Any]) -> bool:
    """Say whether an event speaks of a grant: what is older speaks of an earlier one."""
    happened_at = datetime.fromtimestamp(int(body["event_time"]), UTC)
    return grant is not None and happened_at >= grant.installed_at.replace(microsecond=0)


async def access_granted(
    event: dict[str, Any], body: dict[str, Any], context: AsyncBoltContext, client: AsyncWebClient, desk: Desk
) -> None:
    """Install in the workspaces into which an organisation lets us from now on. Slack tells only their ids."""
    enterprise_id, now = context.enterprise_id or "", desk.now()
    answer = await client.auth_teams_list(limit=MOST_TEAMS)
    names = {team["id"]: team["name"] for team in answer["teams"]}
    async with desk.database.write() as session:
        org = await organisation.get(session, enterprise_id)
        if await slack_event.is_first(session, enterprise_id, body["event_id"], now=now) and org is not None:
            named = {one: names.get(one, one) for one in event["team_ids"]}
            await organisation.grant_access(session, org, named, keyring=desk.keyring, now=now)


async def access_revoked(event: dict[str, Any], body: dict[str, Any], context: AsyncBoltContext, desk: Desk) -> None:
    """Stop all sending in the workspaces out of which an organisation took us, and keep their settings."""
    enterprise_id, now = context.enterprise_id or "", desk.now()
    async with desk.database.write() as session:
        if await slack_event.is_first(session, enterprise_id, body["event_id"], now=now):
            await organisation.revoke_access(session, enterprise_id, event["team_ids"], because=event["type"], now=now)
