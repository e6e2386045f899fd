"""Links to reports that people share in Slack: each gets its unfurl, where nobody else would read the figures."""

import re
from typing import Any
from urllib.parse import urlsplit

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from sqlalchemy.ext.asyncio import AsyncSession

from handlers import home, people
from handlers.desk import Desk, Visitor
from handlers.listening import limited
from handlers.slack_code import slack_code
from handlers.together import together
from handlers.views import reports as view
from models import person, preview, report, slack_event, unfurl, workspace
from models.preview import Preview
from models.unfurl import LONGEST_URL, SharedLink

COMPOSER = "composer"
"""Where a link is that is still being typed: nobody can say who will read it."""

HIDDEN = {"channel_not_found", "missing_scope", "not_in_channel"}
"""What Slack answers about a conversation of which we can't know who reads it."""

MEMBERS_PAGE = 999

LINK = re.compile(r"/reports/(rep_[0-9a-z]{26})/?")


def register(app: AsyncApp) -> None:
    """Listen to shared links, and to the switch."""
    app.event("link_shared")(limited(shared))
    app.action(view.ACTIONS.switch)(limited(switched))


async def shared(
    event: dict[str, Any], body: dict[str, Any], client: AsyncWebClient, desk: Desk, visitor: Visitor
) -> None:
    """Owe an unfurl to each link to a report of the poster's workspace, if everybody there may see it."""
    now = desk.now()
    async with desk.database.read() as session:
        links = await _links(session, event, desk, visitor)
    if not links or not await _may_unfurl(event["channel"], client, desk, visitor):
        return
    async with desk.database.write() as session:
        if await slack_event.is_first(session, visitor.workspace_id, body["event_id"], now=now):
            for link in links:
                await unfurl.owe(session, visitor.workspace_id, link, now=now)


async def switched(ack: AsyncAck, action: dict[str, Any], client: AsyncWebClient, desk: Desk, visitor: Visitor) -> None:
    """Show previews from now on, or none."""
    await people.require_manager(desk, client, visitor)
    on = view.read_switch(action)
    async with desk.database.write() as session:
        await workspace.switch_previews(session, visitor.workspace_id, on=on, by=visitor.user_id, now=desk.now())
    await ack()
    await home.refresh(desk, client, visitor)


async def _links(session: AsyncSession, event: dict[str, Any], desk: Desk, visitor: Visitor) -> list[SharedLink]:
    """List the links to reports of the workspace; none while previews are switched off."""
    tenant = await workspace.get(session, visitor.workspace_id)
    if event.get("source") == COMPOSER or tenant is None or not tenant.shows_previews:
        return []
    found = []
    for url in (str(link["url"]) for link in event["links"]):
        named = await report.get(session, visitor.workspace_id, _report_id(url, desk.public_url) or "")
        if named is not None:
            pictured = Preview(workspace_id=visitor.workspace_id, subject_id=named.id, as_of=desk.now())
            found.append(
                SharedLink(
                    report_id=named.id,
                    channel_id=event["channel"],
                    message_ts=event["message_ts"],
                    url=url,
                    preview_url=preview.address(pictured, keyring=desk.keyring, public_url=desk.public_url),
                )
            )
    return found


def _report_id(url: str, public_url: str) -> str | None:
    """Read which report a link is to."""
    if len(url) > LONGEST_URL or urlsplit(url).hostname != urlsplit(public_url).hostname:
        return None
    found = LINK.fullmatch(urlsplit(url).path)
    return found.group(1) if found else None


async def _may_unfurl(channel_id: str, client: AsyncWebClient, desk: Desk, visitor: Visitor) -> bool:
    """Say whether a full member posted, in a channel that no guest and nobody outside the workspace reads."""
    try:
        async with together() as group:
            asked = group.create_task(people.who(desk, client, visitor))
            place = group.create_task(client.conversations_info(channel=channel_id))
        poster, info = asked.result(), place.result()["channel"]
        if poster.is_guest or poster.is_deactivated or info.get("is_ext_shared") or info.get("is_pending_ext_shared"):
            return False
        return not await _guests_read(channel_id, client, desk, visitor)
    except SlackApiError as error:
        if slack_code(error) in HIDDEN:
            return False
        raise


async def _guests_read(channel_id: str, client: AsyncWebClient, desk: Desk, visitor: Visitor) -> bool:
    """Say whether a guest is in a channel, or may be."""
    async with desk.database.read() as session:
        tenant = await workspace.get(session, visitor.workspace_id)
        guests = await person.guests(session, visitor.workspace_id)
    if tenant is None or tenant.guests_listed_at is None:
        return True
    cursor = None if guests else ""
    while cursor != "":
        page = await client.conversations_members(channel=channel_id, limit=MEMBERS_PAGE, cursor=cursor)
        if guests.intersection(page["members"]):
            return True
        cursor = (page.get("response_metadata") or {}).get("next_cursor") or ""
    return False
