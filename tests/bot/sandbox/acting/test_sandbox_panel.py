"""The chaos panel: faults, channels, the token, the clock, the order of events, and the witness."""

import time
from datetime import UTC, datetime
from typing import Any

import pytest

from bot.sandbox import Sandbox
from bot.sandbox.errors import NotPossibleError
from bot.sandbox.panel import jumps
from bot.sandbox.people import ACME, GLOBEX
from bot.sandbox.person import Browser


@pytest.fixture
def ready(world: Any) -> Any:
    world.install()
    world.status = 200
    return world


async def panel(world: Any) -> Any:
    return await world.browser.open(f"{world.sandbox.url}/chaos?as=U0ADA&at=C0WINS")


async def test_the_panel_offers_what_can_be_done_here(ready: Any) -> None:
    shown = await panel(ready)
    for words in ("Nothing is armed", "Revoke the token", "Uninstall", "Pull me", "The app’s own page", "+1 hour"):
        assert words in shown.text
    assert "Back to Acme" in shown.text
    assert 'href="/?as=U0ADA&amp;at=C0WINS"' in shown.html
    page = await ready.page("U0ADA", "C0WINS")
    assert 'href="/chaos?as=U0ADA&amp;at=C0WINS"' in page.html


async def test_an_armed_fault_is_named_until_it_happened(ready: Any) -> None:
    await ready.browser.fault("limit", method="chat.postMessage", retry_after=7, times=1)
    assert "chat.postMessage: answer 429, come back in 7 s (1 more time)" in (await panel(ready)).text
    with pytest.raises(Exception, match="ratelimited"):
        await ready.client().chat_postMessage(channel="C0WINS", text="Hi")
    shown = await panel(ready)
    assert "Nothing is armed" in shown.text
    assert "chat.postMessage #wins 429 ratelimited limit" in shown.text


async def test_the_witness_names_calls_and_events_but_no_secret(ready: Any) -> None:
    await ready.dana.do("home")
    await ready.client().chat_postMessage(channel="U0DANA", text="Hi")
    shown = await panel(ready)
    assert "chat.postMessage Dana Reyes 200 ok" in shown.text
    assert "app_home_opened 200" in shown.text
    assert "xoxb" not in shown.html


async def test_channels_say_whether_the_bot_is_in_them(ready: Any) -> None:
    await ready.client().conversations_join(channel="C0WINS")
    shown = await panel(ready)
    assert shown.text.count("Remove the bot") == 1
    assert shown.text.count("Add the bot") == 6
    assert shown.text.count("Unarchive") == 1


async def test_a_channel_can_be_made_private_and_public_shared_and_lost(ready: Any) -> None:
    control, channels = ready.browser.control, ready.sandbox.state.channels
    await control("convert", channel="C0WINS")
    assert channels["C0WINS"].is_private
    assert (await panel(ready)).text.count("Make public") == 3
    await control("convert", channel="C0WINS")
    assert not channels["C0WINS"].is_private

    await control("share", channel="C0WINS", **{"with": GLOBEX})
    assert (await panel(ready)).text.count("Stop sharing with Globex") == 2
    theirs = await ready.browser.open(f"{ready.sandbox.url}/chaos?as=U1GINA")
    assert theirs.text.count("Acme stops sharing it") == 2
    await control("unshare", channel="C0WINS", **{"with": GLOBEX})
    assert not channels["C0WINS"].is_ext_shared


async def test_people_can_be_deactivated_and_come_back(ready: Any) -> None:
    assert (await panel(ready)).text.count("Reactivate") == 1
    await ready.browser.control("deactivate", user="U0DANA")
    assert "Dana Reyes deactivated" in (await panel(ready)).text
    await ready.browser.control("reactivate", user="U0DANA")
    assert "Dana Reyes deactivated" not in (await panel(ready)).text


async def test_the_clock_goes_ahead_for_everybody(ready: Any) -> None:
    before = ready.sandbox.now()
    await ready.browser.travel(seconds=3600)
    assert ready.sandbox.now() - before == pytest.approx(3600, abs=5)
    to = datetime.fromtimestamp(before, UTC).replace(year=2031, month=6, day=2, hour=9, minute=0)
    await ready.browser.travel(to=to.isoformat())
    assert "Monday 2 June 2031, 09:00 UTC" in (await panel(ready)).text
    assert "Monday, June 2nd, 2031, 10:00 for Ada Okafor" in (await ready.page("U0ADA", "home")).text
    ts = await ready.dana.say("#wins", "Hello")
    assert float(ts) == pytest.approx(to.timestamp(), abs=60)


