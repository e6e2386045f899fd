"""Segment: its destinations “ChartMogul” and “Webhook”, which post what people do in a product, unsigned."""

import json
from itertools import count
from typing import Any

from bot.vendors.desk import Vendor, Webhook
from bot.vendors.town import Town

AGENT = {"User-Agent": "Segment (Actions)", "Accept-Encoding": "gzip,deflate"}


def vendor(town: Town) -> Vendor:
    """Make its part of the page."""
    numbers = count(1)

    def _common(kind: str) -> dict[str, Any]:
        message = f"ajs-next-{town.stamp()}-{next(numbers)}"
        return {"type": kind, "message_id": message, "timestamp": town.stamp(), "sent_at": town.stamp()}

    async def _send(hook: Webhook, body: dict[str, Any], told: str) -> str:
        return f"{told} {await hook.post(json.dumps(body).encode(), AGENT)}"

    async def contact(hook: Webhook) -> str:
        company = town.next("segment")
        body = _common("Send Contact") | {
            "user_id": f"u-{company.domain}",
            "email": company.email,
            "name": company.person,
            "title": "Head of Operations",
            "company": {"id": company.external_id, "name": company.name},
        }
        return await _send(hook, body, f"{company.person} of {company.name} was identified.")

    async def customer(hook: Webhook) -> str:
        company = town.next("segment")
        body = _common("Send Customer") | {
            "user_id": f"u-{company.domain}",
            "group_id": company.external_id,
            "name": company.name,
            "website": f"https://{company.domain}",
            "description": "Told by Segment",
        }
        return await _send(hook, body, f"{company.person} joined {company.name}.")

    async def order(hook: Webhook) -> str:
        company = town.next("segment")
        body = {
            "type": "track",
            "event": "Order Completed",
            "userId": f"u-{company.domain}",
            "messageId": f"node-next-{town.stamp()}-{next(numbers)}",
            "timestamp": town.stamp(),
            "properties": {"name": company.person, "total": f"${120 + next(numbers) * 10}"},
            "context": {"groupId": company.external_id},
        }
        return await _send(
            hook, body, f"{company.person} completed an order; a workflow on “Order Completed” tells it."
        )

    return Vendor(
        slug="segment",
        name="Segment",
        about="In Runrate: Add source, “Segment”. Paste its URL here, as you would in Segment's destination.",
        takes_url=True,
        acts={"Identify a person": contact, "A person joins a company": customer, "Track “Order Completed”": order},
    )
