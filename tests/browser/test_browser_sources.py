"""Sources in a manager's hands: a key is rotated, a source paused, resumed and removed."""

import re

import pytest
from playwright.async_api import expect

from bot.sandbox.people import REVENUE
from tests.browser.seat import Seat
from tests.stage import Stage

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_source_is_rotated_paused_resumed_and_removed(acme: Stage, ada: Seat) -> None:
    await acme.add_destination()
    _, first = await acme.add_source()
    assert (await acme.try_to_move(first, currency="dollars")).status == 422
    await ada.go()
    await ada.press_in_menu("Billing", "Rotate key")
    await ada.submit("Rotate")
    shown = ada.modal.locator("pre", has_text=re.compile(r"^\s*http\S+/in/\S+\s*$"))
    await expect(ada.modal).to_contain_text("The key before this one works until")
    second = (await shown.inner_text()).strip()
    await ada.submit("Done")
    assert first != second

    await ada.press_in_menu("Billing", "Pause")
    await expect(ada.section("Billing")).to_contain_text("Paused since")
    for webhook, name in ((first, "Northwind"), (second, "Contoso")):
        await acme.move(webhook, name)

    async def held() -> bool:
        await ada.go()
        return "2 events wait" in await ada.section("Billing").inner_text()

    await acme.until(held, seconds=30)
    await ada.press_in_menu("Billing", "Details")
    await expect(ada.modal).to_contain_text("It is not a currency code of ISO 4217")
    await ada.fill("Name", "Invoices")
    await ada.submit_and_close()
    await ada.press_in_menu("Invoices", "Resume")
    await expect(ada.section("Invoices")).to_contain_text("Last event")
    await ada.go(REVENUE)
    for name in ("Northwind", "Contoso"):
        await expect(ada.messages(name)).to_have_count(1)

    await ada.go()
    await ada.press_in_menu("Invoices", "Remove")
    await ada.modal.get_by_label("Goes too").check()
    await ada.submit_and_close("Remove")
    await expect(ada.middle).to_contain_text("No source yet")
    assert [(await acme.try_to_move(webhook)).status for webhook in (first, second)] == [404, 404]
