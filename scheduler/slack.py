"""Slack's Web API as the scheduler uses it: one shared session, a token a call, and no automatic retry.

The SDK's own retry would post a message twice after a connection reset; whether to try again is decided by our table.
"""

from datetime import datetime, timedelta
from typing import Any

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient

from scheduler.messages.message import Message

TIMEOUT = 15
"""Seconds for one call; the lease of a lane outlasts it."""

EVENT_TYPE = "runrate_delivery"
CLOCKS_DIFFER = timedelta(seconds=5)
LATEST_ARRIVAL = timedelta(seconds=60)
"""When a message that was sent can have appeared in Slack, counted from our own start of the send."""

PAGE, MOST_PAGES = 200, 10


class Slack:
    """The calls that the scheduler makes."""

    def __init__(self, session: aiohttp.ClientSession, *, base_url: str) -> None:
        """Take the session that all calls share."""
        self._client = AsyncWebClient(base_url=base_url, session=session, timeout=TIMEOUT, retry_handlers=[])

    async def post(self, token: str, *, channel: str, message: Message, delivery_id: str) -> tuple[str, str]:
        """Post a message that carries its delivery's id; answer its channel and ts."""
        metadata = {"event_type": EVENT_TYPE, "event_payload": {"delivery_id": delivery_id}}
        response = await self._client.chat_postMessage(token=token, channel=channel, metadata=metadata, **message)
        return str(response["channel"]), str(response["ts"])

    async def join(self, token: str, channel: str) -> dict[str, Any]:
        """Enter a public channel; answer Slack's channel object."""
        response = await self._client.conversations_join(token=token, channel=channel)
        return dict(response["channel"])

    async def channel(self, token: str, channel: str) -> dict[str, Any]:
        """Ask about a channel."""
        response = await self._client.conversations_info(token=token, channel=channel)
        return dict(response["channel"])

    async def check(self, token: str) -> None:
        """Ask whether the token still works; raise what Slack answers if not."""
        await self._client.auth_test(token=token)

    async def find(self, token: str, *, channel: str, delivery_id: str, since: datetime) -> str | None:
        """Look for the message of a delivery in a channel's history; answer its ts, or None where it is not there."""
        oldest, latest = str((since - CLOCKS_DIFFER).timestamp()), str((since + LATEST_ARRIVAL).timestamp())
        cursor = None
        for _ in range(MOST_PAGES):
            page = await self._client.conversations_history(
                token=token,
                channel=channel,
                oldest=oldest,
                latest=latest,
                limit=PAGE,
                include_all_metadata=True,
                cursor=cursor,
            )
            for message in page["messages"]:
                payload = message.get("metadata", {}).get("event_payload", {})
                if payload.get("delivery_id") == delivery_id:
                    return str(message["ts"])
            cursor = (page.get("response_metadata") or {}).get("next_cursor")
            if not cursor:
                return None
        return None
