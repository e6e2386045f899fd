"""A recap, from the form to the morning on which it comes."""

import re

import pytest
from playwright.async_api import expect

from bot.sandbox.people import REVENUE, WINS
from tests.browser.seat import Seat
from tests.stage import Stage

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_daily_recap_comes_on_the_morning_that_the_time_machine_jumps_to(acme: Stage, ada: Seat) -> None:
    _, webhook = await acme.add_source()
    await ada.go()
    await ada.open_modal("New destination", "New destination")
    await ada.fill("Name", "Each day")
    await ada.choose("Frequency", "Daily")
    await ada.fill("Time zone", "Mars/Olympus")
    await ada.choose("Channels", "wins")
    await ada.submit()
    await expect(ada.error("Time zone")).to_be_visible()
    await expect(ada.modal.get_by_label("Name")).to_have_value("Each day")
    await ada.fill("Time zone", "UTC")
    await ada.submit_and_close()
    await expect(ada.section("Each day")).to_contain_text("#wins")
    await acme.move(webhook, "Northwind Traders", kind="new_business", mrr_before_minor=0)

    await ada.page.get_by_role("link", name="Chaos panel").click()
    clock = ada.page.locator("#clock time")
    before = await clock.inner_text()
    await ada.press("+1 day")
    await expect(clock).not_to_have_text(before)
    await ada.page.get_by_role("button", name=re.compile("09:00 UTC")).first.click()
    await expect(clock).to_contain_text("09:00 UTC")
    await ada.go(WINS)
    recap = ada.messages("Northwind Traders")
    await expect(recap).to_contain_text("+$420")
    await expect(recap.get_by_role("figure")).to_be_visible()
    await expect(recap).to_contain_text("Each day")


async def test_where_slack_draws_no_charts_a_recap_shows_a_picture(acme: Stage, ada: Seat) -> None:
    _, webhook = await acme.add_source()
    form = await acme.destination_form()
    await form.fill({"Name": "Each day", "Frequency": "Daily: a recap of the day before", "Channels": [REVENUE]})
    assert (await form.submit()).closed
    await acme.move(webhook, "Northwind Traders", kind="new_business", mrr_before_minor=0)
    await acme.move(webhook, "Initech", kind="churn", amount_minor=-12_000, mrr_before_minor=12_000)

    await ada.page.goto(f"{ada.slack_url}/chaos?as={ada.user}")
    await ada.page.get_by_label("Messages in Acme can show").select_option("pictures, no charts")
    await expect(ada.page.get_by_text("Done.")).to_be_visible()
    clock = ada.page.locator("#clock time")
    before = await clock.inner_text()
    await ada.press("+1 day")
    await expect(clock).not_to_have_text(before)
    await ada.page.get_by_role("button", name=re.compile("09:00 UTC")).first.click()
    await expect(clock).to_contain_text("09:00 UTC")

    await ada.go(REVENUE)
    recap = ada.messages("Northwind Traders")
    drawn = recap.get_by_role("img", name=re.compile("New business \\+\\$420, .*Churn −\\$120"))
    await expect(drawn).to_be_visible()
    assert await drawn.evaluate("image => image.decode().then(() => image.naturalWidth)") > 1000
    await expect(recap.locator(".chart")).to_have_count(0)
