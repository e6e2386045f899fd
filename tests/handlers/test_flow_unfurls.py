"""A shared link to a report: unfurled once, where only members of the workspace read it, while that is wanted."""

from datetime import timedelta

import pytest

from bot.sandbox.people import ACME, GLOBEX, GUS, OLGA
from models import delivery, report, workspace
from models.database import Database
from models.delivery import Delivery, DeliveryState, FactKind
from scheduler.drawing.unfurls import UNFURL_KEPT
from tests.stage import Stage

"""What the engines do differently is asked of models and scheduler; here is what people read and press."""

REVENUE, PARTNERS, DEALS, SALES = "C0REVENUE", "C0PARTNERS", "C0DEALS", "C1SALES"
UNFURL = "chat.unfurl"
OPENS = "opens for members of Acme"


@pytest.fixture
async def told(acme: Stage) -> Stage:
    """Give the product with one movement told in Acme."""
    _, webhook = await acme.add_source()
    await acme.add_destination()
    await acme.move(webhook, "Northwind")
    await acme.ada.message(REVENUE, containing="Northwind")
    await acme.until(lambda: guests_are_known(acme))
    return acme


async def guests_are_known(stage: Stage) -> bool:
    async with stage.database.read() as session:
        tenant = await workspace.get(session, ACME)
    return tenant is not None and tenant.guests_listed_at is not None


async def link(stage: Stage, workspace: str = ACME) -> str:
    async with stage.database.read() as session:
        found = await report.built_in(session, workspace)
    assert found is not None
    return f"{stage.url}/reports/{found.id}"


async def unfurls(database: Database, workspace: str = ACME) -> list[Delivery]:
    async with database.read() as session:
        every = await delivery.of_workspace(session, workspace)
    return [one for one in every if one.fact_kind == FactKind.UNFURL]


async def settled(stage: Stage) -> list[Delivery]:
    """Wait until the events arrived and what they made us owe is settled; give what was owed."""
    await stage.sandbox.outbound.tried()

    async def is_settled() -> bool:
        return all(one.settled_at for one in await unfurls(stage.database))

    await stage.until(is_settled)
    return await unfurls(stage.database)


async def test_a_link_unfurls_with_title_figures_and_a_picture(told: Stage) -> None:
    url = await link(told)
    await told.ada.say(REVENUE, f"Our month: {url}")
    shared = await told.ada.message(REVENUE, containing=OPENS)
    section, image, context = shared["attachments"][0]["blocks"]
    assert f"*<{url}|MRR this month · Acme>*" in section["text"]["text"]
    assert "*+$420* net (▲\u00a035\u00a0%) → *$1,620*" in section["text"]["text"]
    assert image["alt_text"].startswith("MRR this month, ")
    assert context["elements"][0]["text"].startswith("as of <!date^")
    async with told.http.get(image["image_url"]) as response:
        assert (response.status, response.content_type) == (200, "image/png")
        assert (await response.read()).startswith(b"\x89PNG")
    [owed] = await settled(told)
    assert (owed.state, owed.attempts, owed.target) == (DeliveryState.DELIVERED, 1, REVENUE)


async def test_a_link_in_a_message_unfurls_once_however_often_slack_tells_of_it(told: Stage) -> None:
    url = await link(told)
    await told.ada.say(REVENUE, f"{url} and again {url}?from=here")
    await told.ada.message(REVENUE, containing=OPENS)
    [sent] = [
        one.envelope for one in told.sandbox.outbound.deliveries if one.envelope["event"]["type"] == "link_shared"
    ]
    for event_id in (sent["event_id"], "Ev2"):
        answer = await told.event(sent["event"], event_id=event_id)
        assert answer.status == 200
    assert len(await settled(told)) == 1
    assert await told.called(UNFURL) == 1

    await told.ada.say(REVENUE, url)
    assert len(await settled(told)) == 2


@pytest.mark.parametrize(
    ("user", "channel"),
    [(GUS, "C0GENERAL"), ("U0ADA", "C0GENERAL"), ("U0ADA", PARTNERS), ("U0ADA", DEALS)],
    ids=["by a guest", "among guests", "shared", "hidden"],
)
async def test_nothing_unfurls_for_a_guest_or_where_outsiders_read_or_may(told: Stage, user: str, channel: str) -> None:
    await told.person(user).say(channel, await link(told))
    assert await settled(told) == []
    assert await told.called(UNFURL) == 0


async def test_nothing_unfurls_while_nobody_can_say_who_is_a_guest(told: Stage) -> None:
    async with told.database.write() as session:
        found = await workspace.get(session, ACME)
        assert found is not None
        found.guests_listed_at = None
    await told.ada.say(REVENUE, await link(told))
    assert await settled(told) == []


async def test_a_member_who_became_a_guest_is_one_at_once(told: Stage) -> None:
    pat = {"id": "U0PAT", "name": "pat", "is_restricted": True}
    await told.event({"type": "user_change", "user": pat})
    await told.ada.say(REVENUE, await link(told))
    assert await settled(told) == []


async def test_in_a_private_channel_it_unfurls_once_we_are_in(told: Stage) -> None:
    await told.ada.invite(DEALS, told.bot())
    await told.ada.say(DEALS, await link(told))
    assert await told.ada.message(DEALS, containing=OPENS)


