"""The benchmark's processes: the bare Slack counts what came, and one that dies is told of with its last words."""

from pathlib import Path

import aiohttp
import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.bench import child
from bot.bench.child import ChildDiedError
from bot.bench.stub import stub


async def test_the_stub_counts_posts_and_notes_when_each_mark_came(tmp_path: Path) -> None:
    async with stub(tmp_path) as slack, aiohttp.ClientSession() as session:
        client = AsyncWebClient(base_url=slack.url, session=session, retry_handlers=[])
        before = await slack.count()
        for mark in (7, 8, 7):
            answer = await client.chat_postMessage(token="x", channel="C1", text=f"Mark{mark:07} and more")
            assert answer["ok"]
        await client.auth_test(token="x")
        after, marks = await slack.count(), await slack.marks()
    assert (after["requests"], after["posts"]) == (4, 3)
    assert {mark: len(instants) for mark, instants in marks.items()} == {7: 2, 8: 1}
    assert before["at"] < marks[7][0] < marks[8][0] < marks[7][1] == after["last_at"] < after["at"]
    assert 0 < child.share(before, after) < 1


async def test_a_source_s_movements_are_known_again_at_the_stub(tmp_path: Path) -> None:
    async with stub(tmp_path) as slack, child.started("bot.bench.traffic", tmp_path) as traffic:
        told = await traffic.ask(what="posts", slack_url=slack.url, rate=50, seconds=0.4)
        assert len(told["took"]) == (await slack.count())["posts"] == 20
        sent = await traffic.ask(what="offer", urls=[slack.url], rate=100, seconds=0.2, batch=10, first=40)
        assert sorted(map(int, sent["sent"])) == list(range(40, 60))
        assert (await slack.count())["requests"] == 22


async def test_a_process_that_dies_is_told_of_with_what_it_said_last(tmp_path: Path) -> None:
    with pytest.raises(ChildDiedError, match="KeyError: 'database_url'"):
        async with child.started("bot.bench.app", tmp_path):
            pass
