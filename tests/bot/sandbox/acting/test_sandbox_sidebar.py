"""The sidebar and the composer: who one is, where one can go, what is new, and what can be completed."""

import json
import re
from typing import Any

import pytest

from bot.sandbox.errors import NotPossibleError


@pytest.fixture
def ready(world: Any) -> Any:
    world.install()
    world.status = 200
    return world


def entry(page: Any, name: str) -> str:
    """Return the line of the sidebar with this name."""
    lines = re.findall(r"<li data-key=.*?</li>", page.html, re.DOTALL)
    return next(line for line in lines if f'<span class="name">{name}</span>' in line)


async def test_everybody_can_be_chosen_with_what_they_are(ready: Any) -> None:
    shown = await ready.page("U0ADA", "home")
    for words in ("Ada Okafor · owner", "Dana Reyes · Sales", "Gus Vale · guest", "Mei Tanaka · Customer"):
        assert words in shown.text
    assert "Olga" not in shown.text


async def test_what_others_said_is_new_until_it_was_read(ready: Any) -> None:
    ts = await ready.dana.say("#wins", "Hello")
    assert 'class=" new"' in entry(await ready.page("U0ADA", "home"), "wins")
    assert 'class=" new"' not in entry(await ready.page("U0DANA", "home"), "wins")
    await ready.ada.do("read", channel="C0WINS", ts=ts)
    assert 'class=" new"' not in entry(await ready.page("U0ADA", "home"), "wins")


async def test_mentions_and_direct_messages_are_counted(ready: Any) -> None:
    for text in ("@ada look", "@sellers look", "@channel look", "just so"):
        await ready.dana.say("#wins", text)
    assert 'aria-label="2 unread">2<' in entry(await ready.page("U0ADA", "home"), "wins")
    assert 'aria-label="2 unread">2<' in entry(await ready.page("U0LIAM", "home"), "wins")


async def test_an_answer_in_a_thread_is_no_news_for_the_channel(ready: Any) -> None:
    first = await ready.ada.say("#wins", "Hello")
    await ready.dana.say("#wins", "Hi", thread_ts=first)
    assert 'class=" new"' not in entry(await ready.page("U0ADA", "home"), "wins")


async def test_the_apps_direct_messages_stand_behind_its_own_entry(ready: Any) -> None:
    await ready.client().chat_postMessage(channel="U0DANA", text="A signal")
    shown = await ready.page("U0DANA", "home")
    assert 'aria-label="1 unread">1<' in entry(shown, "Echo")
    direct = ready.sandbox.state.direct("T0ACME", ["U0DANA", ready.bot])
    assert f'href="/?as=U0DANA&amp;at={direct.id}"' in entry(shown, "Echo")
    tab = await ready.page("U0DANA", direct.id)
    assert "A signal" in tab.text
    assert "Sending messages to this app has been turned off." in tab.text


async def test_people_open_direct_and_group_conversations(ready: Any) -> None:
    alone = (await ready.dana.do("direct", users=["U0ADA"]))["channel"]
    group = (await ready.dana.do("direct", users=["U0ADA", "U0LIAM"]))["channel"]
    await ready.dana.say(alone, "Lunch?")
    await ready.dana.say(group, "All of us?")
    shown = await ready.page("U0ADA", "home")
    assert "Dana Reyes, Liam Novak" in shown.text
    assert alone in entry(shown, "Dana Reyes")
    assert group not in (await ready.page("U0MEI", "home")).html
    with pytest.raises(NotPossibleError, match="is in another workspace"):
        await ready.dana.do("direct", users=["U1GINA"])


async def test_the_composer_knows_commands_people_groups_and_channels(ready: Any) -> None:
    known = await completions(ready, "U0DANA")
    assert known["/"][0] == {"name": "echo", "words": "Says it again", "note": "Echo", "hint": "words"}
    people = {one["name"]: one["words"] for one in known["@"]}
    assert (people["mei"], people["echo"], people["sellers"]) == ("Mei Tanaka", "Echo", "Account executives")
    channels = [one["name"] for one in known["#"]]
    assert "deals-private" in channels
    assert not {"board-private", "old-news"} & set(channels)


async def test_a_command_is_not_offered_while_its_app_is_not_installed(world: Any) -> None:
    assert (await completions(world, "U0DANA"))["/"] == []


async def completions(world: Any, user: str) -> Any:
    shown = await world.page(user, "C0WINS")
    return json.loads(re.findall(r'<script type="application/json" id="known">(.*?)</script>', shown.html)[0])


async def test_a_group_that_is_named_is_mentioned(ready: Any) -> None:
    await ready.dana.say("#wins", "Well done @sellers!")
    stored = (await ready.browser.stored("T0ACME", "C0WINS"))[0]
    assert stored["text"] == "Well done <!subteam^S0SELLERS>!"
    group = {"type": "usergroup", "usergroup_id": "S0SELLERS"}
    assert group in stored["blocks"][0]["elements"][0]["elements"]
    assert '<span class="mention mine">@sellers</span>' in (await ready.page("U0LIAM", "C0WINS")).html
    assert '<span class="mention">@sellers</span>' in (await ready.page("U0ADA", "C0WINS")).html


async def test_the_browser_remembers_whose_page_was_last(ready: Any) -> None:
    await ready.page("U0LIAM", "home")
    assert 'data-as="U0LIAM"' in (await ready.browser.open(ready.sandbox.url)).html
