"""Sources, destinations and movements, as an admin clicks through them."""

import re
from datetime import timedelta

import pytest
from playwright.async_api import Locator, expect

from bot.sandbox.people import ACME, ADA, DANA, REVENUE
from models import delivery, movement, person
from models.wakeup import Topic
from tests.browser.seat import Seat
from tests.stage import Stage

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_source_is_added_and_what_its_url_gets_arrives_without_a_reload(acme: Stage, ada: Seat) -> None:
    await ada.go()
    await ada.open_modal("Add source", "Add source")
    await ada.submit("Add")
    await expect(ada.error("Name")).to_be_visible()
    await ada.fill("Name", "Billing")
    await ada.submit("Add")
    shown = ada.modal.locator("pre", has_text=re.compile(r"^\s*http\S+/in/\S+\s*$"))
    webhook = (await shown.inner_text()).strip()
    await ada.submit("Done")
    await expect(ada.section("Billing")).to_contain_text("Waiting for your first event")

    await ada.enter("revenue")
    await ada.page.evaluate("document.body.dataset.mine = 'not reloaded'")
    await ada.say("/mrr new")
    await ada.fill("Name", "Every movement")
    await expect(ada.modal).to_contain_text("revenue")
    await ada.submit_and_close()
    await acme.move(webhook, "Northwind Traders")
    told = ada.messages("Northwind Traders")
    await expect(told).to_contain_text("Expansion +$420 MRR (▲ 35 %)")
    await expect(told).to_contain_text("$1,200 → $1,620")
    await expect(ada.page.locator("body")).to_have_attribute("data-mine", "not reloaded")


async def test_a_private_channel_needs_the_invitation_and_the_form_keeps_what_was_typed(
    acme: Stage, ada: Seat, dana: Seat
) -> None:
    await ada.go()
    await ada.open_modal("New destination", "New destination")
    await ada.fill("Name", "Deals")
    await ada.submit()
    await expect(ada.error("Channels")).to_have_text("Please complete this required field.")
    await ada.choose("Channels", "deals-private")
    await ada.submit()
    await expect(ada.error("Channels")).to_contain_text("I'm not in the private channel that you chose yet.")

    await dana.go("C0DEALS")
    await dana.say("@Runrate hello")
    question = dana.messages("Invite Them")
    await expect(question).to_contain_text("Only visible to you")
    await question.get_by_role("button", name="Invite Them").click()
    await expect(dana.messages("I can post your MRR")).to_have_count(1)
    await expect(question).to_have_count(0)

    await expect(ada.modal.get_by_label("Name")).to_have_value("Deals")
    await ada.submit_and_close()
    await expect(ada.section("Deals")).to_contain_text("#deals-private")


async def test_the_welcome_in_a_channel_opens_the_form_with_that_channel(acme: Stage, ada: Seat) -> None:
    await ada.go("C0DEALS")
    await ada.page.get_by_role("combobox", name="Message").press_sequentially("@runr")
    await ada.page.get_by_role("option", name="@runrate").click()
    await ada.page.keyboard.press("Enter")
    await ada.messages("Invite Them").get_by_role("button", name="Invite Them").click()
    await ada.messages("I can post your MRR").get_by_role("button", name="Post MRR here").click()
    await expect(ada.modal.locator(".chip")).to_contain_text("deals-private")


async def test_the_composer_completes_the_command_and_names_what_can_follow(acme: Stage, ada: Seat) -> None:
    await ada.go(REVENUE)
    composer = ada.page.get_by_role("combobox", name="Message")
    await composer.press_sequentially("/m")
    await expect(ada.page.get_by_role("option", name="/mrr")).to_be_visible()
    await composer.press("Enter")
    await expect(composer).to_have_value("/mrr ")
    await composer.press_sequentially("help")
    await composer.press("Enter")
    await expect(ada.messages("/mrr new")).to_contain_text("Only visible to you")