@pytest.mark.parametrize(
    "where",
    [
        {"seconds": -1},
        {"to": "2001-01-01T00:00:00+00:00"},
        {"to": "2101-01-01T00:00:00+00:00"},
        {"to": "2031-01-01T00:00:00"},
        {"to": "Monday"},
        {},
    ],
)
async def test_the_clock_goes_nowhere_else(ready: Any, where: dict[str, Any]) -> None:
    with pytest.raises(NotPossibleError):
        await ready.browser.travel(**where)
    assert ready.sandbox.now() == pytest.approx(time.time(), abs=5)


def test_one_jumps_to_the_mornings_on_which_recaps_are_due() -> None:
    friday = datetime(2026, 11, 20, 23, 46, tzinfo=UTC)
    labels = [one.label for one in jumps(friday)]
    assert labels[2:] == [
        "Saturday 21 November, 09:00 UTC",
        "Monday 23 November, 09:00 UTC",
        "Tuesday 1 December, 09:00 UTC",
    ]
    monday = datetime(2026, 11, 30, 9, 0, tzinfo=UTC)
    assert [one.label for one in jumps(monday)][2:] == ["Tuesday 1 December, 09:00 UTC", "Monday 7 December, 09:00 UTC"]


async def test_a_lever_is_the_owners_own(ready: Any) -> None:
    assert await ready.browser.ask("POST", "lever", {"name": "Pull me"}) == {"said": "It was pulled."}
    assert ready.pulled == 1
    with pytest.raises(NotPossibleError, match="Name one of these with “name”: Pull me"):
        await ready.browser.ask("POST", "lever", {"name": "Pull you"})


async def test_what_the_owner_shows_of_itself_stands_there_on_the_readers_clock(ready: Any) -> None:
    async with ready.browser.session.get(f"{ready.sandbox.url}/chaos?as=U0MEI") as answer:
        shown = await answer.text()
    assert "<p>All is well.</p>" in shown
    assert "<dt>in</dt><dd>T0ACME</dd>" in shown
    assert '<tr data-key="1" class="bad"><td>23:02:00</td><td>&lt;b&gt;bold&lt;/b&gt;</td></tr>' in shown
    assert "data-moves" in shown


async def test_a_slack_without_a_clock_offers_no_travel(world: Any) -> None:
    plain = Sandbox(apps=[world.app])
    await plain.start()
    async with Browser(plain.url) as browser:
        shown = await browser.open(f"{plain.url}/chaos")
        assert "+1 hour" not in shown.text
        assert "says of itself" not in shown.text
        with pytest.raises(NotPossibleError, match="has no time machine"):
            await browser.travel(seconds=1)
    await plain.stop()


@pytest.mark.parametrize(
    ("first", "order"),
    [
        ("member_joined_channel", ["member_joined_channel", "app_mention"]),
        ("app_mention", ["app_mention", "member_joined_channel"]),
    ],
)
async def test_after_an_invitation_either_event_can_come_first(ready: Any, first: str, order: list[str]) -> None:
    await ready.browser.control("order_events", first=first)
    await ready.dana.say("C0DEALS", f"<@{ready.bot}> hello")
    await (await ready.dana.messages("C0DEALS"))[-1].click("Invite Them")
    await ready.sandbox.outbound.settled()
    assert [one.body["event"]["type"] for one in ready.received if "event" in one.body] == order


async def test_one_chooses_what_messages_can_show_in_this_workspace_alone(ready: Any) -> None:
    assert '<option value="charts" selected>' in (await panel(ready)).html
    await ready.browser.control("show", workspace=ACME, shows="pictures")
    assert '<option value="pictures" selected>' in (await panel(ready)).html
    assert [one.shows for one in ready.sandbox.state.workspaces.values()].count("charts") == 1
    with pytest.raises(NotPossibleError, match="charts, pictures, words"):
        await ready.browser.control("show", workspace=ACME, shows="films")


async def test_one_says_for_how_long_messages_can_be_changed(ready: Any) -> None:
    await ready.browser.control("limit_edits", workspace=ACME, minutes="5")
    assert ready.sandbox.state.workspaces[ACME].edit_minutes == 5
    with pytest.raises(NotPossibleError, match="a whole number"):
        await ready.browser.control("limit_edits", workspace=ACME, minutes="soon")


async def test_events_can_be_sent_twice_under_the_same_id(ready: Any) -> None:
    await ready.browser.control("repeat_events", times="2")
    await ready.dana.do("home")
    await ready.sandbox.outbound.settled()
    assert len({one.body["event_id"] for one in ready.received}) == 1
    assert [one.headers.get("x-slack-retry-num") for one in ready.received] == [None, "1"]
    for what in ({"do": "repeat_events", "times": "9"}, {"do": "order_events", "first": "x"}):
        with pytest.raises(NotPossibleError):
            await ready.browser.ask("POST", "control", what)
