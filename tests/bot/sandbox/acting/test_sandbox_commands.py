"""Slash commands, their answers, and the addresses to answer at later."""

import asyncio
from typing import Any

import pytest

from bot.sandbox.errors import NotPossibleError


@pytest.fixture
def ready(world: Any) -> Any:
    world.install()
    return world


def answering(world: Any, **said: Any) -> None:
    """Let the app answer /echo with this."""

    @world.bolt.command("/echo")
    async def answer(ack: Any) -> None:
        await ack(**said)


async def respond(world: Any, url: str, **body: Any) -> tuple[int, dict[str, Any]]:
    async with world.browser.session.post(url, json=body) as response:
        return response.status, await response.json()


async def test_a_command_arrives_as_a_form_with_all_its_fields(ready: Any) -> None:
    answering(ready)
    await ready.dana.run("/echo  new  one ", channel="C0DEALS")
    form = ready.received[0].body
    assert ready.received[0].headers["content-type"] == "application/x-www-form-urlencoded"
    assert (form["command"], form["text"]) == ("/echo", "new  one")
    assert (form["channel_id"], form["channel_name"], form["user_name"]) == ("C0DEALS", "privategroup", "dana")
    assert form["is_enterprise_install"] == "false"


@pytest.mark.parametrize(
    ("typed", "text"),
    [
        ("show #revenue", "show <#C0REVENUE|revenue>"),
        ("show <#C0DEALS>", "show <#C0DEALS|>"),
        ("for @liam.", "for <@U0LIAM|liam>."),
        ("#board-private and @nobody", "#board-private and @nobody"),
        ("R&D <b> @channel", "R&amp;D &lt;b&gt; <!channel>"),
        ("see https://example.com/a?b=1&c=2.", "see <https://example.com/a?b=1&amp;c=2>."),
    ],
)
async def test_names_in_a_command_become_references(ready: Any, typed: str, text: str) -> None:
    answering(ready)
    await ready.dana.run(f"/echo {typed}", channel="#revenue")
    assert ready.received[0].body["text"] == text


async def test_a_command_that_does_not_ask_for_it_gets_what_was_typed(ready: Any) -> None:
    @ready.bolt.command("/raw")
    async def answer(ack: Any) -> None:
        await ack()

    await ready.dana.run("/raw #revenue & <b>", channel="#revenue")
    assert ready.received[0].body["text"] == "#revenue & <b>"


async def test_an_answer_is_for_the_person_alone_unless_it_says_otherwise(ready: Any) -> None:
    answering(ready, text="Only you")
    answered = await ready.dana.run("/echo", channel="#revenue")
    assert (answered.words, answered.message.is_ephemeral, answered.message.author) == ("Only you", True, "Echo")
    assert "Only you" not in [one.words for one in await ready.ada.messages("#revenue")]


async def test_an_answer_for_the_channel_shows_the_command_as_well(ready: Any) -> None:
    answering(ready, text="All of you", response_type="in_channel")
    await ready.dana.run("/echo hello", channel="#revenue")
    assert [one.words for one in await ready.ada.messages("#revenue")] == ["/echo hello", "All of you"]


async def test_blocks_that_slack_refuses_are_no_answer(ready: Any) -> None:
    answering(ready, blocks=[{"type": "section"}])
    answered = await ready.dana.run("/echo", channel="#revenue")
    assert answered.error == '/echo failed with the error "invalid_blocks"'


async def test_a_command_that_opens_a_modal(ready: Any) -> None:
    @ready.bolt.command("/echo")
    async def open_modal(ack: Any, body: dict[str, Any], client: Any) -> None:
        view = {"type": "modal", "title": {"type": "plain_text", "text": "Opened"}, "blocks": [{"type": "divider"}]}
        await client.views_open(trigger_id=body["trigger_id"], view=view)
        await ack()

    answered = await ready.dana.run("/echo", channel="#revenue")
    assert answered.modal.title == "Opened"
    assert answered.message is None


async def test_a_late_answer_shows_slacks_sentence(ready: Any) -> None:
    ready.sandbox.outbound.answer_seconds = 0.05

    @ready.bolt.command("/echo")
    async def dawdle(ack: Any) -> None:
        await asyncio.sleep(0.2)
        await ack()

    answered = await ready.dana.run("/echo", channel="#revenue")
    assert answered.error == '/echo failed with the error "operation_timeout"'
    assert answered.words == answered.error
    assert answered.message.author == "Slackbot"


async def test_an_app_that_refuses_shows_slacks_sentence(ready: Any) -> None:
    ready.status = 500
    answered = await ready.dana.run("/echo", channel="#revenue")
    assert answered.error == '/echo failed with the error "dispatch_failed"'


async def test_a_command_needs_the_app_and_a_membership(world: Any) -> None:
    with pytest.raises(NotPossibleError, match="/echo is not a valid command"):
        await world.dana.run("/echo", channel="#revenue")
    world.install()
    with pytest.raises(NotPossibleError, match="sees no channel C0BOARD"):
        await world.dana.run("/echo", channel="C0BOARD")
    with pytest.raises(NotPossibleError, match="U0OLD"):
        await world.browser.person("T0GLOBEX", "U0OLD").run("/echo", channel="#general")
    with pytest.raises(NotPossibleError, match="Olga Petrov is deactivated"):
        await world.browser.person("T0ACME", "U0OLD").run("/echo", channel="#general")


async def test_a_response_url_answers_five_times(ready: Any) -> None:
    answering(ready)
    await ready.dana.run("/echo", channel="#revenue")
    url = ready.received[0].body["response_url"]
    for number in range(5):
        assert await respond(ready, url, text=f"Part {number}") == (200, {"ok": True})
    assert await respond(ready, url, text="Part 5") == (404, {"ok": False, "error": "used_url"})
    assert [one.words for one in await ready.dana.messages("#revenue")] == [f"Part {number}" for number in range(5)]


async def test_a_response_url_lasts_half_an_hour(ready: Any) -> None:
    answering(ready)
    await ready.dana.run("/echo", channel="#revenue")
    ready.ahead += 30 * 60 + 1
    url = ready.received[0].body["response_url"]
    assert await respond(ready, url, text="Late") == (404, {"ok": False, "error": "expired_url"})


@pytest.mark.parametrize("ephemeral", [False, True])
async def test_a_response_url_of_a_click_replaces_and_deletes_its_message(ready: Any, ephemeral: bool) -> None:
    urls = []

    @ready.bolt.action("go")
    async def remember(ack: Any, body: dict[str, Any]) -> None:
        urls.append(body["response_url"])
        await ack()

    button = {"type": "button", "action_id": "go", "text": {"type": "plain_text", "text": "Go"}}
    blocks = [{"type": "actions", "elements": [button]}]
    client = ready.client()
    await client.conversations_join(channel="C0REVENUE")
    if ephemeral:
        await client.chat_postEphemeral(channel="C0REVENUE", user="U0DANA", text="First", blocks=blocks)
    else:
        await client.chat_postMessage(channel="C0REVENUE", text="First", blocks=blocks)
    message = (await ready.dana.messages("#revenue"))[-1]
    assert await message.click("Go") is None
    click = ready.payloads("block_actions")[0]
    assert click["container"]["is_ephemeral"] is ephemeral
    assert ("message" in click) is not ephemeral

    await respond(ready, urls[0], text="Second", replace_original=True)
    assert [(one.words, one["ts"]) for one in await ready.dana.messages("#revenue")] == [("Second", message["ts"])]
    await respond(ready, urls[0], delete_original=True)
    assert await ready.dana.messages("#revenue") == []