async def test_from_the_installation_to_the_first_message_in_a_channel_are_six_clicks(stage: Stage, ada: Seat) -> None:
    await ada.page.goto(stage.url)
    await ada.page.get_by_role("link", name="Add to Slack").click()
    await ada.press("Allow")
    await expect(ada.page.get_by_role("heading", name="Runrate is in Acme")).to_be_visible()
    clicks = 0

    async def click(what: Locator) -> None:
        nonlocal clicks
        clicks += 1
        await what.click()

    await click(ada.page.get_by_role("link", name="Open Slack"))
    await expect(ada.middle).to_contain_text("Runrate in Acme")
    await ada.page.wait_for_load_state()
    await expect(ada.middle).not_to_have_attribute("aria-busy", "true")
    await click(ada.button("New destination"))
    await ada.fill("Name", "Every movement")
    await click(ada.modal.get_by_role("combobox", name="Channels"))
    await click(ada.modal.get_by_role("option").filter(has_text="revenue", visible=True))
    await ada.page.keyboard.press("Tab")
    await click(ada.modal.get_by_label("Post a test there as soon as it is saved"))
    await click(ada.modal.get_by_role("button", name="Save"))
    await stage.dana.message(REVENUE, containing="Test of “Every movement”*: it can post here.")
    assert clicks == 6


async def test_the_form_asks_what_each_frequency_needs_and_shows_what_it_would_tell(acme: Stage, ada: Seat) -> None:
    _, webhook = await acme.add_source()
    await acme.move(webhook, "Northwind Traders")
    await acme.until(lambda: _has_moved(acme))
    await ada.go()
    await ada.open_modal("New destination", "New destination")
    await ada.fill("Name", "By Weekly")
    await ada.choose("Channels", "wins")
    for frequency, days in (("Daily", 0), ("Monthly", 1), ("Weekly", 1)):
        await ada.choose("Frequency", frequency)
        await expect(ada.modal.get_by_role("combobox", name="Day", exact=True)).to_have_count(days)
        await expect(ada.modal).to_contain_text("The next recap is due")
    await ada.submit_and_close()
    await expect(ada.section("By Weekly")).to_contain_text("Weekly, on Mondays at 09:00 UTC to #wins")
    await ada.open_modal("New destination", "New destination")
    await ada.fill("Name", "By Real-time")
    await expect(ada.modal).to_contain_text("would have been 1 message.")
    await ada.choose("Channels", "wins")
    await ada.press("Send me this")
    await expect(ada.modal).to_contain_text("On its way to you alone")
    await ada.submit_and_close()
    await expect(ada.section("By Real-time")).to_contain_text("Real-time to #wins")

    await ada.press_in_menu("By Weekly", "Details")
    await ada.submit("Duplicate")
    await expect(ada.modal.get_by_label("Name")).to_have_value("Copy of By Weekly")
    await ada.press("More options")
    await ada.choose("When nothing moved", "Post nothing")
    await ada.choose("Numbers and money", "German (Germany)")
    await ada.submit()
    await expect(ada.modal.get_by_role("heading", name="Destination", exact=True)).to_be_visible()
    await ada.modal.get_by_text("Close", exact=True).click()
    await expect(ada.modal).to_have_count(0)
    await ada.press_in_menu("Copy of By Weekly", "Edit")
    await expect(ada.modal).to_contain_text("German (Germany)")
    await ada.submit("Cancel")
    await ada.enter("Runrate")
    await expect(ada.messages("Preview of “By Real-time”")).to_contain_text("+$420 MRR")


async def _has_moved(stage: Stage) -> bool:
    async with stage.database.read() as session:
        return await movement.count(session, ACME) > 0


async def test_a_destination_is_edited_from_its_menu_and_deleted_after_a_question(acme: Stage, ada: Seat) -> None:
    await acme.add_destination("Every movement")
    _, webhook = await acme.add_source()
    await ada.go()
    await ada.press_in_menu("Every movement", "Edit")
    await ada.fill("Name", "Big and small")
    await ada.choose("Channels", "wins")
    await ada.submit_and_close()
    await expect(ada.section("Big and small")).to_contain_text("Real-time to #revenue and #wins")

    await ada.press_in_menu("Big and small", "Delete")
    await expect(ada.modal).to_contain_text("Big and small")
    await ada.submit("Keep")
    await expect(ada.modal).to_have_count(0)
    await expect(ada.section("Big and small")).to_be_visible()
    await ada.press_in_menu("Big and small", "Delete")
    await ada.submit_and_close("Delete")
    await expect(ada.middle).to_contain_text("No destination yet.")
    await acme.move(webhook)
    assert await acme.called("chat.postMessage") == 0


