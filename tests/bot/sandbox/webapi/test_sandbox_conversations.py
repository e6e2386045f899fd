"""Finding, entering and leaving conversations, and reading their history."""

from typing import Any

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox import Sandbox
from bot.sandbox.people import (
    ADA,
    BOARD,
    DANA,
    DEALS,
    GENERAL,
    LIAM,
    OLD_NEWS,
    OLGA,
    PARTNERS,
    REVENUE,
    WINS,
)

PUBLIC = [GENERAL, REVENUE, WINS, OLD_NEWS, PARTNERS]


async def pages(call: Any, key: str, **arguments: Any) -> list[list[Any]]:
    """Follow the cursors to the last page."""
    found, cursor = [], ""
    while True:
        answer = await call(cursor=cursor, **arguments)
        found.append(answer[key])
        cursor = answer["response_metadata"]["next_cursor"]
        if not cursor:
            return found


async def test_public_channels_are_listed_and_private_ones_only_to_members(
    client: AsyncWebClient, sandbox: Sandbox
) -> None:
    assert [one["id"] for one in (await client.conversations_list())["channels"]] == PUBLIC
    asked = {"types": "private_channel"}
    assert (await client.conversations_list(**asked))["channels"] == []
    await sandbox.state.join(sandbox.state.channels[DEALS], sandbox.state.bot("A0SAMPLE", "T0ACME"))  # type: ignore[arg-type]
    [deals] = (await client.conversations_list(**asked))["channels"]
    assert (deals["id"], deals["is_private"], deals["is_member"]) == (DEALS, True, True)


async def test_a_list_comes_in_pages_that_may_be_short(client: AsyncWebClient) -> None:
    whole = await pages(client.conversations_list, "channels", limit=2)
    assert [[one["id"] for one in page] for page in whole] == [PUBLIC[:2], PUBLIC[2:4], PUBLIC[4:]]
    living = await pages(client.conversations_list, "channels", limit=2, exclude_archived=True)
    assert [len(page) for page in living] == [2, 1, 1]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"cursor": "nonsense"}, "invalid_cursor"),
        ({"cursor": "bmV4dDpDNDA0"}, "invalid_cursor"),
        ({"limit": 1000}, "invalid_limit"),
        ({"limit": -1}, "invalid_limit"),
        ({"types": "public_channel,secret"}, "invalid_types"),
    ],
)
async def test_a_list_that_cannot_be_given_is_refused(
    client: AsyncWebClient, refused: Any, arguments: dict[str, Any], code: str
) -> None:
    assert (await refused(client.conversations_list(**arguments)))["error"] == code


async def test_each_kind_of_conversation_needs_its_own_scope(client_for: Any, refused: Any) -> None:
    client = client_for(scopes=["channels:read"])
    answer = await refused(client.conversations_list(types="public_channel,private_channel"))
    assert (answer["error"], answer["needed"]) == ("missing_scope", "groups:read")


async def test_a_bot_sees_its_own_conversations(client: AsyncWebClient) -> None:
    await client.conversations_join(channel=WINS)
    assert [one["id"] for one in (await client.users_conversations())["channels"]] == [WINS]
    theirs = (await client.users_conversations(user=LIAM))["channels"]
    assert [one["id"] for one in theirs] == [GENERAL, REVENUE, WINS, PARTNERS]


async def test_a_shared_channel_says_so(client: AsyncWebClient) -> None:
    channel = (await client.conversations_info(channel=PARTNERS))["channel"]
    assert (channel["is_ext_shared"], channel["shared_team_ids"]) == (True, ["T0ACME", "T0GLOBEX"])


async def test_a_private_channel_does_not_exist_for_strangers(client: AsyncWebClient, refused: Any) -> None:
    calls = [client.conversations_info, client.conversations_members, client.conversations_join]
    assert {(await refused(call(channel=BOARD)))["error"] for call in calls} == {"channel_not_found"}


async def test_members_come_in_pages(client: AsyncWebClient) -> None:
    found = await pages(client.conversations_members, "members", channel=REVENUE, limit=3)
    assert [len(page) for page in found] == [3, 2]
    assert found[0][:2] == [ADA, DANA]


async def test_joining_twice_is_harmless_and_told_once(client: AsyncWebClient, told: Any) -> None:
    first = await client.conversations_join(channel=REVENUE)
    assert first["channel"]["is_member"]
    again = await client.conversations_join(channel=REVENUE)
    assert again["warning"] == "already_in_channel"
    assert told.types() == ["member_joined_channel"]


async def test_an_archived_channel_cannot_be_joined(client: AsyncWebClient, refused: Any) -> None:
    assert (await refused(client.conversations_join(channel=OLD_NEWS)))["error"] == "is_archived"


async def test_a_private_channel_cannot_be_joined_even_by_a_member(
    client: AsyncWebClient, sandbox: Sandbox, refused: Any
) -> None:
    await sandbox.state.join(sandbox.state.channels[DEALS], sandbox.state.bot("A0SAMPLE", "T0ACME"))  # type: ignore[arg-type]
    answer = await refused(client.conversations_join(channel=DEALS))
    assert answer["error"] == "method_not_supported_for_channel_type"


