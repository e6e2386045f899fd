"""Messages and mentions: what the app hears of them, and what Slackbot asks."""

from typing import Any

import pytest

from bot.sandbox.errors import NotPossibleError


@pytest.fixture
def ready(world: Any) -> Any:
    world.install()
    world.status = 200
    return world


async def settled(world: Any) -> None:
    await world.sandbox.outbound.settled()


async def test_a_mention_in_a_channel_with_the_bot_is_told(ready: Any) -> None:
    await ready.dana.invite("C0DEALS", ready.bot)
    ts = await ready.dana.say("C0DEALS", f"Good morning <@{ready.bot}> & co")
    await settled(ready)
    event = ready.events("app_mention")[0]["event"]
    assert (event["user"], event["channel"], event["ts"]) == ("U0DANA", "C0DEALS", ts)
    assert event["text"] == f"Good morning <@{ready.bot}> &amp; co"
    assert event["blocks"][0]["elements"][0]["elements"][1] == {"type": "user", "user_id": ready.bot}


async def test_a_mention_by_name_is_a_mention(ready: Any) -> None:
    await ready.dana.invite("C0DEALS", ready.bot)
    await ready.dana.say("C0DEALS", "@echo hello")
    await settled(ready)
    assert ready.events("app_mention")[0]["event"]["text"] == f"<@{ready.bot}> hello"


async def test_inviting_by_a_mention_brings_both_events_with_the_original_message(ready: Any) -> None:
    ts = await ready.dana.say("C0DEALS", f"<@{ready.bot}> hello")
    await settled(ready)
    assert ready.received == []
    question = (await ready.dana.messages("C0DEALS"))[-1]
    assert question.author == "Slackbot"
    assert question.is_ephemeral
    assert question.words.startswith(f"You mentioned <@{ready.bot}>, but they’re not in this private channel.")
    assert question.buttons == ["Invite Them", "Do Nothing"]
    assert [one.author for one in await ready.ada.messages("C0DEALS")] == ["Dana Reyes"]

    await question.click("Invite Them")
    await settled(ready)
    joined = ready.events("member_joined_channel")[0]["event"]
    assert (joined["user"], joined["channel"], joined["inviter"]) == (ready.bot, "C0DEALS", "U0DANA")
    assert ready.events("app_mention")[0]["event"]["ts"] == ts
    assert [one.author for one in await ready.dana.messages("C0DEALS")] == ["Dana Reyes"]


async def test_doing_nothing_tells_the_app_nothing(ready: Any) -> None:
    await ready.dana.say("C0WINS", f"<@{ready.bot}> hello")
    question = (await ready.dana.messages("C0WINS"))[-1]
    await question.click("Do Nothing")
    await settled(ready)
    assert ready.received == []
    assert len(await ready.dana.messages("C0WINS")) == 1


async def test_an_uninstalled_app_is_not_asked_about(ready: Any) -> None:
    bot = ready.bot
    await ready.browser.control("uninstall", workspace="T0ACME")
    await ready.dana.say("C0WINS", f"<@{bot}> hello")
    await settled(ready)
    assert len(await ready.dana.messages("C0WINS")) == 1
    assert ready.events("app_uninstalled")


async def test_removing_the_bot_makes_a_mention_a_question_again(ready: Any) -> None:
    await ready.dana.invite("C0DEALS", ready.bot)
    await ready.ada.kick("C0DEALS", ready.bot)
    await ready.dana.say("C0DEALS", f"<@{ready.bot}> hello")
    assert (await ready.dana.messages("C0DEALS"))[-1].author == "Slackbot"


@pytest.mark.parametrize(
    ("channel", "why"),
    [
        ("C0BOARD", "sees no channel"),
        ("#ext-partners", "Dana Reyes is not in #ext-partners"),
        ("C1SALES", "sees no channel"),
    ],
)
async def test_a_person_speaks_only_where_they_are(ready: Any, channel: str, why: str) -> None:
    with pytest.raises(NotPossibleError, match=why):
        await ready.dana.say(channel, "hello")


async def test_nobody_speaks_in_an_archived_channel_or_to_a_read_only_app(ready: Any) -> None:
    with pytest.raises(NotPossibleError, match="is archived"):
        await ready.ada.say("#old-news", "hello")
    await ready.dana.do("home", tab="messages")
    assert ready.events("app_home_opened")[0]["event"]["tab"] == "messages"
    direct = ready.events("app_home_opened")[0]["event"]["channel"]
    with pytest.raises(NotPossibleError, match="has been turned off"):
        await ready.dana.say(direct, "hello")


