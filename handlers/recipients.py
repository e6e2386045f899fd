"""Whether we can tell those whom somebody chose: their channels and people, asked before it is promised."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from handlers.channels import CHECK_LIMIT, check_channels
from handlers.desk import Desk, Visitor
from handlers.slack_code import slack_code
from handlers.together import together
from handlers.views.recipients import PEOPLE, Unfit, unfit_people, unseen_people
from models import person
from models.channel import Channel
from models.wish import FieldError

UNSEEN = {"user_not_found", "user_not_visible", "users_not_found"}
SLACKBOT = "USLACKBOT"
"""The one app that Slack doesn't call a bot."""


async def check_recipients(
    channel_ids: Sequence[str], user_ids: Sequence[str], client: AsyncWebClient, desk: Desk, visitor: Visitor
) -> list[Channel]:
    """Make sure that we can tell each channel and person, and give the channels. Raises `FieldError` where we can't."""
    async with together() as group:
        checked = group.create_task(check_channels(channel_ids, client, desk, visitor))
        group.create_task(_check_people(user_ids, client, desk, visitor))
    return checked.result()


async def _check_people(user_ids: Sequence[str], client: AsyncWebClient, desk: Desk, visitor: Visitor) -> None:
    """Let MRR go to full members of the workspace, and to nobody else."""
    found = await _ask(user_ids, client)
    for because in Unfit:
        names = [_name(user) for user in found if _unfit(user, visitor.workspace_id) is because]
        if names:
            raise FieldError(PEOPLE, unfit_people(because, names))
    async with desk.database.write() as session:
        for user in found:
            await person.remember(session, visitor.workspace_id, user, now=desk.now())


def _unfit(user: dict[str, Any], workspace_id: str) -> Unfit | None:
    """Say why somebody can't be told, if so."""
    if user.get("is_bot") or user["id"] == SLACKBOT:
        return Unfit.APP
    if user.get("deleted"):
        return Unfit.LEFT
    if person.is_of_another_workspace(user, workspace_id):
        return Unfit.ELSEWHERE
    return Unfit.GUEST if person.is_guest_in_slack(user, workspace_id) else None


def _name(user: Mapping[str, Any]) -> str:
    profile = user.get("profile") or {}
    return str(profile.get("real_name") or profile.get("display_name") or user.get("name") or user["id"])


async def _ask(user_ids: Sequence[str], client: AsyncWebClient) -> list[dict[str, Any]]:
    """Ask Slack about people, all at once: what we know of them doesn't say everything."""
    try:
        async with asyncio.timeout(CHECK_LIMIT), together() as group:
            answers = [group.create_task(client.users_info(user=user_id)) for user_id in user_ids]
    except TimeoutError as error:
        raise FieldError(PEOPLE, "Slack didn't say in time who these people are. Save again.") from error
    except SlackApiError as error:
        if slack_code(error) in UNSEEN:
            raise FieldError(PEOPLE, unseen_people()) from error
        raise
    return [answer.result()["user"] for answer in answers]
