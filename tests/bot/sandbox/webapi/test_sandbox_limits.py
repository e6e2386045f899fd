"""How fast an app may call."""

from typing import Any

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox import Limits
from bot.sandbox.limits import UNLIMITED, Limiter
from bot.sandbox.people import ACME, GLOBEX, REVENUE, WINS


@pytest.fixture
def limits() -> Limits:
    return Limits(burst=2, workspace_messages=5, tiers={2: 3})


@pytest.fixture
async def member(client: AsyncWebClient) -> AsyncWebClient:
    for channel in (REVENUE, WINS):
        await client.conversations_join(channel=channel)
    return client


async def posted(client: AsyncWebClient, channel: str, times: int) -> int:
    return sum([bool((await client.chat_postMessage(channel=channel, text="Hi"))["ok"]) for _ in range(times)])


async def test_a_channel_takes_a_burst_then_one_message_a_second(
    member: AsyncWebClient, clock: Any, refused: Any
) -> None:
    assert await posted(member, REVENUE, 2) == 2
    answer = await refused(member.chat_postMessage(channel=REVENUE, text="Hi"))
    assert (answer.status_code, answer.data) == (429, {"ok": False, "error": "ratelimited"})
    assert answer.headers["Retry-After"] == "1"
    assert await posted(member, WINS, 1) == 1
    clock.advance(1)
    assert await posted(member, REVENUE, 1) == 1
    assert (await refused(member.chat_postMessage(channel=REVENUE, text="Hi")))["error"] == "ratelimited"


async def test_a_workspace_takes_so_many_messages_a_minute(member: AsyncWebClient, refused: Any) -> None:
    assert await posted(member, REVENUE, 2) + await posted(member, WINS, 2) == 4
    assert (await member.chat_postMessage(channel="U0DANA", text="Hi"))["ok"]
    answer = await refused(member.chat_postMessage(channel="U0LIAM", text="Hi"))
    assert answer.headers["Retry-After"] == "12"


async def test_a_refused_message_is_not_stored(member: AsyncWebClient, sandbox: Any, refused: Any) -> None:
    await posted(member, REVENUE, 2)
    await refused(member.chat_postMessage(channel=REVENUE, text="Hi"))
    assert len(sandbox.state.channels[REVENUE].messages) == 2


async def test_a_method_has_a_tier_in_each_workspace(client_for: Any, clock: Any, refused: Any) -> None:
    acme, globex = client_for(ACME), client_for(GLOBEX, by="U1GINA")
    for _ in range(3):
        await acme.conversations_list()
    answer = await refused(acme.conversations_list())
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "20")
    assert (await acme.users_list())["ok"]
    assert (await globex.conversations_list())["ok"]
    clock.advance(20)
    assert (await acme.conversations_list())["ok"]


def test_the_default_limits_are_slacks() -> None:
    limits = Limits()
    assert (limits.messages_per_second, limits.workspace_messages) == (1.0, 300)
    assert limits.tiers == {1: 1, 2: 20, 3: 50, 4: 100}


def test_limits_can_be_switched_off() -> None:
    limiter = Limiter(UNLIMITED, lambda: 0.0)
    assert {limiter.message_wait("A", "T", "C") for _ in range(1_000)} == {0}
    assert {limiter.method_wait(1, "api.test", "A", "T") for _ in range(1_000)} == {0}