async def test_people_join_and_leave(ready: Any) -> None:
    await ready.dana.join("#ext-partners")
    await ready.dana.say("#ext-partners", "hello")
    gina = ready.browser.person("T0GLOBEX", "U1GINA")
    assert (await gina.messages("#ext-partners"))[-1].words == "hello"
    await ready.dana.leave("#ext-partners")
    with pytest.raises(NotPossibleError, match="let them join first"):
        await ready.dana.say("#ext-partners", "hello")


async def test_somebody_of_another_workspace_clicks_under_their_own_flag(ready: Any) -> None:
    client = ready.client()
    await client.conversations_join(channel="C0PARTNERS")
    button = {"type": "button", "action_id": "go", "text": {"type": "plain_text", "text": "Go"}}
    await client.chat_postMessage(channel="C0PARTNERS", text="Hi", blocks=[{"type": "actions", "elements": [button]}])
    gina = ready.browser.person("T0GLOBEX", "U1GINA")
    await (await gina.messages("#ext-partners"))[-1].click("Go")
    click = ready.payloads("block_actions")[0]
    assert (click["team"]["id"], click["user"]["team_id"]) == ("T0ACME", "T0GLOBEX")


async def test_metadata_is_for_witnesses_only(ready: Any) -> None:
    client = ready.client()
    await client.conversations_join(channel="C0WINS")
    metadata = {"event_type": "delivery", "event_payload": {"delivery_id": "d1"}}
    await client.chat_postMessage(channel="C0WINS", text="Hi", metadata=metadata)
    assert (await ready.browser.stored("T0ACME", "C0WINS"))[0]["metadata"] == metadata
    assert "metadata" not in (await ready.dana.messages("#wins"))[0]


async def test_what_happens_to_a_workspace_can_be_directed(ready: Any) -> None:
    await ready.browser.control("archive", channel="C0WINS")
    with pytest.raises(NotPossibleError, match="is archived"):
        await ready.dana.say("#wins", "hello")
    await ready.browser.control("unarchive", channel="C0WINS")
    await ready.browser.control("rename", channel="C0WINS", name="victories")
    await ready.dana.say("#victories", "hello")
    await ready.browser.control("deactivate", user="U0DANA")
    with pytest.raises(NotPossibleError, match="deactivated"):
        await ready.dana.say("#victories", "hello")
    with pytest.raises(NotPossibleError, match="Name one of these with “do”: archive, unarchive"):
        await ready.browser.control("explode")
    with pytest.raises(NotPossibleError, match="Say which one with “channel”"):
        await ready.browser.control("archive")


async def test_faults_are_ordered_and_cleared(ready: Any) -> None:
    client = ready.client()
    await client.conversations_join(channel="C0WINS")
    await ready.browser.fault("error", method="chat.postMessage", code="channel_is_limited_access")
    response = await client.api_call("auth.test")
    assert response["ok"]
    with pytest.raises(Exception, match="channel_is_limited_access"):
        await client.chat_postMessage(channel="C0WINS", text="Hi")
    await ready.browser.clear_faults()
    await client.chat_postMessage(channel="C0WINS", text="Hi")
    calls = await ready.browser.calls("chat.postMessage")
    assert [one["answer"]["ok"] for one in calls] == [False, True]
    with pytest.raises(NotPossibleError, match="Name one of these as the fault"):
        await ready.browser.fault("nonsense")


async def test_changes_wake_those_who_wait(ready: Any) -> None:
    seen = await ready.dana.sees()
    await ready.ada.say("#wins", "hello")
    answer = await ready.browser.ask("GET", "changes", {"since": seen["change"], "wait": "5"})
    assert answer["changes"][0]["what"]["channel"] == "C0WINS"
    nothing = await ready.browser.ask("GET", "changes", {"since": answer["count"], "wait": "0.01"})
    assert nothing["changes"] == []


async def test_only_json_is_taken_so_that_no_other_web_page_can_act(ready: Any) -> None:
    body = '{"workspace": "T0ACME", "as": "U0DANA", "channel": "#wins", "text": "hello"}'
    headers = {"Content-Type": "text/plain"}
    async with ready.browser.session.post(f"{ready.sandbox.url}/_sandbox/say", data=body, headers=headers) as response:
        assert response.status == 400
    assert await ready.dana.messages("#wins") == []
