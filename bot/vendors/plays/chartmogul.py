"""ChartMogul: a webhook for each MRR movement, and an API that lists these and the customers."""

import json
from datetime import timedelta
from itertools import count
from typing import Any

from bot.vendors.chartmogul import ChartMogulServer
from bot.vendors.desk import Vendor, Webhook
from bot.vendors.town import Town

KEY = "demo-chartmogul-key"
HISTORY_MONTHS = 6
FIRST, STEP = 50_000, 12_000
"""What a customer begins with and what each change adds, in cents a month."""


def vendor(town: Town) -> Vendor:
    """Make its part of the page. Three customers of its own have a history, which only the API tells."""
    server = ChartMogulServer(api_key=KEY)
    numbers = count(1)
    names = ("Larch & Finch", "Copper Kite", "Tidewater Labs")
    for number, name in enumerate(names, start=1):
        _move_in(town, server, number, name)

    async def upgrade(hook: Webhook) -> str:
        number = next(numbers) % len(names) + 1
        mrr = _mrr(server, number) + STEP
        activity = _act(town, server, number, "expansion", STEP, mrr)
        told = f"{activity['customer-name']} upgraded to ${mrr / 100:,.0f} a month. The API lists it from now on."
        return f"{told} {await _webhook(hook, server, activity)}" if hook.url else f"{told} The webhook has no URL yet."

    return Vendor(
        slug="chartmogul",
        name="ChartMogul",
        about=(
            "In Runrate: Add source, “ChartMogul”. Paste its URL here as the webhook's; with the API key, Runrate also "
            "reads the history, silently, and every five minutes what is new."
        ),
        keys={"API key": KEY},
        takes_url=True,
        acts={"A customer upgrades": upgrade},
        api=server.answer,
    )


def _move_in(town: Town, server: ChartMogulServer, number: int, name: str) -> None:
    uuid = f"cus_desk_{number}"
    domain = "".join(letter for letter in name.lower() if letter.isalpha()) + ".example"
    owner = town.companies[number % len(town.companies)].owner if town.companies else None
    began = town.now() - timedelta(days=30 * HISTORY_MONTHS)
    server.add_customer(
        uuid,
        external_id=f"cm-{number}",
        external_ids=[f"cm-{number}"],
        name=name,
        email=f"billing@{domain}",
        website_url=f"https://{domain}",
        owner=owner,
        mrr=FIRST,
        arr=12 * FIRST,
        **{"customer-since": began.isoformat(timespec="seconds")},
        attributes={"tags": ["demo"], "stripe": {}, "clearbit": {}, "custom": {"Health": "good"}},
    )
    _act(town, server, number, "new_biz", FIRST, FIRST, at=began.isoformat(timespec="seconds"))
    _act(
        town,
        server,
        number,
        "expansion",
        STEP,
        FIRST + STEP,
        at=(began + timedelta(days=75)).isoformat(timespec="seconds"),
    )


def _mrr(server: ChartMogulServer, number: int) -> int:
    return int(server.customers[f"cus_desk_{number}"]["mrr"])


def _act(
    town: Town, server: ChartMogulServer, number: int, kind: str, amount: int, mrr: int, *, at: str | None = None
) -> dict[str, Any]:
    customer = server.customers[f"cus_desk_{number}"]
    customer |= {"mrr": mrr, "arr": 12 * mrr}
    return server.add_activity(
        f"act_{len(server.activities) + 1}",
        **{
            "date": at or town.now().isoformat(timespec="seconds"),
            "type": kind,
            "activity-mrr-movement": amount,
            "activity-mrr": mrr,
            "activity-arr": 12 * mrr,
            "description": "purchased the Growth plan" if kind == "new_biz" else "switched plan from Growth to Scale",
            "customer-name": customer["name"],
            "customer-uuid": customer["uuid"],
            "customer-external-id": customer["external_id"],
            "subscription-external-id": f"sub-{number}",
            "plan-external-id": "growth",
        },
    )


async def _webhook(hook: Webhook, server: ChartMogulServer, activity: dict[str, Any]) -> str:
    """Post a movement as ChartMogul's webhook does."""
    customer = server.customers[activity["customer-uuid"]]
    amount = activity["activity-mrr-movement"]
    body = {
        "date": activity["date"].replace("+00:00", ".000Z"),
        "type": "mrr_movement",
        "customer": {
            "name": customer["name"],
            "uuid": customer["uuid"],
            "email": customer["email"],
            "status": "active",
            "company": "",
            "currency": "USD",
            "current_arr": customer["arr"],
            "current_mrr": customer["mrr"],
            "external_id": customer["external_id"],
            "external_ids": customer["external_ids"],
            "currency_symbol": "$",
            "data_source_uuid": customer["data_source_uuid"],
        },
        "description": activity["description"],
        "subscription": {"external_id": activity["subscription-external-id"]},
        "movement_type": activity["type"],
        "account_currency": "USD",
        "invoice_currency": "USD",
        "account_currency_symbol": "$",
        "invoice_currency_symbol": "$",
        "movement_amount_in_cent": amount,
        "mrr_movement_in_account_currency": amount,
        "mrr_movement_in_invoice_currency": amount,
    }
    return await hook.post(json.dumps(body).encode(), {"User-Agent": "ChartMogul"})
