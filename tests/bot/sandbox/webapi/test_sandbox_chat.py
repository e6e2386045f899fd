"""Posting, changing and taking back messages."""

from typing import Any

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox import Fault, Sandbox
from bot.sandbox.people import ACME, BOARD, DANA, DEALS, GENERAL, OLD_NEWS, OLGA, REVENUE, SLACKBOT
from bot.sandbox.records import Shown

PNG = b"\x89PNG\r\n\x1a\n" + bytes(8)
SECTION = {"type": "section", "text": {"type": "mrkdwn", "text": "Hello"}}
METADATA = {"event_type": "delivery", "event_payload": {"delivery_id": "d1"}}


@pytest.fixture
async def member(client: AsyncWebClient) -> AsyncWebClient:
    """Give a client whose bot is in #revenue."""
    await client.conversations_join(channel=REVENUE)
    return client


@pytest.mark.parametrize("channel", [REVENUE, "#revenue", "revenue"])
async def test_a_message_goes_to_a_channel_by_id_or_name(member: AsyncWebClient, channel: str) -> None:
    answer = await member.chat_postMessage(channel=channel, text="Hi", metadata=METADATA)
    assert answer["channel"] == REVENUE
    assert answer["message"]["text"] == "Hi"
    assert answer["message"]["metadata"] == METADATA
    assert answer["message"]["bot_profile"]["name"] == "Sample"


async def test_a_message_to_a_person_opens_the_direct_conversation_once(
    client: AsyncWebClient, sandbox: Sandbox
) -> None:
    first = await client.chat_postMessage(channel=DANA, text="Hi")
    second = await client.chat_postMessage(channel=DANA, text="Hi again")
    assert first["channel"] == second["channel"]
    assert [one.text for one in sandbox.state.channels[first["channel"]].messages.values()] == ["Hi", "Hi again"]


async def test_a_deactivated_person_can_still_be_written_to(client: AsyncWebClient) -> None:
    assert (await client.chat_postMessage(channel=OLGA, text="Hi"))["ok"]


async def test_a_borrowed_name_shows_and_sends_a_direct_message_through_slackbot(
    member: AsyncWebClient, sandbox: Sandbox
) -> None:
    answer = await member.chat_postMessage(channel=REVENUE, text="Hi", username="Deal desk", icon_emoji=":tada:")
    assert (answer["message"]["username"], answer["message"]["icons"]) == ("Deal desk", {"emoji": ":tada:"})
    direct = await member.chat_postMessage(channel=DANA, text="Hi", username="Deal desk")
    assert sandbox.state.channels[direct["channel"]].members == [SLACKBOT, DANA]


async def test_a_borrowed_name_is_ignored_without_its_scope(client_for: Any) -> None:
    client = client_for(scopes=["chat:write", "channels:join"])
    await client.conversations_join(channel=REVENUE)
    answer = await client.chat_postMessage(channel=REVENUE, text="Hi", username="Deal desk")
    assert "username" not in answer["message"]


@pytest.mark.parametrize(
    ("channel", "code"),
    [
        (GENERAL, "not_in_channel"),
        (OLD_NEWS, "is_archived"),
        (DEALS, "channel_not_found"),
        ("#deals-private", "channel_not_found"),
        ("C404", "channel_not_found"),
        ("U404", "channel_not_found"),
    ],
)
async def test_a_channel_that_cannot_be_posted_to_is_refused(
    client: AsyncWebClient, refused: Any, channel: str, code: str
) -> None:
    assert (await refused(client.chat_postMessage(channel=channel, text="Hi")))["error"] == code


async def test_the_public_scope_posts_without_membership(client_for: Any) -> None:
    client = client_for(scopes=["chat:write", "chat:write.public"])
    assert (await client.chat_postMessage(channel=GENERAL, text="Hi"))["ok"]


