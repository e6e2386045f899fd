"""Whether we can post to the channels that somebody chose, asked before it is promised."""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from handlers.desk import Desk, Visitor
from handlers.slack_code import slack_code
from handlers.together import together
from handlers.views.destination_form import not_invited
from models import channel
from models.channel import Absence, Channel
from models.wish import FieldError

GONE = {Absence.DELETED: "was deleted", Absence.DISCONNECTED: "isn't shared with this workspace any more"}
"""What became of channels into which nobody can invite us."""

CHECK_LIMIT = 1.5
"""Seconds for asking Slack about chosen channels that we don't know."""


async def check_channels(
    channel_ids: Sequence[str], client: AsyncWebClient, desk: Desk, visitor: Visitor
) -> list[Channel]:
    """Make sure that we can post to each channel, now or after joining it. Raises `FieldError` where we can't.

    What we are in and can post to is known already; Slack is asked about the rest at once. No private channel is named:
    whoever edits what somebody else made may not be in it.
    """
    async with desk.database.read() as session:
        known = await channel.known(session, visitor.workspace_id)
    trusted = [one for one in map(known.get, channel_ids) if one and one.is_member and not one.is_archived]
    doubtful = [one for one in channel_ids if one not in {certain.channel_id for certain in trusted}]
    found = await _ask(doubtful, client)
    hidden = [one for one, info in found.items() if not _is_enterable(info)]
    _refuse_gone(known[one] for one in hidden if one in known)
    if hidden:
        raise FieldError("recipients", not_invited(len(hidden)))
    async with desk.database.write() as session:
        checked = [
            await channel.remember(session, visitor.workspace_id, info, now=desk.now())
            for info in found.values()
            if info
        ]
    archived = next((one for one in checked if one.is_archived), None)
    if archived is not None:
        which = archived.public_name or "A private channel that you chose"
        raise FieldError("recipients", f"{which} is archived. Unarchive it, or choose another channel.")
    return [*trusted, *checked]


def _refuse_gone(hidden: Iterable[Channel]) -> None:
    """Refuse channels of which Slack told us that they are gone, by their names where anybody may read these."""
    for one in hidden:
        became = GONE.get(Absence(one.absence)) if one.absence else None
        if became is not None:
            which = one.public_name or "A private channel that you chose"
            raise FieldError("recipients", f"{which} {became}. Choose another channel.")


def _is_enterable(info: dict[str, Any] | None) -> bool:
    """Say whether we are in a channel or can enter it by ourselves; one that we can't even see is None."""
    return info is not None and bool(info.get("is_member") or not info.get("is_private"))


async def _ask(channel_ids: Sequence[str], client: AsyncWebClient) -> dict[str, dict[str, Any] | None]:
    """Ask Slack about channels, all at once; None for one that we can't see."""
    try:
        async with asyncio.timeout(CHECK_LIMIT), together() as group:
            answers = {one: group.create_task(_ask_one(one, client)) for one in channel_ids}
    except TimeoutError as error:
        raise FieldError("recipients", "Slack didn't say in time whether I can post there. Save again.") from error
    return {channel_id: answer.result() for channel_id, answer in answers.items()}


async def _ask_one(channel_id: str, client: AsyncWebClient) -> dict[str, Any] | None:
    try:
        answer = await client.conversations_info(channel=channel_id)
    except SlackApiError as error:
        if slack_code(error) == "channel_not_found":
            return None
        raise
    return dict(answer["channel"])
