"""A local server that speaks Stripe's API as it is documented: keys, lists, its errors; and events, signed as Stripe's.

What it is told to do to customers and subscriptions makes the events that Stripe would make of it, with what was
before. Shapes are those of a current API version, in which a webhook tells of a discount no more than its id.
"""

import base64
import copy
import hmac
import json
import math
import re
from collections import deque
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from bot.vendors.serving import Fault, as_json, serving

API_KEY = "rk_test_planted"
SIGNING_SECRET = "whsec_planted"  # noqa: S105 - it opens nothing
VERSION = "2026-10-28.endive"
MOST_PER_PAGE = 100
KEPT_SECONDS = 30 * 24 * 3600
"""How long Stripe keeps events."""


def signature(body: str, secret: str, at: float) -> str:
    """Sign a webhook's body for the header `Stripe-Signature`."""
    signed = hmac.digest(secret.encode(), f"{int(at)}.{body}".encode(), "sha256").hex()
    return f"t={int(at)},v1={signed}"


@dataclass
class StripeServer:
    """Stripe, with what it knows. `now` is its clock, in seconds; whoever uses it turns it."""

    now: float
    api_key: str = API_KEY
    customers: dict[str, dict[str, Any]] = field(default_factory=dict)
    subscriptions: dict[str, dict[str, Any]] = field(default_factory=dict)
    coupons: dict[str, dict[str, Any]] = field(default_factory=dict)
    discounts: dict[str, dict[str, Any]] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)
    most_per_page: int = MOST_PER_PAGE
    faults: deque[Fault | None] = field(default_factory=deque)
    calls: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    url: str = ""
    signing_secret: str = SIGNING_SECRET

    @property
    def second(self) -> int:
        """The clock as Stripe writes it."""
        return math.floor(self.now)

    # --- what happens ----------------------------------------------------------------------------------------------

    def add_customer(self, **fields: Any) -> dict[str, Any]:
        """Let a customer come; Northwind Traders unless said otherwise."""
        told: dict[str, Any] = {
            "id": f"cus_{len(self.customers) + 1:04}",
            "object": "customer",
            "created": self.second,
            "email": "billing@northwind.example",
            "name": "Northwind Traders",
            "livemode": False,
            "metadata": {},
        }
        customer = {**told, **fields}
        self.customers[customer["id"]] = customer
        self._tell("customer.created", customer)
        return customer

    def add_coupon(self, **fields: Any) -> dict[str, Any]:
        """Know a coupon; half off forever unless said otherwise."""
        told = {"object": "coupon", "percent_off": 50.0, "amount_off": None, "currency": None, "duration": "forever"}
        coupon = {"id": f"coupon_{len(self.coupons) + 1}", **told, **fields}
        self.coupons[coupon["id"]] = coupon
        return coupon

    def discount(self, coupon: dict[str, Any], *, end: int | None = None) -> str:
        """Make a discount of a coupon, to be named by a subscription."""
        own_id = f"di_{len(self.discounts) + 1}"
        source = {"type": "coupon", "coupon": coupon["id"]}
        self.discounts[own_id] = {
            "id": own_id, "object": "discount", "source": source, "start": self.second, "end": end
        }  # fmt: skip
        return own_id

    def item(self, unit_amount: int | None = 10000, *, quantity: int = 1, **fields: Any) -> dict[str, Any]:
        """Make an item of a subscription: monthly, unless `interval`, `interval_count` and the price say otherwise."""
        recurring = {
            "interval": fields.pop("interval", "month"),
            "interval_count": fields.pop("interval_count", 1),
            "usage_type": fields.pop("usage_type", "licensed"),
        }
        price = {
            "id": f"price_{unit_amount}_{recurring['interval']}",
            "object": "price",
            "billing_scheme": "per_unit",
            "currency": "usd",
            "unit_amount": unit_amount,
            "unit_amount_decimal": None if unit_amount is None else str(unit_amount),
            "recurring": recurring,
            **fields,
        }
        own_id = f"si_{len(self.events)}_{unit_amount}_{quantity}"
        return {"id": own_id, "object": "subscription_item", "price": price, "quantity": quantity, "discounts": []}

    def subscribe(self, customer: str, *items: dict[str, Any], **fields: Any) -> dict[str, Any]:
        """Let a customer subscribe; to 100.00 a month unless said otherwise."""
        told: dict[str, Any] = {
            "id": f"sub_{len(self.subscriptions) + 1:04}",
            "object": "subscription",
            "customer": customer,
            "currency": "usd",
            "status": "active",
            "created": self.second,
            "start_date": self.second,
            "cancel_at": None,
            "cancel_at_period_end": False,
            "canceled_at": None,
            "ended_at": None,
            "trial_end": None,
            "pause_collection": None,
            "discounts": [],
            "items": {"object": "list", "data": list(items or (self.item(),)), "has_more": False},
            "metadata": {},
        }
        subscription = {**told, **fields}
        self.subscriptions[subscription["id"]] = subscription
        self._tell("customer.subscription.created", subscription)
        return subscription

    def change(self, subscription: str, *items: dict[str, Any], **fields: Any) -> dict[str, Any]:
        """Let a subscription change, and tell what was before. A trial that ends early ends now."""
        found = self.subscriptions[subscription]
        if items:
            fields["items"] = {"object": "list", "data": list(items), "has_more": False}
        if found["status"] == "trialing" != fields.get("status", "trialing") and found["trial_end"] > self.second:
            fields.setdefault("trial_end", self.second)
        before: dict[str, Any] = {name: copy.deepcopy(found.get(name)) for name in fields}
        if items:
            before["items"] = {"data": before["items"]["data"]}
        found.update(fields)
        return self._tell("customer.subscription.updated", found, previous_attributes=before)

    def cancel(self, subscription: str, *, at_period_end: int | None = None) -> dict[str, Any]:
        """Cancel a subscription at once, or for the end of its period."""
        if at_period_end is not None:
            return self.change(
                subscription, cancel_at_period_end=True, cancel_at=at_period_end, canceled_at=self.second
            )
        found = self.subscriptions[subscription]
        found.update(status="canceled", ended_at=self.second, canceled_at=found["canceled_at"] or self.second)
        return self._tell("customer.subscription.deleted", found)

    def _tell(self, kind: str, about: dict[str, Any], **data: Any) -> dict[str, Any]:
        event = {
            "id": f"evt_{len(self.events) + 1:05}",
            "object": "event",
            "api_version": VERSION,
            "created": self.second,
            "type": kind,
            "livemode": False,
            "data": {"object": copy.deepcopy(about), **data},
        }
        self.events.append(event)
        return event

    def webhook(self, event: dict[str, Any], *secrets: str) -> tuple[str, dict[str, str]]:
        """Give the body and the headers with which an event is sent, signed with each secret."""
        body = json.dumps(event)
        signatures = [signature(body, secret, self.now) for secret in secrets or (self.signing_secret,)]
        first, *others = signatures
        header = ",".join([first, *(one.partition(",")[2] for one in others)])
        return body, {"Content-Type": "application/json; charset=utf-8", "Stripe-Signature": header}

    def asked(self, path: str) -> list[dict[str, str]]:
        """Give the queries of the requests to a path."""
        return [query for asked, query in self.calls if asked == path]

    # --- what it answers -------------------------------------------------------------------------------------------

    async def answer(self, request: web.Request) -> web.Response:
        """Answer a request, or refuse it."""
        path = request.path.partition("/v1")[2]
        self.calls.append((path, dict(request.query)))
        key = _key_of(request)
        self.keys.append(key)
        fault = self.faults.popleft() if self.faults else None
        if fault is not None:
            return fault.response()
        if key != self.api_key:
            return _error(401, "invalid_request_error", "Invalid API Key provided.")
        what, _, own_id = path.strip("/").partition("/")
        if what == "subscriptions" and own_id in self.subscriptions:
            return as_json(self._expanded(self.subscriptions[own_id], _expand(request), prefix=""))
        entries = self._entries(what, request) if not own_id else None
        if entries is None:
            return _error(404, "invalid_request_error", f"No such path or object: {path}")
        return self._list(entries, request)

    def _entries(self, what: str, request: web.Request) -> list[dict[str, Any]] | None:
        match what:
            case "customers":
                return list(self.customers.values())
            case "subscriptions":
                wanted = request.query.get("status", "active")
                return [one for one in self.subscriptions.values() if wanted in {"all", one["status"]}]
            case "events":
                return self._events(request)
            case _:
                return None

    def _events(self, request: web.Request) -> list[dict[str, Any]]:
        kinds = [value for name, value in request.query.items() if name.startswith("types[")]
        since = max(int(request.query.get("created[gte]", 0)), self.second - KEPT_SECONDS)
        return [one for one in self.events if one["created"] >= since and (not kinds or one["type"] in kinds)]

    def _list(self, entries: Iterable[dict[str, Any]], request: web.Request) -> web.Response:
        """List newest first, behind the entry that is named."""
        placed = sorted(enumerate(entries), key=lambda entry: (entry[1]["created"], entry[0]), reverse=True)
        newest = [one for _, one in placed]
        after = request.query.get("starting_after")
        if after is not None:
            places = [place for place, one in enumerate(newest) if one["id"] == after]
            if not places:
                return _error(400, "invalid_request_error", f"No such object: '{after}'")
            newest = newest[places[0] + 1 :]
        limit = request.query.get("limit", "10")
        if not limit.isdecimal() or not 1 <= int(limit) <= MOST_PER_PAGE:
            return _error(400, "invalid_request_error", "Invalid limit.")
        most = min(int(limit), self.most_per_page)
        data = [self._expanded(one, _expand(request), prefix="data.") for one in newest[:most]]
        return as_json({"object": "list", "url": request.path, "has_more": len(newest) > most, "data": data})

    def _expanded(self, entry: dict[str, Any], expand: list[str], *, prefix: str) -> dict[str, Any]:
        """Put the discounts and their coupons in the place of ids, where that was asked for."""
        if not any(one.startswith(f"{prefix}discounts") for one in expand):
            return entry
        discounts = [copy.deepcopy(self.discounts[own_id]) for own_id in entry["discounts"]]
        for discount in discounts if f"{prefix}discounts.source.coupon" in expand else []:
            discount["source"]["coupon"] = self.coupons[discount["source"]["coupon"]]
        return {**entry, "discounts": discounts}


def _expand(request: web.Request) -> list[str]:
    return [value for name, value in request.query.items() if re.fullmatch(r"expand\[\d*\]", name)]


def _error(status: int, kind: str, message: str) -> web.Response:
    return as_json({"error": {"type": kind, "message": message}}, status)


def _key_of(request: web.Request) -> str:
    """Read the key from `Bearer key`, or from `Basic key:`."""
    scheme, _, credentials = request.headers.get("Authorization", "").partition(" ")
    if scheme == "Basic":
        return base64.b64decode(credentials).decode().partition(":")[0]
    return credentials if scheme == "Bearer" else ""


@asynccontextmanager
async def stripe_server(now: float, **fields: Any) -> AsyncIterator[StripeServer]:
    """Serve Stripe's API on a port of its own; its `url` is the base URL."""
    served = StripeServer(now, **fields)
    async with serving(served.answer) as address:
        served.url = address
        yield served