async def test_a_restricted_channel_answers_with_its_restriction(
    member: AsyncWebClient, sandbox: Sandbox, refused: Any
) -> None:
    sandbox.state.channels[REVENUE].restriction = "restricted_action_read_only_channel"
    answer = await refused(member.chat_postMessage(channel=REVENUE, text="Hi"))
    assert answer["error"] == "restricted_action_read_only_channel"
    assert (await member.conversations_info(channel=REVENUE))["channel"]["is_read_only"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({}, "no_text"),
        ({"text": ""}, "no_text"),
        ({"text": "a", "markdown_text": "b"}, "markdown_text_conflict"),
        ({"text": "a", "attachments": [{"text": "b"}] * 101}, "too_many_attachments"),
        ({"text": "a", "attachments": ["b"]}, "invalid_arguments"),
        ({"text": "a", "thread_ts": "1.000000"}, "cannot_reply_to_message"),
        ({"text": "a", "metadata": {"event_type": "x"}}, "invalid_metadata_format"),
        ({"text": "a", "metadata": {"event_type": "x", "event_payload": "y"}}, "invalid_metadata_schema"),
        ({"text": "a", "metadata": {"event_type": "x", "event_payload": {"y": "z" * 9000}}}, "metadata_too_large"),
        ({"text": "a", "blocks": "[not json"}, "invalid_blocks_format"),
        ({"text": "a", "blocks": [{"type": "nonsense"}]}, "invalid_blocks"),
        ({"text": "a", "attachments": [{"blocks": [{"type": "nonsense"}]}]}, "invalid_blocks"),
    ],
)
async def test_content_that_slack_refuses_is_refused(
    member: AsyncWebClient, refused: Any, arguments: dict[str, Any], code: str
) -> None:
    call = member.api_call("chat.postMessage", json={"channel": REVENUE, **arguments})
    assert (await refused(call))["error"] == code


BARS = {
    "type": "bar",
    "series": [{"name": "MRR", "data": [{"label": "Mon", "value": 1}]}],
    "axis_config": {"categories": ["Mon"]},
}
CHART = {"type": "data_visualization", "title": "MRR", "chart": BARS}
NO_CHART = "[ERROR] unsupported type: data_visualization [json-pointer:/blocks/1/type]"
NO_PICTURE = "[ERROR] downloading image failed [json-pointer:/blocks/0/{}]"


def picture(url: str = "https://example.com/a.png") -> dict[str, Any]:
    return {"type": "image", "image_url": url, "alt_text": "A"}


@pytest.mark.parametrize(
    ("shows", "messages"),
    [("charts", None), ("pictures", [NO_CHART]), ("words", [NO_CHART, NO_PICTURE.format("image_url")])],
)
async def test_a_workspace_refuses_what_its_messages_cannot_show(
    member: AsyncWebClient, sandbox: Sandbox, refused: Any, shows: Shown, messages: list[str] | None
) -> None:
    sandbox.state.workspaces[ACME].shows = shows
    posting = member.chat_postMessage(channel=REVENUE, text="a", blocks=[picture(), CHART])
    if messages is None:
        await posting
    else:
        answer = await refused(posting)
        assert (answer["error"], answer["response_metadata"]["messages"]) == ("invalid_blocks", messages)


async def test_a_picture_on_this_machine_is_fetched_when_it_is_posted(
    member: AsyncWebClient, sandbox: Sandbox, refused: Any
) -> None:
    uploaded = await member.files_upload_v2(content=PNG, filename="a.png", title="A")
    there, page, nobody = uploaded["file"]["url_private"], f"{sandbox.url}/", "http://127.0.0.1:9/a.png"
    posted = await member.chat_postMessage(channel=REVENUE, text="a", blocks=[picture(there)])
    for url in (page, f"{sandbox.url}/nothing.png", nobody):
        answer = await refused(member.chat_postMessage(channel=REVENUE, text="a", blocks=[picture(url)]))
        assert answer["response_metadata"]["messages"] == [NO_PICTURE.format("image_url")]
    beside = {**SECTION, "accessory": picture(nobody)}
    answer = await refused(member.chat_update(channel=REVENUE, ts=posted["ts"], text="a", blocks=[beside]))
    assert answer["response_metadata"]["messages"] == [NO_PICTURE.format("accessory/image_url")]


async def test_a_refused_block_is_pointed_at(member: AsyncWebClient, refused: Any) -> None:
    header = {"type": "header", "text": {"type": "plain_text", "text": "x" * 151}}
    answer = await refused(member.chat_postMessage(channel=REVENUE, text="a", blocks=[SECTION, header]))
    [message] = answer["response_metadata"]["messages"]
    assert message == "[ERROR] must be less than 151 characters [json-pointer:/blocks/1/text/text]"


