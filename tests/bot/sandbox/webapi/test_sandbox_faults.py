"""Misbehaviour on demand."""

import time
from typing import Any

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox import Fault, Sandbox
from bot.sandbox.people import ACME, GENERAL, GLOBEX, REVENUE


@pytest.fixture
async def member(client: AsyncWebClient) -> AsyncWebClient:
    await client.conversations_join(channel=REVENUE)
    return client


def texts(sandbox: Sandbox) -> list[str]:
    return [message.text for message in sandbox.state.channels[REVENUE].messages.values()]


async def test_an_error_500_does_nothing(member: AsyncWebClient, sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault("http_500", method="chat.postMessage", times=1))
    with pytest.raises((SlackApiError, aiohttp.ClientError)):
        await member.chat_postMessage(channel=REVENUE, text="One")
    await member.chat_postMessage(channel=REVENUE, text="Two")
    assert texts(sandbox) == ["Two"]
    assert [call.status for call in sandbox.state.calls][-2:] == [500, 200]


@pytest.mark.parametrize(("fault", "stored"), [("lose_response", ["One"]), ("drop_request", [])])
async def test_a_lost_answer_and_a_lost_request_look_the_same_to_the_app(
    member: AsyncWebClient, sandbox: Sandbox, fault: Any, stored: list[str]
) -> None:
    sandbox.faults.add(Fault(fault, method="chat.postMessage", times=1))
    with pytest.raises(aiohttp.ClientError):
        await member.chat_postMessage(channel=REVENUE, text="One")
    assert texts(sandbox) == stored
    assert sandbox.state.calls[-1].fault == fault


async def test_a_delay_comes_before_the_answer(member: AsyncWebClient, sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault("delay", seconds=0.2, times=1))
    before = time.monotonic()
    await member.chat_postMessage(channel=REVENUE, text="One")
    assert time.monotonic() - before >= 0.2


async def test_a_history_without_metadata_says_only_of_what_type_it_was(
    member: AsyncWebClient, sandbox: Sandbox
) -> None:
    metadata = {"event_type": "told", "event_payload": {"id": "1"}}
    await member.chat_postMessage(channel=REVENUE, text="One", metadata=metadata)
    sandbox.faults.add(Fault("no_metadata", method="conversations.history", times=1))
    answers = [await member.conversations_history(channel=REVENUE, include_all_metadata=True) for _ in range(2)]
    told = [(one["messages"][0]["text"], one["messages"][0].get("metadata")) for one in answers]
    assert told == [("One", {"event_type": "told"}), ("One", metadata)]


async def test_a_limit_says_how_long_to_wait(member: AsyncWebClient, sandbox: Sandbox, refused: Any) -> None:
    sandbox.faults.add(Fault("limit", channel=REVENUE, retry_after=7, times=1))
    answer = await refused(member.chat_postMessage(channel=REVENUE, text="One"))
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "7")


async def test_an_error_is_answered_with_its_code(member: AsyncWebClient, sandbox: Sandbox, refused: Any) -> None:
    sandbox.faults.add(Fault("error", method="chat.postMessage", code="fatal_error"))
    for _ in range(2):
        assert (await refused(member.chat_postMessage(channel=REVENUE, text="One")))["error"] == "fatal_error"
    sandbox.faults.clear()
    assert (await member.chat_postMessage(channel=REVENUE, text="Two"))["ok"]


async def test_a_fault_concerns_only_what_it_names(client_for: Any, sandbox: Sandbox, refused: Any) -> None:
    acme, globex = client_for(ACME), client_for(GLOBEX, by="U1GINA")
    sandbox.faults.add(Fault("error", workspace=GLOBEX))
    sandbox.faults.add(Fault("error", channel=GENERAL))
    assert (await acme.auth_test())["ok"]
    assert (await acme.conversations_info(channel=REVENUE))["ok"]
    assert (await refused(acme.conversations_info(channel=GENERAL)))["error"] == "internal_error"
    assert (await refused(globex.auth_test()))["error"] == "internal_error"


@pytest.mark.parametrize("asked", [{}, {"fault": "explode"}, {"fault": "delay", "minutes": 3}])
def test_what_is_no_fault_is_refused(sandbox: Sandbox, asked: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="fault"):
        sandbox.faults.add_from(asked)


def test_a_fault_can_be_described_in_json(sandbox: Sandbox) -> None:
    fault = sandbox.faults.add_from({"fault": "limit", "method": "chat.postMessage", "retry_after": 3, "times": 2})
    assert fault == Fault("limit", method="chat.postMessage", retry_after=3, times=2)
