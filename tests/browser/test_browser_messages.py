"""What can be done about a movement from its menu, as those see it who do it."""

import pytest
from playwright.async_api import expect

from bot.sandbox.people import REVENUE
from tests.browser.seat import Seat
from tests.stage import Stage

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_movement_is_claimed_and_its_account_muted_from_its_menu(acme: Stage, ada: Seat) -> None:
    await acme.add_destination()
    _, webhook = await acme.add_source()
    await acme.move(webhook, "Northwind Traders")
    await ada.go(REVENUE)
    told = ada.messages("Northwind Traders — Expansion")
    await expect(told).to_be_visible()

    await ada.press_in_menu("Northwind Traders — Expansion", "Claim")
    await expect(ada.messages("You take care of Northwind Traders now.")).to_contain_text("Only visible to you")
    await expect(ada.page.locator("details.thread")).to_contain_text("takes care of this: Northwind Traders")

    await ada.press_in_menu("Northwind Traders — Expansion", "Mute this account…")
    await expect(ada.modal.get_by_role("heading", name="Mute this account")).to_be_visible()
    await ada.modal.get_by_label("Until it is undone").check()
    await ada.submit("Mute")
    await expect(ada.modal).to_contain_text("Northwind Traders is muted in “Every movement” until it is undone.")
    await ada.submit("Done")
    await expect(ada.modal).to_have_count(0)

    await acme.move(webhook, "Northwind Traders", plan="Untold")
    await acme.move(webhook, "Contoso")
    await expect(ada.messages("Contoso — Expansion")).to_be_visible()
    await expect(ada.messages("Untold")).to_have_count(0)
