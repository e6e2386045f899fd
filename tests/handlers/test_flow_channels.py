"""What happens to channels and people: archived, unarchived, renamed, moved to another id, left, shared, changed."""

from typing import Any

from bot.sandbox.people import ACME, ADA, DANA, GLOBEX, REVENUE, WINS
from models import channel, delivery, destination, person, reach, workflow, workspace
from models.channel import Channel
from models.workflow import WorkflowWish
from tests.stage import Stage, both_engines


async def known(stage: Stage, channel_id: str) -> Channel:
    async with stage.database.read() as session:
        found = await channel.get(session, ACME, channel_id)
    assert found is not None
    return found


async def happen(stage: Stage, do: str, **what: Any) -> None:
    """Let something happen in Slack, and wait until we have heard of it."""
    await stage.browser.control(do, workspace=ACME, **what)
    await stage.sandbox.outbound.settled()


async def test_a_channel_that_gets_another_id_is_followed(posting: tuple[Stage, str]) -> None:
    """Test 13: id changed."""
    stage, webhook = posting
    async with stage.database.write() as session:
        await workspace.choose_fallback(session, ACME, REVENUE, by=ADA, now=stage.clock.now())
        wish = WorkflowWish(name="Orders", event="Order Completed", template="An order", channel_id=REVENUE)
        await workflow.create(session, ACME, wish, by=ADA, now=stage.clock.now())
    await stage.move(webhook, "Contoso")
    await stage.ada.message(REVENUE, containing="Contoso")
    await happen(stage, "change_channel_id", channel=REVENUE, new_id="C9MONEY")
    async with stage.database.read() as session:
        assert await reach.channels(session, ACME) == ["C9MONEY"]
    await stage.move(webhook)
    await stage.ada.message("C9MONEY", containing="Northwind")
    assert "<#C9MONEY>" in (await stage.home()).words
    why = await (await stage.ada.message("C9MONEY", containing="Contoso")).click("Why did I get this?")
    assert why is not None
    assert "Contoso" in why.words, "what was posted under the old id is found under the new one"


async def test_a_channel_that_is_shared_with_another_company_is_known_to_be(posting: tuple[Stage, str]) -> None:
    stage, _ = posting
    await happen(stage, "share", channel=REVENUE, **{"with": GLOBEX})
    assert (await known(stage, REVENUE)).is_shared_outside
    await happen(stage, "unshare", channel=REVENUE, **{"with": GLOBEX})
    assert not (await known(stage, REVENUE)).is_shared_outside


async def test_a_form_says_of_a_deleted_channel_that_it_was_deleted(posting: tuple[Stage, str]) -> None:
    stage, _ = posting
    form = await (await stage.home()).click("Edit", near="Every movement")
    assert form is not None
    await happen(stage, "delete_channel", channel=REVENUE)
    refused = await form.submit()
    assert refused.errors["Channels"] == "#revenue was deleted. Choose another channel."


@both_engines
async def test_what_happens_to_channels_that_we_do_not_know_is_no_failure(acme: Stage) -> None:
    for event in (
        {"type": "channel_archive", "channel": "C0UNKNOWN", "user": ADA},
        {"type": "group_rename", "channel": {"id": "C0UNKNOWN", "name": "new"}},
        {"type": "channel_id_changed", "old_channel_id": "C0UNKNOWN", "new_channel_id": "C9NEW"},
        {"type": "group_left", "channel": "C0UNKNOWN"},
        {"type": "member_left_channel", "channel": "C0UNKNOWN", "user": acme.bot()},
        {"type": "member_joined_channel", "channel": "C0UNKNOWN", "user": acme.bot(), "team": ACME},
        {"type": "channel_shared", "channel": "C0UNKNOWN", "connected_team_id": GLOBEX},
    ):
        assert (await acme.event(event)).status == 200


async def test_two_channels_that_become_one_stay_one_recipient(acme: Stage) -> None:
    await acme.add_destination(channels=[REVENUE, WINS])
    event = {"type": "channel_id_changed", "old_channel_id": REVENUE, "new_channel_id": WINS}
    assert (await acme.event(event)).status == 200
    async with acme.database.read() as session:
        assert await reach.channels(session, ACME) == [WINS]


async def test_somebody_elses_coming_and_going_changes_nothing(posting: tuple[Stage, str]) -> None:
    stage, _ = posting
    await stage.dana.leave(REVENUE)
    await stage.dana.join(REVENUE)
    await stage.sandbox.outbound.settled()
    assert (await known(stage, REVENUE)).is_member


async def test_a_person_who_changes_is_known_at_once(acme: Stage) -> None:
    dana = acme.slack.people[DANA]
    assert "New destination" not in (await acme.home(acme.dana)).buttons
    dana.is_admin = True
    await acme.slack.reactivate(dana)
    await acme.sandbox.outbound.settled()
    assert "New destination" in (await acme.home(acme.dana)).buttons
    await happen(acme, "deactivate", user=DANA)
    async with acme.database.read() as session:
        found = await person.get(session, ACME, DANA)
        assert found is not None
        assert found.is_deactivated
        assert not await person.is_manager(session, found)


@both_engines
async def test_a_channel_that_was_left_out_when_editing_gets_no_more_of_what_waits(posting: tuple[Stage, str]) -> None:
    stage, webhook = posting
    await stage.browser.fault("limit", method="chat.postMessage", retry_after=600)
    await stage.move(webhook)

    async def waits() -> bool:
        async with stage.database.read() as session:
            return [one.state for one in await delivery.of_workspace(session, ACME)] == ["retrying"]

    await stage.until(waits)
    form = await (await stage.home()).click("Edit", near="Every movement")
    assert form is not None
    assert (await form.submit({"Channels": [WINS]})).closed
    async with stage.database.read() as session:
        [owed] = await delivery.of_workspace(session, ACME)
        [found] = await destination.of_workspace(session, ACME)
    assert (owed.state, owed.reason, owed.asked_by) == ("skipped", "deleted", found.id)
