"""Movements as people meet them in a channel: their menu, and how several of one account are told."""

import json
from typing import Any

import pytest
from playwright.async_api import expect

from bot.sandbox.people import ADA, REVENUE, WINS
from models import destination
from models.recipient import RecipientKind
from models.wish import Wish
from tests.browser.seat import Seat
from tests.stage import ACME, Stage

pytestmark = pytest.mark.asyncio(loop_scope="session")
NORTHWIND = "Northwind Traders — Expansion"


async def test_a_movement_s_menu_answers_claims_releases_and_mutes(acme: Stage, ada: Seat) -> None:
    await acme.add_destination()
    _, webhook = await acme.add_source()
    await acme.move(webhook, "Northwind Traders")
    await ada.go(REVENUE)
    await expect(ada.messages(NORTHWIND)).to_be_visible()

    await ada.press_in_menu(NORTHWIND, "Why did I get this?")
    await expect(ada.modal).to_contain_text("“Every movement” posts here each movement as it happens.")
    await ada.page.keyboard.press("Escape")
    await ada.press_in_menu(NORTHWIND, "Account history")
    await expect(ada.modal).to_contain_text("Expansion +$420 → $1,620")
    await ada.page.keyboard.press("Escape")

    await ada.press_in_menu(NORTHWIND, "Claim")
    await expect(ada.messages("You take care of Northwind Traders now.")).to_contain_text("Only visible to you")
    await expect(ada.page.locator("details.thread")).to_contain_text("takes care of this: Northwind Traders")
    await ada.press_in_menu(NORTHWIND, "Claimed by Ada Okafor")
    await expect(ada.messages("You have taken care of Northwind Traders since")).to_be_visible()
    await ada.button("Release").first.click()
    await expect(ada.page.locator("details.thread")).to_contain_text("let this go: Northwind Traders is free to claim")

    await ada.press_in_menu(NORTHWIND, "Mute this account…")
    await expect(ada.modal.get_by_role("heading", name="Mute this account")).to_be_visible()
    await ada.modal.get_by_label("Until it is undone").check()
    await ada.submit("Mute")
    await expect(ada.modal).to_contain_text("Northwind Traders is muted in “Every movement” until it is undone.")
    await acme.move(webhook, "Northwind Traders", plan="Untold")
    await acme.move(webhook, "Contoso")
    await expect(ada.messages("Contoso — Expansion")).to_be_visible()
    await expect(ada.messages("Untold")).to_have_count(0)
    await ada.submit("Undo")
    await expect(ada.modal).to_contain_text("Northwind Traders is not muted any more.")


async def test_an_account_s_changes_are_told_together_or_under_its_card_and_corrected(acme: Stage, ada: Seat) -> None:
    await add_destination(acme, REVENUE, group_minutes=15)
    await add_destination(acme, WINS, has_threads=True)
    _, webhook = await acme.add_source()
    for before in (120_000, 162_000):
        await acme.move(webhook, "Northwind Traders", mrr_before_minor=before)
    loss: dict[str, Any] = {"kind": "contraction", "amount_minor": -4_000, "mrr_before_minor": 204_000}
    await acme.move(webhook, "Northwind Traders", **loss)

    await ada.go(REVENUE)
    await expect(ada.messages("+$840 MRR in 2 changes")).to_contain_text("$1,200 → $2,040")
    reply = ada.messages("replied to a thread")
    await expect(reply).to_contain_text("Northwind Traders — Contraction −$40 MRR")

    await ada.go(WINS)
    card = ada.messages("3 changes since")
    await expect(card).to_contain_text("Northwind Traders — $2,000 MRR")
    await expect(card).to_contain_text("▼ Contraction −$40 MRR")
    await expect(ada.page.locator("details.thread").locator("article")).to_have_count(3)

    now = acme.clock.now().isoformat()
    kite = {"type": "subscription", "external_id": "sub-kite", "mrr_minor": 42_000, "currency": "USD", "starts_at": now}
    kite["account"] = {"external_id": "kite", "name": "Kite Analytics"}
    await send(acme, webhook, {**kite, "occurred_at": now})
    await expect(ada.messages("Kite Analytics — New business").last).to_contain_text("$0 → $420")
    await send(acme, webhook, {**kite, "mrr_minor": 0, "occurred_at": acme.clock.now().isoformat()})
    await expect(ada.page.locator("s")).to_contain_text("Kite Analytics — New business +$420 MRR")
    await expect(ada.page.locator("details.thread").last).to_contain_text("taken back: New business +$420 MRR")
    await expect(ada.messages("its source took it back")).to_contain_text("Kite Analytics — nothing of what was told")
    await ada.press_in_menu("Taken back: it did not happen", "Why did I get this?")
    await expect(ada.modal).to_contain_text("A movement of Kite Analytics that its source took back")


async def add_destination(acme: Stage, channel: str, **wanted: Any) -> None:
    wish = Wish(name=f"To {channel}", recipients=((RecipientKind.CHANNEL, channel),), **wanted)
    async with acme.database.write() as session:
        await destination.create(session, ACME, wish, by=ADA, now=acme.clock.now())


async def send(acme: Stage, webhook: str, record: dict[str, Any]) -> None:
    answer = await acme.post(webhook, json.dumps(record).encode(), kind="application/json")
    assert (answer.status, answer.json["refused"]) == (200, []), answer.text