async def test_whoever_was_deactivated_meanwhile_unfurls_nothing(told: Stage) -> None:
    event = {"type": "link_shared", "channel": REVENUE, "user": OLGA, "message_ts": "1.1"}
    links = [{"domain": "127.0.0.1", "url": await link(told)}]
    assert (await told.event({**event, "links": links})).status == 200
    assert await settled(told) == []


async def test_what_is_still_being_typed_unfurls_nothing(told: Stage) -> None:
    typed = {"type": "link_shared", "channel": "COMPOSER", "user": "U0ADA", "message_ts": "u1", "source": "composer"}
    links = [{"domain": "127.0.0.1", "url": await link(told)}]
    assert (await told.event({**typed, "links": links})).status == 200
    assert await settled(told) == []


async def test_a_link_to_another_workspace_s_report_or_to_none_shows_nothing(told: Stage) -> None:
    await told.install(GLOBEX)
    theirs, ours = await link(told, GLOBEX), await link(told)
    elsewhere = ours.replace("127.0.0.1", "evil.example")
    for words in (theirs, f"{told.url}/reports/rep_{'0' * 26}", f"{ours}/x", told.url, elsewhere):
        await told.ada.say(REVENUE, words)
    await told.gina.say(SALES, ours)
    assert await settled(told) == []
    assert await unfurls(told.database, GLOBEX) == []
    assert await told.called(UNFURL) == 0


async def test_a_manager_switches_previews_off_and_on(told: Stage) -> None:
    url = await link(told)
    await told.ada.say(REVENUE, url)
    shared = await told.ada.message(REVENUE, containing=OPENS)
    picture = shared["attachments"][0]["blocks"][1]["image_url"]
    async with told.http.get(picture) as response:
        drawn = await response.read()

    home = await told.home()
    assert url in str(home.blocks)
    await home.click("Switch previews off")
    off = await told.ada.home(containing="shows nothing of what is in it")
    await told.ada.say(REVENUE, url)
    assert len(await settled(told)) == 1
    async with told.http.get(picture) as response:
        assert await response.read() != drawn

    await off.click("Switch previews on")
    await told.ada.home(containing="shows the figures")
    await told.ada.say(REVENUE, url)
    assert len(await settled(told)) == 2


async def test_only_a_manager_switches_previews(told: Stage) -> None:
    answer = await told.press({"action_id": "previews_switch", "value": "off"}, user="U0PAT")
    assert answer.status == 200
    await told.ada.say(REVENUE, await link(told))
    assert await told.ada.message(REVENUE, containing=OPENS)


async def test_a_member_finds_the_report_in_the_home_tab(told: Stage) -> None:
    home = await told.home(told.person("U0PAT"))
    assert await link(told) in str(home.blocks)
    assert "Switch previews off" not in home.buttons


# --- what stands in the way ----------------------------------------------------------------------------------------


async def test_a_refused_unfurl_is_tried_once_more_and_then_given_up(told: Stage) -> None:
    await told.browser.fault("error", method=UNFURL, code="cannot_unfurl_url", times=5)
    await told.ada.say(REVENUE, await link(told))
    [owed] = await settled(told)
    assert (owed.state, owed.attempts) == (DeliveryState.FAILED, 2)
    assert await told.called(UNFURL) == 2


async def test_a_lost_answer_is_no_reason_to_look_it_is_simply_sent_again(told: Stage) -> None:
    await told.browser.fault("lose_response", method=UNFURL, times=1)
    await told.ada.say(REVENUE, await link(told))
    [owed] = await settled(told)
    assert (owed.state, owed.attempts) == (DeliveryState.DELIVERED, 2)
    shared = await told.ada.message(REVENUE, containing=OPENS)
    assert len(shared["attachments"]) == 1
    assert await told.called("conversations.history") == 0


async def test_a_message_that_is_gone_is_not_asked_for_twice(told: Stage) -> None:
    await told.browser.fault("error", method=UNFURL, code="cannot_find_message", times=5)
    await told.ada.say(REVENUE, await link(told))
    [owed] = await settled(told)
    assert (owed.state, owed.attempts) == (DeliveryState.FAILED, 1)


async def test_an_unfurl_that_comes_too_late_is_stale(told: Stage) -> None:
    await told.browser.fault("limit", method=UNFURL, retry_after=1)
    await told.ada.say(REVENUE, await link(told))
    await told.until(lambda: told.called(UNFURL))
    told.clock.ahead = UNFURL_KEPT + timedelta(seconds=1)
    [owed] = await settled(told)
    assert (owed.state, owed.reason) == (DeliveryState.SKIPPED, "stale")
    assert await told.called(UNFURL) == 1


async def test_a_flood_of_posts_holds_up_no_unfurl(told: Stage) -> None:
    """Test 11: a 429 of one method delays that method alone."""
    await told.browser.fault("limit", method="chat.postMessage", channel=REVENUE, retry_after=60, times=9)
    _, webhook = await told.add_source(name="Other")
    await told.move(webhook, "Waiting")
    await told.ada.say(REVENUE, await link(told))
    assert await told.ada.message(REVENUE, containing=OPENS)