async def test_two_people_hear_together_in_a_group_dm_and_the_home_tab_names_them(
    acme: Stage, ada: Seat, dana: Seat
) -> None:
    _, webhook = await acme.add_source()
    await ada.go()
    await ada.open_modal("New destination", "New destination")
    await ada.fill("Name", "Account team")
    await ada.choose("People", "mei", "gus")
    await ada.modal.get_by_label("All of them in one group DM").check()
    await ada.submit()
    await expect(ada.error("People")).to_have_text("Gus Vale is a guest here. MRR is told to full members only.")
    await ada.modal.get_by_role("button", name="Remove Gus Vale").click()
    await expect(ada.modal.get_by_role("button", name="Remove Gus Vale")).to_have_count(0)
    await expect(ada.modal).not_to_have_attribute("aria-busy", "true")
    await ada.choose("People", "dana")
    await expect(ada.modal.get_by_role("button", name="Remove Dana Reyes")).to_have_count(1)
    await expect(ada.modal.get_by_role("button", name="Remove Gus Vale")).to_have_count(0)
    await expect(ada.modal.get_by_label("All of them in one group DM")).to_be_checked()
    await expect(ada.modal.get_by_label("Name")).to_have_value("Account team")
    await ada.submit_and_close()
    await expect(ada.section("Account team")).to_contain_text("the group DM of @Dana Reyes and @Mei Tanaka")

    await dana.go(REVENUE)
    await acme.move(webhook, "Northwind Traders")
    await dana.enter("Mei Tanaka, Runrate")
    told = dana.messages("Northwind Traders")
    await expect(told).to_contain_text("Expansion +$420 MRR (▲ 35 %)")
    await expect(told).to_contain_text("to this group by “Account team”")


async def test_details_show_who_changed_what_and_who_left_is_taken_over_from(acme: Stage, ada: Seat) -> None:
    async with acme.database.write() as session:
        await person.name_managers(session, ACME, [DANA], by=ADA, now=acme.clock.now())
    await acme.add_destination("Every movement", person=acme.dana)
    await ada.go()
    await ada.press_in_menu("Every movement", "Details")
    await expect(ada.modal).to_contain_text("@Dana Reyes made it")
    await ada.modal.get_by_role("button", name="Edit").click()
    await ada.fill("Name", "Big and small")
    await ada.submit()
    await expect(ada.modal).to_contain_text("Ada Okafor changed the name (Every movement → Big and small)")
    await ada.modal.get_by_text("Close", exact=True).click()

    await acme.slack.deactivate(acme.slack.people[DANA])
    await acme.sandbox.outbound.settled()
    await acme.database.wakeups.notify(Topic.RECAPS)
    await expect(ada.page.locator("#side").get_by_label("1 unread")).to_be_visible()
    await ada.enter("Runrate")
    told = ada.messages("Dana Reyes has left")
    await expect(told).to_contain_text("“Big and small” goes on as before, but nobody answers for it now")
    await told.get_by_role("button", name="Take over").click()
    await expect(ada.messages("answers for “Big and small” now")).to_have_count(1)
    await ada.go()
    await ada.press_in_menu("Big and small", "Details")
    await expect(ada.modal).to_contain_text("@Ada Okafor took it over")