async def test_a_bot_leaves_a_channel(client: AsyncWebClient, told: Any, refused: Any) -> None:
    await client.conversations_join(channel=REVENUE)
    assert (await client.conversations_leave(channel=REVENUE))["ok"]
    assert told.types() == ["member_joined_channel", "member_left_channel", "channel_left"]
    assert (await client.conversations_leave(channel=REVENUE))["not_in_channel"]
    assert (await refused(client.conversations_leave(channel=GENERAL)))["error"] == "cant_leave_general"


async def test_a_direct_conversation_is_opened_once(client: AsyncWebClient) -> None:
    first = await client.conversations_open(users=DANA)
    again = await client.conversations_open(users=[DANA], return_im=True)
    assert again["channel"]["id"] == first["channel"]["id"]
    assert (again["already_open"], again["channel"]["user"]) == (True, DANA)


async def test_a_group_conversation_is_the_same_whatever_the_order(client: AsyncWebClient) -> None:
    first = await client.conversations_open(users=[DANA, LIAM])
    again = await client.conversations_open(users=[LIAM, DANA], return_im=True)
    assert again["channel"]["id"] == first["channel"]["id"]
    assert again["channel"]["is_mpim"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"users": "U404"}, "user_not_found"),
        ({"users": OLGA}, "user_disabled"),
        ({"users": ""}, "users_list_not_supplied"),
        ({"users": ",".join(f"U{number}" for number in range(9))}, "too_many_users"),
        ({"channel": REVENUE}, "method_not_supported_for_channel_type"),
        ({"users": DANA, "prevent_creation": True}, "channel_not_found"),
    ],
)
async def test_a_conversation_that_cannot_be_opened_is_refused(
    client: AsyncWebClient, refused: Any, arguments: dict[str, Any], code: str
) -> None:
    assert (await refused(client.api_call("conversations.open", params=arguments)))["error"] == code


async def test_opening_needs_the_scope_of_its_kind(client_for: Any, refused: Any) -> None:
    client = client_for(scopes=["im:write"])
    assert (await client.conversations_open(users=DANA))["ok"]
    assert (await refused(client.conversations_open(users=[DANA, LIAM])))["needed"] == "mpim:write"


async def test_a_member_bot_invites_people(client: AsyncWebClient, told: Any, refused: Any) -> None:
    invite = client.conversations_invite
    assert (await refused(invite(channel=PARTNERS, users=DANA)))["error"] == "not_in_channel"
    await client.conversations_join(channel=PARTNERS)
    answer = await invite(channel=PARTNERS, users=[DANA])
    assert answer["channel"]["id"] == PARTNERS
    assert told.events[-1][1]["user"] == DANA
    assert (await refused(invite(channel=PARTNERS, users=DANA)))["error"] == "already_in_channel"
    assert (await refused(invite(channel=PARTNERS, users="U404")))["error"] == "user_not_found"


async def test_history_tells_metadata_only_when_it_is_asked_for(client: AsyncWebClient) -> None:
    await client.conversations_join(channel=REVENUE)
    metadata = {"event_type": "delivery", "event_payload": {"delivery_id": "d1"}}
    await client.chat_postMessage(channel=REVENUE, text="Hi", metadata=metadata)
    [stripped] = (await client.conversations_history(channel=REVENUE))["messages"]
    assert stripped["metadata"] == {"event_type": "delivery"}
    [whole] = (await client.conversations_history(channel=REVENUE, include_all_metadata=True))["messages"]
    assert whole["metadata"] == metadata


async def test_history_is_cut_in_time_and_comes_newest_first(client: AsyncWebClient, clock: Any) -> None:
    await client.conversations_join(channel=REVENUE)
    posted = []
    for text in ("One", "Two", "Three"):
        posted.append((await client.chat_postMessage(channel=REVENUE, text=text))["ts"])
        clock.advance(60)
    first, second, third = posted
    await client.chat_postMessage(channel=REVENUE, text="In the thread", thread_ts=first)

    async def texts(**arguments: Any) -> list[str]:
        answer = await client.conversations_history(channel=REVENUE, **arguments)
        return [message["text"] for message in answer["messages"]]

    assert await texts() == ["Three", "Two", "One"]
    assert await texts(oldest=first) == ["Three", "Two"]
    assert await texts(oldest=second, inclusive=True) == ["Three", "Two"]
    assert await texts(latest=third) == ["Two", "One"]
    assert await texts(oldest=str(int(float(second)) - 1)) == ["Three", "Two"]


async def test_history_comes_in_pages(client: AsyncWebClient) -> None:
    await client.conversations_join(channel=REVENUE)
    for number in range(5):
        await client.chat_postMessage(channel=REVENUE, text=str(number))
    found = await pages(client.conversations_history, "messages", channel=REVENUE, limit=2)
    assert [[message["text"] for message in page] for page in found] == [["4", "3"], ["2", "1"], ["0"]]


async def test_history_needs_its_scope_and_a_membership(client_for: Any, client: AsyncWebClient, refused: Any) -> None:
    assert (await refused(client.conversations_history(channel=REVENUE)))["error"] == "not_in_channel"
    assert (await refused(client.conversations_history(channel=REVENUE, oldest="soon")))["error"] == "not_in_channel"
    await client.conversations_join(channel=REVENUE)
    late = client.conversations_history(channel=REVENUE, oldest="soon")
    assert (await refused(late))["error"] == "invalid_ts_oldest"
    poor = client_for("T0GLOBEX", scopes=["chat:write", "groups:history"], by="U1GINA")
    assert (await refused(poor.conversations_history(channel="C1SALES")))["needed"] == "channels:history"