async def test_text_beyond_forty_thousand_characters_is_cut_with_a_warning(member: AsyncWebClient) -> None:
    answer = await member.chat_postMessage(channel=REVENUE, text="x" * 40_001)
    assert answer["warning"] == "message_truncated"
    assert len(answer["message"]["text"]) == 40_000


async def test_an_answer_joins_the_thread_of_the_first_message(member: AsyncWebClient, sandbox: Sandbox) -> None:
    first = await member.chat_postMessage(channel=REVENUE, text="First")
    second = await member.chat_postMessage(channel=REVENUE, text="Second", thread_ts=first["ts"])
    third = await member.chat_postMessage(channel=REVENUE, text="Third", thread_ts=second["ts"])
    assert third["message"]["thread_ts"] == first["ts"]
    assert [one.text for one in sandbox.state.channels[REVENUE].replies(first["ts"])] == ["Second", "Third"]


async def test_a_bot_changes_and_takes_back_its_own_message(member: AsyncWebClient, sandbox: Sandbox) -> None:
    posted = await member.chat_postMessage(channel=REVENUE, text="Hi", blocks=[SECTION], metadata=METADATA)
    changed = await member.chat_update(channel=REVENUE, ts=posted["ts"], text="Bye")
    assert (changed["text"], changed["message"]["edited"]["user"]) == ("Bye", posted["message"]["user"])
    assert changed["message"]["blocks"] == posted["message"]["blocks"]
    assert changed["message"]["metadata"] == METADATA
    without = await member.chat_update(channel=REVENUE, ts=posted["ts"], text="Bye", blocks=[], metadata={})
    assert not {"blocks", "metadata"} & without["message"].keys()
    await member.chat_delete(channel=REVENUE, ts=posted["ts"])
    assert not sandbox.state.channels[REVENUE].messages


async def test_what_is_not_its_own_a_bot_can_neither_change_nor_take_back(
    member: AsyncWebClient, sandbox: Sandbox, refused: Any
) -> None:
    theirs = sandbox.state.post(sandbox.state.channels[REVENUE], sandbox.state.people[DANA], text="Mine")
    change = member.chat_update(channel=REVENUE, ts=theirs.ts, text="Ours")
    assert (await refused(change))["error"] == "cant_update_message"
    assert (await refused(member.chat_delete(channel=REVENUE, ts=theirs.ts)))["error"] == "cant_delete_message"
    missing = member.chat_update(channel=REVENUE, ts="1.000001", text="Hi")
    assert (await refused(missing))["error"] == "message_not_found"


async def test_a_message_is_changed_only_while_the_workspace_and_its_channel_allow_it(
    member: AsyncWebClient, sandbox: Sandbox, refused: Any, clock: Any
) -> None:
    posted = await member.chat_postMessage(channel=REVENUE, text="Hi")
    change = {"channel": REVENUE, "ts": posted["ts"], "text": "Bye"}
    sandbox.state.workspaces[ACME].edit_minutes = 1
    await member.chat_update(**change)
    clock.at += 61
    assert (await refused(member.chat_update(**change)))["error"] == "edit_window_closed"
    sandbox.state.workspaces[ACME].edit_minutes = None
    sandbox.state.channels[REVENUE].is_archived = True
    assert (await refused(member.chat_update(**change)))["error"] == "is_inactive"


async def test_a_reply_is_posted_by_itself_where_it_is_told_to(member: AsyncWebClient, sandbox: Sandbox) -> None:
    first = await member.chat_postMessage(channel=REVENUE, text="First")
    sandbox.faults.add(Fault("unthread", method="chat.postMessage", times=1))
    second = await member.chat_postMessage(channel=REVENUE, text="Second", thread_ts=first["ts"])
    assert "thread_ts" not in second["message"]


async def test_a_changed_text_may_not_be_longer_than_four_thousand(member: AsyncWebClient, refused: Any) -> None:
    posted = await member.chat_postMessage(channel=REVENUE, text="Hi")
    change = member.chat_update(channel=REVENUE, ts=posted["ts"], text="x" * 4_001)
    assert (await refused(change))["error"] == "msg_too_long"


