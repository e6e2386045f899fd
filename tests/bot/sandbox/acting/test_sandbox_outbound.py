"""Signed delivery of events, with retries."""

import dataclasses
from typing import Any

import pytest
from slack_sdk.signature import SignatureVerifier

from bot.sandbox.signing import signature


def test_the_signature_is_that_of_slacks_documentation() -> None:
    body = (
        b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V"
        b"&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text="
        b"&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN"
        b"&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
    )
    expected = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"
    assert signature("8f742231b10e8888abcd99yyyzzz85a5", "1531420618", body) == expected


async def test_a_signed_event_is_accepted(world: Any) -> None:
    world.install()
    opened = []

    @world.bolt.event("app_home_opened")
    async def remember(event: dict[str, Any]) -> None:
        opened.append(event)

    await world.dana.do("home")

    assert opened[0]["user"] == "U0DANA"
    assert opened[0]["tab"] == "home"
    assert "view" not in opened[0]
    headers = world.received[0].headers
    assert SignatureVerifier(world.app.signing_secret).is_valid_request(world.received[0].raw, headers)


async def test_an_event_signed_with_another_secret_is_refused(world: Any) -> None:
    world.install()
    stranger = dataclasses.replace(world.app, signing_secret="another")
    delivery = world.sandbox.outbound.send(stranger, world.sandbox.state.workspaces["T0ACME"], {"type": "app_mention"})
    await world.sandbox.outbound.settled()
    assert {answer.status for answer in delivery.answers} == {401}


async def test_the_challenge_of_a_request_url_is_answered(world: Any) -> None:
    assert await world.sandbox.outbound.verify_url(world.app)
    world.status = 404
    assert not await world.sandbox.outbound.verify_url(world.app)


async def test_a_failed_event_is_sent_three_more_times_with_the_reason(world: Any) -> None:
    world.install()
    world.status = 500
    await world.dana.do("home")
    await world.sandbox.outbound.settled()
    numbers = [one.headers.get("x-slack-retry-num") for one in world.received]
    assert numbers == [None, "1", "2", "3"]
    assert {one.headers.get("x-slack-retry-reason") for one in world.received} == {None, "http_error"}
    assert len({one.body["event_id"] for one in world.received}) == 1


async def test_no_retry_is_honoured(world: Any) -> None:
    world.install()
    world.status, world.headers = 500, {"X-Slack-No-Retry": "1"}
    await world.dana.do("home")
    await world.sandbox.outbound.settled()
    assert len(world.received) == 1


async def test_a_late_answer_counts_as_a_timeout(world: Any) -> None:
    world.install()
    world.sandbox.outbound.answer_seconds = 0.05

    @world.bolt.event("app_home_opened")
    async def dawdle() -> None:
        import asyncio  # noqa: PLC0415

        await asyncio.sleep(0.2)

    await world.dana.do("home")
    await world.sandbox.outbound.settled()
    assert world.received[1].headers["x-slack-retry-reason"] == "http_timeout"


async def test_an_app_that_is_away_gets_the_event_once_it_is_back(world: Any) -> None:
    world.install()
    away = dataclasses.replace(world.app, base_url="http://127.0.0.1:9")
    world.sandbox.state.apps[world.app.id] = away
    await world.dana.do("home")
    delivery = world.sandbox.outbound.deliveries[-1]
    await world.sandbox.outbound.settled()
    assert [answer.failure for answer in delivery.answers] == ["connection_failed"] * 4
    assert not delivery.delivered


async def test_an_event_that_nobody_subscribed_to_is_not_sent(world: Any) -> None:
    world.install()
    await world.browser.control("rename", channel="C0WINS", name="victories")
    await world.sandbox.outbound.settled()
    assert world.received == []


@pytest.mark.parametrize("workspace", ["T0ACME", "T0GLOBEX"])
async def test_an_event_names_the_workspace_and_the_bot_it_is_for(world: Any, workspace: str) -> None:
    world.install()
    world.install("T0GLOBEX", "U1GINA")
    person = {"T0ACME": "U0DANA", "T0GLOBEX": "U1HUGO"}[workspace]
    world.status = 200
    await world.browser.person(workspace, person).do("home")
    envelope = world.received[0].body
    installation = world.sandbox.state.installations[world.app.id, workspace]
    assert envelope["team_id"] == workspace
    assert envelope["api_app_id"] == world.app.id
    assert envelope["authorizations"][0]["user_id"] == installation.bot_user_id
