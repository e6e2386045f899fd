"""Who sees what, by keyboard too, and in letters that can be read by day and by night."""

from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from bot.sandbox.people import ADA, GUS, REVENUE
from tests.browser.conftest import Sit
from tests.browser.seat import HOME, Seat, seated
from tests.stage import Stage

pytestmark = pytest.mark.asyncio(loop_scope="session")

FAINT = (Path(__file__).parent / "faint.js").read_text()


async def test_a_plain_member_sees_what_is_posted_and_whom_to_ask(acme: Stage, pat: Seat) -> None:
    await acme.add_destination("Every movement")
    await pat.go()
    await expect(pat.middle).to_contain_text("Every movement · Real-time to #revenue")
    await expect(pat.middle).to_contain_text("To change what is posted, ask @Ada Okafor or a Slack admin.")
    await expect(pat.middle.get_by_role("button")).to_have_text(
        ["Send me a daily recap by DM", "Quiet hours", "Details"]
    )
    await pat.enter("revenue")
    await pat.say("/mrr new")
    await expect(pat.messages("Only visible to you")).to_contain_text("Only managers can change this. Ask @Ada Okafor")
    await expect(pat.modal).to_have_count(0)


async def test_a_guest_learns_of_no_channel_that_they_are_not_in(acme: Stage, sit: Sit) -> None:
    await acme.add_destination("Every movement")
    gus = await sit(GUS)
    await gus.go()
    await expect(gus.middle).to_contain_text("for members of this workspace, not for guests. Ask @Ada Okafor")
    await expect(gus.middle).not_to_contain_text("revenue")
    await expect(gus.middle.get_by_role("button")).to_have_text(["Quiet hours"])
    await expect(gus.page.locator("#side")).not_to_contain_text("revenue")
    await gus.go(REVENUE)
    await expect(gus.page.locator("#head")).to_contain_text("Runrate")


async def test_a_member_asks_for_a_recap_of_their_own_and_for_quiet_hours(acme: Stage, dana: Seat) -> None:
    await dana.go()
    await expect(dana.section("What you get")).to_contain_text("Nothing comes to you by direct message yet.")
    await dana.press("Send me a daily recap by DM")
    mine = dana.section("What you get")
    await expect(mine).to_contain_text("Your daily recap comes at 09:00 America/New_York · next: ")
    await dana.open_modal("Change my recap", "Your recap")
    await dana.modal.get_by_label("Weekly").check()
    await dana.fill("Time", "07:30")
    await dana.submit_and_close()
    await expect(mine).to_contain_text("Your weekly recap comes at 07:30 America/New_York")

    await dana.open_modal("Quiet hours", "Quiet hours")
    await dana.fill("From", "22:00")
    await dana.fill("To", "22:00")
    await dana.submit()
    await expect(dana.error("To")).to_have_text("Choose an end that differs from the beginning.")
    await dana.fill("To", "06:45")
    for day in ("Saturday", "Sunday"):
        await dana.modal.get_by_label(day).uncheck()
    await dana.submit_and_close()
    await expect(mine).to_contain_text("Quiet hours from 22:00 to 06:45 on weekdays, America/New_York")
    await expect(mine).to_contain_text("Your weekly recap")
    await dana.press("End quiet hours")
    await expect(mine).not_to_contain_text("Quiet hours")
    await dana.press("Stop my recap")
    await expect(mine).to_contain_text("Nothing comes to you by direct message yet.")


async def test_a_member_shares_an_answer_and_undoes_a_mute(acme: Stage, dana: Seat) -> None:
    await acme.add_destination()
    _, webhook = await acme.add_source()
    await acme.move(webhook, "Northwind Traders")
    await dana.go(REVENUE)
    await expect(dana.messages("Northwind Traders — Expansion")).to_be_visible()
    await dana.say("/mrr acount northwind")
    await dana.press("Yes, do it")
    await expect(dana.messages("Northwind Traders — Customer")).to_contain_text("Only visible to you")
    await dana.press("Share here")
    await expect(dana.messages("Dana Reyes shared this")).to_contain_text("Northwind Traders — Customer")
    await dana.say("/mrr mute northwind week")
    await expect(dana.messages("You get no direct messages about Northwind Traders until")).to_be_visible()

    await dana.go()
    await dana.section("Northwind Traders · until").get_by_role("button", name="Undo").click()
    await expect(dana.middle).not_to_contain_text("What you muted")


async def test_another_person_is_chosen_from_the_list_and_sees_their_own(acme: Stage, ada: Seat) -> None:
    await ada.go()
    await expect(ada.button("Add source")).to_be_visible()
    await ada.page.get_by_label("Acme · you are").select_option(label="Pat Singh · Analyst")
    await expect(ada.middle).to_contain_text("To change what is posted, ask @Ada Okafor")
    await expect(ada.button("Add source")).to_have_count(0)


async def test_a_destination_is_made_with_the_keyboard_alone(acme: Stage, ada: Seat) -> None:
    await ada.go()
    await expect(ada.button("New destination")).to_be_visible()
    keyboard = ada.page.keyboard
    await tab_to(ada.page, "New destination")
    await keyboard.press("Enter")
    await expect(ada.modal.get_by_label("Name")).to_be_focused()
    await keyboard.press("Escape")
    await expect(ada.modal).to_have_count(0)
    await expect(ada.button("New destination")).to_be_focused()

    await keyboard.press("Enter")
    await expect(ada.modal.get_by_label("Name")).to_be_focused()
    await keyboard.type("Every movement")
    await tab_to(ada.page, "Channels")
    await keyboard.type("win")
    await keyboard.press("Enter")
    await expect(ada.modal.locator(".chip")).to_contain_text("wins")
    await keyboard.press("Escape")
    await tab_to(ada.page, "Save")
    await keyboard.press("Enter")
    await expect(ada.modal).to_have_count(0)
    await expect(ada.section("Every movement")).to_contain_text("Real-time to #wins")


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_everything_can_be_read(scheme: str, acme: Stage, browser: Browser) -> None:
    await acme.add_destination()
    _, webhook = await acme.add_source()
    await acme.move(webhook, "Northwind Traders")
    await acme.ada.message(REVENUE, containing="Northwind Traders")
    async with seated(browser, acme.sandbox.url, ADA, color_scheme=scheme) as ada:
        await ada.page.goto(acme.url)
        assert await ada.page.evaluate(FAINT) == []
        await ada.go(REVENUE)
        await expect(ada.messages("Northwind Traders")).to_be_visible()
        assert await ada.page.evaluate(FAINT) == []
        await ada.go(HOME)
        await ada.open_modal("New destination", "New destination")
        await ada.submit()
        await expect(ada.error("Channels")).to_be_visible()
        assert await ada.page.evaluate(FAINT) == []
        await ada.page.goto(f"{acme.sandbox.url}/chaos")
        assert await ada.page.evaluate(FAINT) == []


async def tab_to(page: Page, name: str) -> None:
    """Press Tab until what is called this has the focus."""
    for _ in range(60):
        await page.keyboard.press("Tab")
        focus = "e => e.ariaLabel || e.labels?.[0]?.firstChild.textContent.trim() || e.textContent.trim()"
        if await page.locator(":focus").evaluate(focus) == name:
            return
    raise AssertionError(f"Tab never reached {name}")
