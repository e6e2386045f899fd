"""The local Slack takes arguments from each place where a client may put them."""

from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import orjson
import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox import Sandbox
from bot.sandbox.people import DEALS, GENERAL, REVENUE

BLOCKS = [{"type": "section", "text": {"type": "mrkdwn", "text": "Hello"}}]
Send = Callable[..., Awaitable[dict[str, Any]]]


@pytest.fixture
def send(sandbox: Sandbox, client: AsyncWebClient, http: aiohttp.ClientSession) -> Send:
    async def request(verb: str, method: str, **options: Any) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {client.token}", **options.pop("headers", {})}
        async with http.request(verb, f"{sandbox.url}/api/{method}", headers=headers, **options) as response:
            return dict(orjson.loads(await response.read()))

    return request


@pytest.mark.parametrize("verb", ["GET", "POST"])
async def test_arguments_may_stand_in_the_query(send: Send, verb: str) -> None:
    answer = await send(verb, "conversations.info", params={"channel": REVENUE, "include_num_members": "1"})
    assert answer["channel"]["num_members"] == 5


async def test_arguments_may_stand_in_a_json_body(send: Send, sandbox: Sandbox) -> None:
    await send("POST", "conversations.join", json={"channel": REVENUE})
    answer = await send("POST", "chat.postMessage", json={"channel": REVENUE, "text": "Hi", "blocks": BLOCKS})
    assert answer["message"]["blocks"][0]["text"] == {"type": "mrkdwn", "text": "Hello"}


async def test_arguments_may_stand_in_a_form_with_structures_as_json_strings(send: Send) -> None:
    await send("POST", "conversations.join", data={"channel": REVENUE})
    form = {"channel": REVENUE, "text": "Hi", "blocks": orjson.dumps(BLOCKS).decode()}
    answer = await send("POST", "chat.postMessage", data=form)
    assert answer["message"]["blocks"][0]["type"] == "section"


@pytest.mark.parametrize("place", ["params", "json", "data"])
async def test_a_token_may_stand_among_the_arguments(
    sandbox: Sandbox, client: AsyncWebClient, http: aiohttp.ClientSession, place: str
) -> None:
    options: dict[str, Any] = {place: {"token": client.token}}
    async with http.post(f"{sandbox.url}/api/auth.test", **options) as response:
        assert orjson.loads(await response.read())["ok"]
    assert "token" not in sandbox.state.calls[-1].args


async def test_the_team_id_that_bolt_adds_to_each_call_is_taken(client: AsyncWebClient) -> None:
    for call in (client.auth_test, client.users_list, client.conversations_list):
        assert (await call(team_id="T0ACME"))["ok"]
    joined = await client.conversations_join(channel=GENERAL, team_id="T0ACME")
    posted = await client.chat_postMessage(channel=GENERAL, text="Hi", team_id="T0ACME")
    assert joined["ok"]
    assert posted["ok"]


@pytest.mark.parametrize(
    ("body", "kind", "code"),
    [
        (b"{", "application/json", "invalid_json"),
        (b"[]", "application/json", "json_not_object"),
        (b"<a/>", "text/xml", "invalid_post_type"),
    ],
)
async def test_a_body_that_is_no_set_of_arguments_is_refused(send: Send, body: bytes, kind: str, code: str) -> None:
    answer = await send("POST", "auth.test", data=body, headers={"Content-Type": kind})
    assert answer == {"ok": False, "error": code}


async def test_an_unknown_method_is_named(send: Send) -> None:
    assert (await send("POST", "chat.whisper"))["error"] == "unknown_method"


async def test_a_missing_argument_and_an_empty_one_are_told_apart(send: Send) -> None:
    missing = await send("POST", "conversations.info", json={})
    assert missing["error"] == "invalid_arguments"
    assert missing["response_metadata"]["messages"] == ["[ERROR] missing required field: channel"]
    assert (await send("POST", "conversations.info", json={"channel": ""}))["error"] == "channel_not_found"


async def test_api_test_repeats_its_arguments_and_the_error_asked_for(send: Send) -> None:
    assert await send("POST", "api.test", json={"foo": "bar"}) == {"ok": True, "args": {"foo": "bar"}}
    assert (await send("POST", "api.test", params={"error": "my_error"}))["error"] == "my_error"


async def test_every_call_is_witnessed_with_its_answer(sandbox: Sandbox, client: AsyncWebClient) -> None:
    await client.conversations_join(channel=REVENUE)
    posted = await client.chat_postMessage(channel=REVENUE, text="Hi")
    call = sandbox.state.calls[-1]
    assert (call.method, call.workspace_id, call.status) == ("chat.postMessage", "T0ACME", 200)
    assert call.args == {"channel": REVENUE, "text": "Hi"}
    assert call.answer["ts"] == posted["ts"]


async def test_a_refused_call_is_witnessed_too(sandbox: Sandbox, client: AsyncWebClient, refused: Any) -> None:
    await refused(client.conversations_info(channel=DEALS))
    assert sandbox.state.calls[-1].answer["error"] == "channel_not_found"