async def test_a_lost_response_shows_its_message_once(acme: Stage, ada: Seat) -> None:
    await acme.add_destination()
    _, webhook = await acme.add_source()
    await ada.go(REVENUE)
    await ada.page.get_by_role("link", name="Chaos panel").click()
    await ada.press("Arm")
    await expect(ada.page.locator("#faults")).to_contain_text("chat.postMessage: do it, but lose the answer")
    await acme.move(webhook, "Northwind Traders")
    await expect(ada.page.locator("#calls tr.bad")).to_contain_text("chat.postMessage")
    await expect(ada.page.locator("#calls")).to_contain_text("conversations.history")
    await expect(ada.page.locator("#faults")).to_contain_text("Nothing is armed")

    await ada.page.get_by_role("link", name="Back to Acme").click()
    await acme.move(webhook, "Contoso")
    await expect(ada.messages("Contoso")).to_be_visible()
    await expect(ada.messages("Northwind Traders")).to_have_count(1)


async def test_a_destination_is_paused_and_resumed_and_the_home_tab_shows_it(acme: Stage, ada: Seat) -> None:
    await acme.add_destination("Every movement")
    _, webhook = await acme.add_source()
    await ada.go()
    await ada.press_in_menu("Every movement", "Pause")
    await expect(ada.modal).to_contain_text("Every movement posts nothing to #revenue meanwhile.")
    await ada.modal.get_by_label("Until a day of my choice").check()
    await ada.fill("Until", "2020-01-01")
    await ada.submit("Pause")
    await expect(ada.error("Until")).to_have_text("Choose a day from tomorrow on.")
    await ada.fill("Until", f"{acme.clock.now() + timedelta(days=9):%Y-%m-%d}")
    await ada.submit_and_close("Pause")
    await expect(ada.section("Every movement")).to_contain_text("Paused until")
    await acme.move(webhook, "Northwind Traders")

    async def is_skipped() -> bool:
        async with acme.database.read() as session:
            return [one.reason for one in await delivery.of_workspace(session, ACME)] == ["paused"]

    await acme.until(is_skipped)
    await ada.press_in_menu("Every movement", "Resume")
    await expect(ada.section("Every movement")).not_to_contain_text("Paused")
    await acme.move(webhook, "Contoso")
    await ada.enter("revenue")
    await expect(ada.messages("Contoso")).to_be_visible()
    await expect(ada.messages("Northwind Traders")).to_have_count(0)


async def test_the_forecast_follows_what_is_typed_and_the_filter_stands_in_the_home_tab(acme: Stage, ada: Seat) -> None:
    _, webhook = await acme.add_source()
    for minor in (100_00, 500_00, 900_00):
        await acme.move(webhook, amount_minor=minor)

    async def are_applied() -> bool:
        async with acme.database.read() as session:
            return await movement.count(session, ACME) == 3

    await acme.until(are_applied)
    await ada.go(REVENUE)
    await ada.say("/mrr new")
    await ada.fill("Name", "Big changes")
    await expect(ada.modal).to_contain_text("would have been 3 messages.")
    await ada.press("More options")
    await ada.fill("Minimum gain", "500")
    await ada.fill("Minimum loss", "$100")
    await expect(ada.modal).to_contain_text("can't be said yet. Minimum loss: Write a whole amount without a currency")
    await ada.fill("Minimum loss", "100")
    await expect(ada.modal).to_contain_text("would have been 2 messages, of 3 movements.")
    await ada.choose("Frequency", "Monthly")
    await expect(ada.modal).to_contain_text("The next recap is due")
    await ada.choose("Frequency", "Real-time")
    await expect(ada.modal).to_contain_text("would have been 2 messages, of 3 movements.")
    await ada.modal.get_by_label("▲ Expansion").uncheck()
    await expect(ada.modal).to_contain_text("would have been 0 messages, of 3 movements.")
    await expect(ada.modal.get_by_label("Name")).to_have_value("Big changes")
    await expect(ada.modal.get_by_label("Minimum gain")).to_have_value("500")
    await ada.choose("Channels", "ext-partners")
    await ada.submit()
    await expect(ada.modal).to_contain_text("People of other companies read along in #ext-partners")
    await ada.submit()
    await expect(ada.error("Channels")).to_contain_text("Tick below that they may read our MRR")
    await ada.modal.get_by_label("Let people of other companies read our MRR there").check()
    await ada.submit_and_close()
    await ada.go()
    await expect(ada.section("Big changes")).to_contain_text("All but Expansion")
    await expect(ada.section("Big changes")).to_contain_text("gains from 500")
