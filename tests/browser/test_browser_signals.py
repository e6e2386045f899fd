"""Event messages and signals, as those who set them up and those who get them see them."""

import json
from typing import Any

import pytest
from playwright.async_api import expect

from bot.sandbox.people import REVENUE, WINS
from models.source import SourceKind
from tests.browser.seat import Seat
from tests.stage import Stage

pytestmark = pytest.mark.asyncio(loop_scope="session")

CONTOSO = {"external_id": "contoso", "name": "Contoso"}
OWNER = {"type": "role", "account_external_id": "contoso", "role": "owner", "email": "dana@acme.com"}


async def send(acme: Stage, url: str, *records: dict[str, Any]) -> None:
    answer = await acme.post(url, json.dumps(list(records)).encode(), kind="application/json")
    assert (answer.status, answer.json["refused"]) == (200, []), answer.text


def hire(acme: Stage, person: str) -> dict[str, Any]:
    signal = {"type": "signal", "kind": "new_hire", "person": person, "title": "VP Finance", "account": CONTOSO}
    return {**signal, "id": person, "occurred_at": acme.clock.now().isoformat()}


async def test_a_workflow_posts_its_message_under_its_own_name(acme: Stage, ada: Seat) -> None:
    _, webhook = await acme.add_source(kind=SourceKind.SEGMENT, name="Shop")
    await ada.go()
    await ada.open_modal("New workflow", "New workflow")
    await ada.fill("Name", "Orders")
    await ada.fill("When this event arrives", "Order Completed")
    await ada.fill("Post this message", "{{$.properties.name}} just ordered for {{properties.total}}!")
    await ada.submit()
    await expect(ada.modal.locator(".error").first).to_be_visible()
    await ada.fill("Post this message", "🎉 {{$.properties.name}} just ordered for {{$.properties.total}}!")
    await ada.choose("To this channel", "wins")
    await ada.fill("Under this name", "Order desk")
    await ada.fill("With this icon", ":tada:")
    await ada.submit_and_close()
    await expect(ada.section("Orders")).to_contain_text("when Order Completed arrives, a message to #wins")

    await ada.enter("wins")
    call = {"userId": "u_1", "event": "Order Completed", "messageId": "m-1", "writeKey": webhook.rsplit("/", 1)[1]}
    call["properties"] = {"name": "Aria <!channel>", "total": "$120"}
    answer = await acme.post(f"{acme.url}/v1/track", json.dumps(call).encode(), kind="application/json")
    assert answer.status == 200
    told = ada.messages("just ordered")
    await expect(told).to_contain_text("🎉 Aria <!channel> just ordered for $120!")
    await expect(told.locator(".byline")).to_contain_text("Order desk app")
    await expect(told.locator(".avatar")).to_have_text("🎉")


async def test_the_owner_reads_a_signal_stops_them_and_changes_their_mind(acme: Stage, dana: Seat) -> None:
    _, webhook = await acme.add_source()
    await dana.go(REVENUE)
    await send(acme, webhook, OWNER, hire(acme, "Sofia Marín"))
    await expect(dana.page.locator("#side").get_by_label("1 unread")).to_be_visible()
    await dana.enter("Runrate")
    signal = dana.messages("Sofia Marín")
    await expect(signal).to_contain_text("joined Contoso as VP Finance")
    await expect(signal).to_contain_text("Sent to you because dana@acme.com is named as owner of Contoso.")
    await expect(dana.page.locator("#foot")).to_have_text("Sending messages to this app has been turned off.")

    await signal.get_by_role("button", name="More actions").click()
    await signal.get_by_role("menuitem", name="Stop signals").click()
    answer = dana.messages("You get no more signals from Runrate.")
    await expect(answer).to_contain_text("Only visible to you")
    await answer.get_by_role("button", name="Undo").click()
    await expect(dana.messages("You get signals again.")).to_be_visible()
    await send(acme, webhook, hire(acme, "Noor Haddad"))
    await expect(dana.messages("Noor Haddad")).to_be_visible()


async def test_without_an_owner_the_fallback_channel_hears_of_it(acme: Stage, ada: Seat) -> None:
    _, webhook = await acme.add_source()
    await ada.go()
    await ada.open_modal("Fallback channel", "Signals")
    await ada.choose("Fallback channel", "wins")
    await ada.submit_and_close()
    await expect(ada.section("Signals")).to_contain_text("#wins")
    await ada.go(WINS)
    await send(acme, webhook, hire(acme, "Sofia Marín"))
    told = ada.messages("Sofia Marín")
    await expect(told).to_contain_text("Told here because nobody is named as owner of Contoso.")
    await expect(told.get_by_role("menuitem", name="Stop signals", include_hidden=True)).to_have_count(0)
