"""Conversations on the page: threads, edits, deletions, attachments, and who speaks."""

import time
from typing import Any

import pytest


@pytest.fixture
async def ready(world: Any) -> Any:
    world.install()
    world.status = 200
    await world.client().conversations_join(channel="C0WINS")
    return world


async def test_an_answer_sent_to_all_stands_in_the_thread_and_in_the_channel(ready: Any) -> None:
    first = await ready.ada.say("#wins", "First")
    await ready.ada.say("#wins", "Second")
    await ready.dana.say("#wins", "For everybody", thread_ts=first, broadcast=True)
    shown = await ready.page("U0ADA", "C0WINS")
    assert shown.text.count("For everybody") == 2
    assert "replied to a thread: First For everybody" in shown.text
    assert "1 reply" in shown.text


async def test_a_deleted_message_that_was_answered_leaves_a_trace(ready: Any) -> None:
    posted = await ready.client().chat_postMessage(channel="C0WINS", text="A secret")
    await ready.dana.say("#wins", "What was that?", thread_ts=posted["ts"])
    await ready.client().chat_delete(channel="C0WINS", ts=posted["ts"])
    shown = await ready.page("U0ADA", "C0WINS")
    assert "A secret" not in shown.html
    assert "This message was deleted. 1 reply" in shown.text


async def test_a_deleted_message_that_nobody_answered_is_gone(ready: Any) -> None:
    posted = await ready.client().chat_postMessage(channel="C0WINS", text="A secret")
    await ready.client().chat_delete(channel="C0WINS", ts=posted["ts"])
    assert "Nothing has been said here yet." in (await ready.page("U0ADA", "C0WINS")).text


async def test_an_edited_message_says_so(ready: Any) -> None:
    posted = await ready.client().chat_postMessage(channel="C0WINS", text="Old")
    assert "(edited)" not in (await ready.page("U0ADA", "C0WINS")).text
    await ready.client().chat_update(channel="C0WINS", ts=posted["ts"], text="New")
    assert "New (edited)" in (await ready.page("U0ADA", "C0WINS")).text


async def test_a_person_who_goes_on_speaking_is_named_once(ready: Any) -> None:
    await ready.dana.say("#wins", "One")
    await ready.dana.say("#wins", "Two")
    assert (await ready.page("U0ADA", "C0WINS")).html.count("<strong>Dana Reyes</strong>") == 1
    ready.ahead = 301
    await ready.dana.say("#wins", "Three")
    assert (await ready.page("U0ADA", "C0WINS")).html.count("<strong>Dana Reyes</strong>") == 2


async def test_a_borrowed_name_and_icon_are_shown(ready: Any) -> None:
    await ready.client().chat_postMessage(channel="C0WINS", text="Sold", username="Orders", icon_emoji=":tada:")
    shown = await ready.page("U0ADA", "C0WINS")
    assert "🎉 Orders app" in shown.text


async def test_what_only_one_person_sees_can_be_dismissed_by_them(ready: Any) -> None:
    await ready.client().chat_postEphemeral(channel="C0WINS", user="U0DANA", text="Psst")
    assert "Psst" not in (await ready.page("U0ADA", "C0WINS")).text
    message = await ready.dana.message("#wins", containing="Psst")
    with pytest.raises(Exception, match="Only a message that nobody else sees"):
        await ready.ada.do("dismiss", channel="#wins", ts=message["ts"])
    await ready.dana.do("dismiss", channel="#wins", ts=message["ts"])
    assert await ready.dana.messages("#wins") == []


async def test_an_attachment_of_the_old_kind_is_drawn_whole(ready: Any) -> None:
    attachment = {
        "pretext": "Before",
        "author_name": "Stripe",
        "title": "Invoice <42>",
        "title_link": "https://example.com/42",
        "text": "Paid *now*",
        "fields": [{"title": "Amount", "value": "$420", "short": True}],
        "image_url": "https://example.com/a.png",
        "footer": "stripe.com",
    }
    await ready.client().chat_postMessage(channel="C0WINS", text="Bill", attachments=[attachment])
    shown = await ready.page("U0ADA", "C0WINS")
    assert "Before Stripe Invoice <42> Paid now Amount $420 stripe.com" in shown.text
    assert 'href="https://example.com/42"' in shown.html
    assert 'src="https://example.com/a.png"' in shown.html


async def test_days_are_those_of_the_reader(ready: Any) -> None:
    await ready.ada.say("#wins", "Hello")
    message = next(iter(ready.sandbox.state.channels["C0WINS"].messages.values()))
    # Half past nine in the evening in London is the next morning in Tokyo.
    message.ts = "1795210200.000000"
    ready.sandbox.state.channels["C0WINS"].messages = {message.ts: message}
    ready.ahead = 1795210200 - time.time()
    assert "21:30" in (await ready.page("U0ADA", "C0WINS")).text
    assert "06:30" in (await ready.page("U0MEI", "C0WINS")).text


async def test_a_long_thread_is_folded(ready: Any) -> None:
    first = await ready.ada.say("#wins", "First")
    for number in range(11):
        await ready.dana.say("#wins", f"Answer {number}", thread_ts=first)
    shown = await ready.page("U0ADA", "C0WINS")
    assert '<details class="thread">' in shown.html
    assert "11 replies" in shown.text
