"""Notices as people meet them: a direct message with its buttons, and the channel's own reason under each event."""

from typing import Any

from bot.sandbox.people import ACME, ADA, GLOBEX, REVENUE
from models import channel, delivery
from models.channel import Channel
from models.delivery import Delivery, FactKind
from tests.stage import Stage, both_engines, staged


async def happen(stage: Stage, do: str, **what: Any) -> None:
    """Let something happen in Slack, and wait until we have heard of it."""
    await stage.browser.control(do, workspace=ACME, **what)
    await stage.sandbox.outbound.settled()


async def known(stage: Stage, channel_id: str) -> Channel:
    async with stage.database.read() as session:
        found = await channel.get(session, ACME, channel_id)
    assert found is not None
    return found


async def ledger(stage: Stage) -> list[Delivery]:
    async with stage.database.read() as session:
        return await delivery.of_workspace(session, ACME)


async def reason(stage: Stage) -> str:
    """Wait for what the ledger says of a movement that can't be posted."""

    async def look() -> str | None:
        return next((one.reason for one in await ledger(stage) if one.fact_kind == FactKind.MOVEMENT), None)

    return str(await stage.until(look))


async def test_a_failing_destination_is_told_to_its_creator_who_mends_it_from_there(
    posting: tuple[Stage, str],
) -> None:
    stage, webhook = posting
    await happen(stage, "archive", channel=REVENUE)
    await stage.move(webhook)
    told = await stage.ada.message("@Runrate", containing="I can't post to")
    assert "the channel is archived" in told.words
    assert told.buttons == ["Why did I get this?", "Edit “Every movement”", "Try now"]

    tried = await stage.called("chat.postMessage")
    await told.click("Try now")

    async def was_tried() -> bool:
        return await stage.called("chat.postMessage") > tried

    await stage.until(was_tried)
    form = await told.click("Edit “Every movement”")
    assert form is not None
    assert form.filled["Channels"] == [REVENUE]

    await happen(stage, "unarchive", channel=REVENUE)
    await stage.ada.message(REVENUE, containing="Northwind")
    recovered = await stage.ada.message("@Runrate", containing="The waiting update was")
    assert f"Posting to <#{REVENUE}> works again." in recovered.words
    why = await told.click("Why did I get this?")
    assert why is not None
    assert "You answer for what it is about, or manage Runrate." in why.words
    await why.close()
    await told.click("Try now")
    await stage.ada.message("@Runrate", containing="Nothing is waiting any more")
    assert len([one for one in await stage.ada.messages("@Runrate") if "I can't post to" in one.words]) == 1


async def test_only_managers_try_again(posting: tuple[Stage, str]) -> None:
    stage, _ = posting
    assert (await stage.press({"action_id": "try_now", "value": "dst_1"}, user="U0DANA")).status == 200
    assert (await stage.dana.modal()).title == "Only managers"
    assert (await stage.press({"action_id": "try_now", "value": "dst_of_nobody"})).status == 200


async def test_a_channel_shared_after_its_destination_was_made_waits_for_a_confirmation(
    posting: tuple[Stage, str],
) -> None:
    """Test 13: Slack Connect begun."""
    stage, webhook = posting
    await happen(stage, "share", channel=REVENUE, **{"with": GLOBEX})
    await stage.move(webhook)
    assert await reason(stage) == "the channel is now shared with another company"
    told = await stage.ada.message("@Runrate", containing="now shared with another company")
    assert not [one for one in await stage.ada.messages(REVENUE) if "Northwind" in one.words]

    form = await told.click("Edit “Every movement”")
    assert form is not None
    assert "People of other companies read along" in form.words
    refused = await form.submit()
    assert "Tick below" in refused.errors["Channels"], "a box that nobody ticked confirms nothing"
    assert (await form.submit({"Other companies": ["yes"]})).closed
    await stage.ada.message(REVENUE, containing="Northwind")
    assert (await known(stage, REVENUE)).outsiders_confirmed_at is not None

    again = await (await stage.home()).click("Edit", near="Every movement")
    assert again is not None
    assert (await again.submit()).closed


@both_engines
async def test_a_confirmation_ends_with_the_sharing(posting: tuple[Stage, str]) -> None:
    stage, _ = posting
    async with stage.database.write() as session:
        await channel.change(session, ACME, REVENUE, is_shared_outside=True)
        await channel.confirm_outsiders(session, ACME, [REVENUE], by=ADA, now=stage.clock.now())
    await happen(stage, "share", channel=REVENUE, **{"with": GLOBEX})
    assert not (await known(stage, REVENUE)).needs_confirmation
    await happen(stage, "unshare", channel=REVENUE, **{"with": GLOBEX})
    await happen(stage, "share", channel=REVENUE, **{"with": GLOBEX})
    assert (await known(stage, REVENUE)).needs_confirmation


async def test_the_setup_page_says_that_the_token_is_lost(acme: Stage) -> None:
    """Test 12: the set-up page says it, since Slack can't."""
    await happen(acme, "revoke")
    answer = await acme.get("/setup/checklist.json")
    assert "Slack no longer accepts Runrate's token" in answer.text
    assert "Slack sends none while no workspace has Runrate." in answer.text
    await acme.install()
    assert "Slack no longer accepts" not in (await acme.get("/setup/checklist.json")).text


async def test_managers_hear_of_a_lost_token_by_mail(database_url: str, database: object) -> None:
    """Test 12 and 33, through the whole product: what is owed by e-mail doesn't wait for Slack."""
    async with staged(database_url, smtp_url="smtp://127.0.0.1:9?from=runrate@acme.com") as stage:
        await stage.install()
        await happen(stage, "revoke")

        async def is_owed() -> list[Delivery]:
            return [one for one in await ledger(stage) if one.recipient_kind == "email" and one.reason]

        [owed] = await stage.until(is_owed)
        assert (owed.target, owed.state) == ("ada@acme.com", "retrying")
        assert owed.reason == "the mail server can't be reached"
