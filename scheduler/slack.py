"""Slack's Web API as the scheduler uses it: one shared session, a token a call, and no automatic retry.

The SDK's own retry would post a message twice after a connection reset; whether to try again is decided by our table.
The SDK's own time limit holds only for sessions that it opens itself, so that the limit is set here. Messages go out
past the SDK's client, which takes as long over each as aiohttp does.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any

import aiohttp
import orjson
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from models.delivery import POST, UPDATE
from models.thread import Reply
from scheduler.messages.message import Edited, Message, Unfurled, changed, payload

TIMEOUT = 15.0
"""Seconds for one question of ours; the lease of a lane outlasts five of them, which is the most that a send asks."""

EVENT_TYPE = "runrate_delivery"
CLOCKS_DIFFER = timedelta(minutes=2)
LATEST_ARRIVAL = timedelta(minutes=1)
"""When a message that was sent can have appeared in Slack, counted from our own start of the send."""

PAGE, MOST_PAGES = 200, 10
PEOPLE_PAGE = 500
TEAMS_PAGE = 200


class Slack:
    """The calls that the scheduler makes."""

    def __init__(self, session: aiohttp.ClientSession, *, base_url: str, timeout: float = TIMEOUT) -> None:
        """Take the session that all calls share, and after how many seconds a call raises `TimeoutError`."""
        self._client = AsyncWebClient(base_url=base_url, session=session, retry_handlers=[])
        self._session = session
        self._timeout = timeout
        self._headers = {"Content-Type": "application/json;charset=utf-8", **self._client.headers}
        self._limit = aiohttp.ClientTimeout(total=timeout)

    async def post(self, token: str, *, channel: str, message: Message, delivery_id: str) -> tuple[str, str]:
        """Post a message that carries its delivery's id; answer its channel and ts."""
        metadata = {"event_type": EVENT_TYPE, "event_payload": {"delivery_id": delivery_id}}
        posted = await self._say(POST, token, {"channel": channel, "metadata": metadata, **payload(message)})
        return str(posted["channel"]), str(posted["ts"])

    async def reply(self, token: str, *, under: Reply, message: Message, delivery_id: str) -> tuple[str, str, bool]:
        """Post a message under another; answer its channel and ts, and whether it stands there.

        Slack posts it by itself where the other one was just deleted.
        """
        metadata = {"event_type": EVENT_TYPE, "event_payload": {"delivery_id": delivery_id}}
        asked = {"thread_ts": under.ts, "reply_broadcast": under.is_broadcast, "metadata": metadata, **payload(message)}
        posted = await self._say(POST, token, {"channel": under.channel, **asked})
        stands = (posted.get("message") or {}).get("thread_ts") is not None
        return str(posted["channel"]), str(posted["ts"]), stands

    async def update(self, token: str, *, edited: Edited, message: Message) -> None:
        """Put a message in the place of a posted one, whose metadata stays; once more, it is replaced by the same."""
        await self._say(UPDATE, token, {"channel": edited.channel, "ts": edited.ts, **changed(message)})

    async def unfurl(self, token: str, *, channel: str, unfurled: Unfurled) -> None:
        """Put something under a link in somebody's message; once more, it is replaced by the same."""
        unfurls = {unfurled.url: {"blocks": unfurled.blocks}}
        async with asyncio.timeout(self._timeout):
            await self._client.chat_unfurl(token=token, channel=channel, ts=unfurled.message_ts, unfurls=unfurls)

    async def join(self, token: str, channel: str) -> dict[str, Any]:
        """Enter a public channel; answer Slack's channel object."""
        async with asyncio.timeout(self._timeout):
            response = await self._client.conversations_join(token=token, channel=channel)
        return dict(response["channel"])

    async def open(self, token: str, *, user_ids: Sequence[str]) -> str:
        """Open the group DM of some people, or find it open; answer its channel id."""
        async with asyncio.timeout(self._timeout):
            response = await self._client.conversations_open(token=token, users=list(user_ids))
        return str(response["channel"]["id"])

    async def channel(self, token: str, channel: str) -> dict[str, Any]:
        """Ask about a channel."""
        async with asyncio.timeout(self._timeout):
            response = await self._client.conversations_info(token=token, channel=channel)
        return dict(response["channel"])

    async def person(self, token: str, email: str) -> dict[str, Any]:
        """Find a person by e-mail address; answer Slack's user object."""
        response = await self._client.users_lookupByEmail(token=token, email=email)
        return dict(response["user"])

    async def user(self, token: str, user_id: str) -> dict[str, Any]:
        """Ask about a person; answer Slack's user object."""
        async with asyncio.timeout(self._timeout):
            response = await self._client.users_info(token=token, user=user_id)
        return dict(response["user"])

    async def everybody(self, token: str, workspace_id: str) -> AsyncIterator[list[dict[str, Any]]]:
        """List the people of a workspace, page by page, as Slack's user objects."""
        cursor = None
        while cursor != "":
            async with asyncio.timeout(self._timeout):
                page = await self._client.users_list(
                    token=token, team_id=workspace_id, limit=PEOPLE_PAGE, cursor=cursor
                )
            yield list(page["members"])
            cursor = (page.get("response_metadata") or {}).get("next_cursor") or ""

    async def workspaces(self, token: str) -> dict[str, str]:
        """Name the workspaces into which an organisation let us, by their ids."""
        named: dict[str, str] = {}
        cursor = None
        while cursor != "":
            async with asyncio.timeout(self._timeout):
                page = await self._client.auth_teams_list(token=token, limit=TEAMS_PAGE, cursor=cursor)
            named.update({team["id"]: team["name"] for team in page["teams"]})
            cursor = (page.get("response_metadata") or {}).get("next_cursor") or ""
        return named

    async def check(self, token: str) -> None:
        """Ask whether the token still works; raise what Slack answers if not."""
        async with asyncio.timeout(self._timeout):
            await self._client.auth_test(token=token)

    async def find(self, token: str, *, channel: str, delivery_id: str, since: datetime) -> str | None:
        """Look for the message of a delivery in a channel's history; answer its ts, or None where it is not there."""
        asked: dict[str, Any] = {
            "token": token,
            "channel": channel,
            "oldest": str((since - CLOCKS_DIFFER).timestamp()),
            "latest": str((since + LATEST_ARRIVAL + CLOCKS_DIFFER).timestamp()),
            "limit": PAGE,
            "include_all_metadata": True,
        }
        cursor = None
        async with asyncio.timeout(self._timeout):
            for _ in range(MOST_PAGES):
                page = await self._client.conversations_history(**asked, cursor=cursor)
                for message in page["messages"]:
                    if _delivery_id(message) == delivery_id:
                        return str(message["ts"])
                cursor = (page.get("response_metadata") or {}).get("next_cursor")
                if not cursor:
                    break
        return None

    async def _say(self, method: str, token: str, asked: dict[str, Any]) -> dict[str, Any]:
        """Call a method as the SDK's client would, and raise its error for what Slack refuses."""
        url = f"{self._client.base_url}{method}"
        async with self._session.post(
            url,
            data=orjson.dumps(asked),
            headers={**self._headers, "Authorization": f"Bearer {token}"},
            proxy=self._client.proxy,
            timeout=self._limit,
        ) as answer:
            data = _read(await answer.read())
            if answer.status == HTTPStatus.OK and data.get("ok"):
                return data
            refused = AsyncSlackResponse(
                client=self._client,
                http_verb="POST",
                api_url=url,
                req_args={},
                data=data,
                headers=dict(answer.headers),
                status_code=answer.status,
            )
        raise SlackApiError("Slack did not take the message", refused)  # type: ignore[no-untyped-call]


def _read(body: bytes) -> dict[str, Any]:
    """Read an answer; what isn't one of Slack's, such as a gateway's page, says nothing."""
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return answer if isinstance(answer, dict) else {}


def _delivery_id(message: dict[str, Any]) -> Any:
    return ((message.get("metadata") or {}).get("event_payload") or {}).get("delivery_id")