async def test_an_ephemeral_message_is_for_one_member_and_stays_out_of_history(
    member: AsyncWebClient, sandbox: Sandbox, refused: Any
) -> None:
    answer = await member.chat_postEphemeral(channel=REVENUE, user=DANA, text="Psst")
    assert sandbox.state.channels[REVENUE].ephemerals[answer["message_ts"]].ephemeral_for == DANA
    assert (await member.conversations_history(channel=REVENUE))["messages"] == []
    stranger = member.chat_postEphemeral(channel=REVENUE, user="U0GUS", text="Psst")
    assert (await refused(stranger))["error"] == "user_not_in_channel"


async def test_a_permalink_leads_to_the_message(member: AsyncWebClient, refused: Any) -> None:
    posted = await member.chat_postMessage(channel=REVENUE, text="Hi")
    answer = await member.chat_getPermalink(channel=REVENUE, message_ts=posted["ts"])
    assert answer["permalink"] == f"https://acme.slack.com/archives/{REVENUE}/p{posted['ts'].replace('.', '')}"
    hidden = member.chat_getPermalink(channel=BOARD, message_ts=posted["ts"])
    assert (await refused(hidden))["error"] == "channel_not_found"


async def test_a_link_is_unfurled_once_however_often_it_is_asked(member: AsyncWebClient, sandbox: Sandbox) -> None:
    url = "https://example.test/reports/1"
    channel = sandbox.state.channels[BOARD]
    posted = sandbox.state.post(channel, sandbox.state.people["U0ADA"], text=f"See <{url}>")
    for text in ("One", "Two"):
        unfurls = {url: {"blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": text}}]}}
        await member.chat_unfurl(channel=BOARD, ts=posted.ts, unfurls=unfurls)
    [attachment] = posted.attachments or []
    assert (attachment["id"], attachment["is_app_unfurl"], attachment["from_url"]) == (1, True, url)
    assert attachment["blocks"][0]["text"]["text"] == "Two"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"ts": "1.1", "unfurls": {}}, "missing_channel"),
        ({"channel": REVENUE, "unfurls": {}}, "missing_ts"),
        ({"channel": "C404", "ts": "1.1", "unfurls": {}}, "cannot_find_channel"),
        ({"channel": REVENUE, "ts": "1.1", "unfurls": {}}, "cannot_find_message"),
        ({"unfurl_id": "C.1", "source": "composer", "unfurls": {}}, "invalid_unfurl_id"),
        ({"unfurl_id": "C.1", "unfurls": {}}, "missing_source"),
        ({"source": "composer", "unfurls": {}}, "missing_unfurl_id"),
        ({"unfurl_id": "C.1", "source": "nowhere", "unfurls": {}}, "invalid_source"),
    ],
)
async def test_an_unfurl_that_leads_nowhere_is_refused(
    client: AsyncWebClient, refused: Any, arguments: dict[str, Any], code: str
) -> None:
    assert (await refused(client.api_call("chat.unfurl", json=arguments)))["error"] == code


@pytest.mark.parametrize(
    ("unfurls", "code"),
    [
        (None, "missing_unfurls"),
        ([], "invalid_unfurls_format"),
        ({"https://example.test/other": {"text": "x"}}, "cannot_unfurl_url"),
        ({"https://elsewhere.test/1": {"text": "x"}}, "cannot_unfurl_url"),
        ({"https://example.test/1": {"blocks": [{"type": "nonsense"}]}}, "invalid_blocks"),
    ],
)
async def test_an_unfurl_of_something_else_is_refused(
    client: AsyncWebClient, sandbox: Sandbox, refused: Any, unfurls: Any, code: str
) -> None:
    said = "See <https://example.test/1> and <https://elsewhere.test/1>"
    posted = sandbox.state.post(sandbox.state.channels[REVENUE], sandbox.state.people[DANA], text=said)
    asked = {"channel": REVENUE, "ts": posted.ts, "unfurls": unfurls}
    assert (await refused(client.api_call("chat.unfurl", json=asked)))["error"] == code
