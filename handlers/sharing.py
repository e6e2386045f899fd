"""Answers that only one person sees: drawn as richly as Slack takes them, and shared with the channel from there."""

from collections.abc import Mapping, Sequence
from typing import Any

from slack_bolt.async_app import AsyncRespond
from slack_sdk.web.async_client import AsyncWebClient

from handlers.channels import check_channels
from handlers.desk import Desk, Visitor
from handlers.views import sharing as view
from handlers.views.answers import Answer
from models.base import UserError
from models.wish import FieldError

OK = 200
MEMBERS_PAGE = 1000


def channel_of(command: Mapping[str, Any]) -> str | None:
    """Give the channel in which something was typed; None for a conversation that we can't be invited to."""
    name = str(command.get("channel_name") or "")
    is_direct = str(command["channel_id"]).startswith("D") or name == "directmessage" or name.startswith("mpdm-")
    return None if is_direct else str(command["channel_id"])


async def answer(respond: AsyncRespond, forms: Sequence[Answer], *, replace_original: bool = False) -> None:
    """Answer in the first form that Slack takes."""
    for form in forms:
        answered = await respond(**form, replace_original=replace_original)
        if answered.status_code == OK:
            return


async def check(channel_id: str, client: AsyncWebClient, desk: Desk, visitor: Visitor, *, here: bool = True) -> None:
    """Make sure that something can be posted, and may be read by everybody there, by whoever asks included."""
    try:
        [place] = await check_channels([channel_id], client, desk, visitor)
    except FieldError as error:
        raise UserError(view.NOT_IN_HERE if here else view.NOT_IN_THERE) from error
    if not here and place.is_private and not await _is_in(channel_id, client, visitor):
        raise UserError(view.NOT_IN_THERE)
    if place.needs_confirmation:
        raise UserError(view.OUTSIDERS)


async def _is_in(channel_id: str, client: AsyncWebClient, visitor: Visitor) -> bool:
    """Say whether the visitor is in a channel."""
    cursor = None
    while cursor != "":
        page = await client.conversations_members(channel=channel_id, limit=MEMBERS_PAGE, cursor=cursor)
        if visitor.user_id in page["members"]:
            return True
        cursor = (page.get("response_metadata") or {}).get("next_cursor") or ""
    return False
