"""Your own system: movements, subscriptions and signals, as kind `api` takes them."""

import json
from itertools import count
from typing import Any

from bot.vendors.desk import Vendor, Webhook
from bot.vendors.town import Town


def vendor(town: Town) -> Vendor:
    """Make its part of the page."""
    numbers = count(1)

    async def _send(hook: Webhook, **record: Any) -> str:
        answer = await hook.post(json.dumps(record).encode(), {})
        return f"Sent {json.dumps(record)}. {answer}"

    async def expansion(hook: Webhook) -> str:
        company = town.next("own")
        return await _send(
            hook,
            type="movement",
            id=f"desk-{town.stamp()}-{next(numbers)}",
            account={"external_id": company.external_id, "name": company.name},
            kind="expansion",
            amount_minor=42_000,
            currency="USD",
            occurred_at=town.stamp(),
        )

    async def subscription(hook: Webhook) -> str:
        company = town.next("own")
        return await _send(
            hook,
            type="subscription",
            external_id=f"addon-{company.external_id}",
            account={"external_id": company.external_id, "name": company.name},
            mrr_minor=9_900 + 100 * next(numbers),
            currency="USD",
            starts_at=town.stamp(),
        )

    async def hire(hook: Webhook) -> str:
        company = town.next("own")
        return await _send(
            hook,
            type="signal",
            id=f"desk-{town.stamp()}-{next(numbers)}",
            account_external_id=company.external_id,
            kind="new_hire",
            person=company.person,
            title="VP Finance",
            text=f"Joined {company.name} this week.",
            occurred_at=town.stamp(),
        )

    return Vendor(
        slug="own",
        name="Your own system",
        about="In Runrate: Add source, “Your own system”. Paste its URL here.",
        takes_url=True,
        acts={"A movement": expansion, "A subscription changes": subscription, "A signal: a new hire": hire},
    )
