"""A Stripe source in the Home tab: its secret, movements that stand in the channel, and another secret after it."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from bot.sandbox.people import ACME, DANA
from bot.vendors.stripe import API_KEY, StripeServer, stripe_server
from models import poll, source, stripe
from models.database import Database
from models.source import Source
from models.stripe import Cancellation, Passing, Rules
from tests.stage import Answer, Stage, staged

OLD, NEW = "whsec_planted_old", "whsec_planted_new"


@pytest.fixture
async def acme_and_stripe(
    database: Database,  # It is empty at the start.
    database_url: str,
) -> AsyncIterator[tuple[Stage, StripeServer]]:
    """Give the product, installed in Acme, with Stripe's API where the server is."""
    async with stripe_server(0) as server, staged(database_url, stripe_api_url=server.url) as made:
        await made.install()
        server.now = made.clock.seconds()
        yield made, server
    del database


async def send(at: Stage, url: str, server: StripeServer, event: dict[str, Any], *secrets: str) -> Answer:
    server.now = at.clock.seconds()
    body, headers = server.webhook(event, *secrets)
    return await at.post(url, body.encode(), kind=headers["Content-Type"], headers=headers)


def wait(at: Stage, server: StripeServer) -> None:
    """Let two hours pass: within one, whatever comes after new business counts as that."""
    at.clock.jump(at.clock.now() + timedelta(hours=2))
    server.now = at.clock.seconds()


async def the_source(at: Stage) -> Source:
    async with at.database.read() as session:
        [found] = await source.of_workspace(session, ACME)
    return found


async def test_a_stripe_source_is_added_signed_fed_and_gets_another_secret(
    acme_and_stripe: tuple[Stage, StripeServer],
) -> None:
    acme, server = acme_and_stripe
    await acme.add_destination()
    form = await (await acme.home()).click("Add source")
    assert form is not None
    await form.fill({"What sends": "Stripe"})
    for field, typed in (("New signing secret", "pk_live_1"), ("Restricted API key", "two words")):
        refused = await form.submit(
            {"Name": "Payments", "New signing secret": "", "Restricted API key": "", field: typed}
        )
        assert list(refused.errors) == [field]
    added = await form.submit({"Name": "Payments", "New signing secret": "", "Restricted API key": ""})
    assert added.modal is not None
    assert "None yet: whatever comes is answered 401" in added.modal.words
    url = next(word for word in added.modal.words.split() if "/in/rrk_" in word).strip("`")
    assert "Takes nothing yet: its signing secret is missing" in (await acme.home()).words

    server.add_customer(name="Northwind Traders")
    made = server.subscribe("cus_0001", server.item(12000))
    customer, created = server.events
    early = await send(acme, url, server, created, OLD)
    assert early.status == 401
    assert "enter it with the source in Runrate's Home tab" in early.text

    entering = await added.modal.click("Enter signing secret")
    assert entering is not None
    wrong = await entering.submit({"New signing secret": "hello"})
    assert wrong.errors["New signing secret"].startswith("That can't be a signing secret: it begins with whsec_.")
    await entering.submit({"New signing secret": OLD, "Coupons that lower MRR too": ["Those that count once"]})
    assert stripe.rules(await the_source(acme)) == Rules(subtracted=frozenset({Passing.ONCE}))
    for event in (customer, created, created):
        assert (await send(acme, url, server, event, OLD)).status == 200
    assert (await send(acme, url, server, created, NEW)).status == 401
    assert await acme.ada.message("#revenue", containing="New business")

    changing = await (await shown(acme)).click("Secrets and counting")
    assert changing is not None
    await changing.submit({"New signing secret": NEW, "A cancelled subscription is over": "When somebody cancels it"})
    wait(acme, server)
    changed = server.change(made["id"], server.item(20000))
    assert (await send(acme, url, server, changed, OLD, NEW)).status == 200
    assert await acme.ada.message("#revenue", containing="Expansion")
    first, second = stripe.signing_secrets(await the_source(acme))
    assert first.added_by == second.added_by == "U0ADA"

    again = await (await shown(acme)).click("Secrets and counting")
    assert again is not None
    await again.fill({"Signing secrets": [second.id]})
    await again.submit({})
    assert stripe.signing_secrets(await the_source(acme)) == [second]
    assert stripe.rules(await the_source(acme)).cancellation is Cancellation.AT_ONCE
    wait(acme, server)
    ended = server.cancel(made["id"])
    assert (await send(acme, url, server, ended, OLD)).status == 401
    assert (await send(acme, url, server, ended, NEW)).status == 200
    assert await acme.ada.message("#revenue", containing="Churn")

    words = (await acme.home()).words + (await shown(acme)).words + again.words + changing.words
    for secret in (OLD, NEW):
        assert secret not in words + repr(acme.logs)


async def shown(at: Stage) -> Any:
    modal = await (await at.home()).click("Show URL", near="Payments")
    assert modal is not None
    return modal


async def test_secrets_and_key_are_managers_business_and_an_empty_key_stops_polling(
    acme_and_stripe: tuple[Stage, StripeServer],
) -> None:
    acme, _ = acme_and_stripe
    form = await (await acme.home()).click("Add source")
    assert form is not None
    await form.fill({"What sends": "Stripe"})
    assert (await form.submit({"Name": "Payments", "Restricted API key": API_KEY})).modal is not None
    found = await the_source(acme)
    for callback in ("stripe_settings", "stripe_api_key"):
        answer = await acme.submit({"callback_id": callback, "private_metadata": found.id}, user=DANA)
        assert "Only managers can change this" in str(answer.json["view"])
    assert await polled(acme, found)
    changing = await (await shown(acme)).click("Change API key")
    assert changing is not None
    await changing.submit({"Restricted API key": ""})
    assert not await polled(acme, found)


async def polled(at: Stage, found: Source) -> bool:
    async with at.database.read() as session:
        return await poll.of_source(session, found.id) is not None
