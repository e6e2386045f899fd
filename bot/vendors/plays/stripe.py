"""Stripe: a signed webhook for each change of a subscription, and an API that lists these, customers and events."""

from itertools import count
from typing import Any

from bot.vendors.desk import NotPossibleError, Vendor, Webhook
from bot.vendors.stripe import StripeServer
from bot.vendors.town import Town

KEY = "rk_test_demo"
SECRET = "whsec_demo"  # noqa: S105 - it opens nothing but the demo
DAY = 24 * 3600
HISTORY_DAYS = 180
SEAT = 2_500
"""What a seat costs, in cents a month."""


def vendor(town: Town) -> Vendor:
    """Make its part of the page. Three customers of its own have a history, which only the API tells."""
    server = StripeServer(town.now().timestamp(), api_key=KEY, signing_secret=SECRET)
    for number, name in enumerate(("Quill & Ember", "Polder Works", "Nightjar Foods"), start=1):
        _move_in(town, server, number, name)
    numbers = count()

    async def subscribes(hook: Webhook) -> str:
        company, number = town.next("stripe"), next(numbers)
        _set_clock(town, server)
        customer = server.add_customer(name=company.name, email=company.email, metadata={"domain": company.domain})
        server.subscribe(customer["id"], server.item(SEAT, quantity=10 + number))
        told = f"{company.name} subscribed to {10 + number} seats at ${SEAT / 100:,.0f} a month."
        return await _post(hook, server, told, events=2)

    async def adds_seats(hook: Webhook) -> str:
        subscription, name = _newest(server)
        _set_clock(town, server)
        seats = subscription["items"]["data"][0]["quantity"] + 4
        server.change(subscription["id"], server.item(SEAT, quantity=seats))
        return await _post(hook, server, f"{name} has {seats} seats now.")

    async def cancels(hook: Webhook) -> str:
        subscription, name = _newest(server)
        _set_clock(town, server)
        server.cancel(subscription["id"])
        return await _post(hook, server, f"{name} cancelled at once.")

    return Vendor(
        slug="stripe",
        name="Stripe",
        about=(
            "In Runrate: Add source, “Stripe”. Paste its URL here as the endpoint's, and the signing secret there; "
            "with the API key, Runrate also reads the history, silently, and every minute what is new."
        ),
        keys={"Signing secret": SECRET, "Restricted API key": KEY},
        takes_url=True,
        acts={"A customer subscribes": subscribes, "It adds four seats": adds_seats, "It cancels": cancels},
        api=server.answer,
    )


def _move_in(town: Town, server: StripeServer, number: int, name: str) -> None:
    server.now = town.now().timestamp() - (HISTORY_DAYS + number) * DAY
    domain = "".join(letter for letter in name.lower() if letter.isalpha()) + ".example"
    customer = server.add_customer(name=name, email=f"billing@{domain}", metadata={"domain": domain})
    subscription = server.subscribe(customer["id"], server.item(SEAT, quantity=8))
    server.now += 75 * DAY
    server.change(subscription["id"], server.item(SEAT, quantity=8 + 2 * number))


def _set_clock(town: Town, server: StripeServer) -> None:
    server.now = town.now().timestamp()


def _newest(server: StripeServer) -> tuple[dict[str, Any], str]:
    """Give the subscription that changes next, and whose it is."""
    active = [one for one in server.subscriptions.values() if one["status"] == "active"]
    if not active:
        raise NotPossibleError("Nobody is subscribed any more. Let a customer subscribe first.")
    return active[-1], server.customers[active[-1]["customer"]]["name"]


async def _post(hook: Webhook, server: StripeServer, told: str, *, events: int = 1) -> str:
    """Post what just happened as Stripe's webhook does, signed; without a URL only the API tells it."""
    if hook.url is None:
        return f"{told} The API tells it from now on; the webhook has no URL yet."
    answers = []
    for event in server.events[-events:]:
        body, headers = server.webhook(event)
        answers.append(await hook.post(body.encode(), headers))
    return f"{told} {answers[-1]}"
