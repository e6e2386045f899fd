"""A local server that speaks ChartMogul's API as it is documented: keys, lists with cursors, limits, its errors.

The real `chartmogul` client talks to it unchanged (`test_poll_chartmogul_client.py`). What it can be told to get wrong
is `faults`: answers that the next requests get, whatever they ask.
"""

import base64
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from aiohttp import web

from bot.vendors.serving import Fault, as_json, serving

API_KEY = "planted-chartmogul-key"
MOST_PER_PAGE = 200
MOST_A_SECOND = 40
NO_KEY = {"code": 401, "message": "No valid API key provided", "param": None}
TOO_FAST = {"code": 429, "message": "Your request rate has exceeded our rate limit.", "param": None}


@dataclass
class ChartMogulServer:
    """ChartMogul, with what it knows."""

    api_key: str = API_KEY
    activities: list[dict[str, Any]] = field(default_factory=list)
    customers: dict[str, dict[str, Any]] = field(default_factory=dict)
    most_per_page: int = MOST_PER_PAGE
    clock: Callable[[], float] | None = None
    """What the limit of requests a second counts by; none is kept without it."""
    faults: deque[Fault | None] = field(default_factory=deque)
    calls: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    url: str = ""
    epoch: int = 1
    """Cursors of an earlier one are not known any more."""
    _times: deque[float] = field(default_factory=deque)

    def add_activity(self, uuid: str, **fields: Any) -> dict[str, Any]:
        """Let something happen; a new subscription of Myriapod Labs unless said otherwise."""
        told: dict[str, Any] = {
            "description": "purchased the Silver plan",
            "activity-mrr-movement": 6000,
            "activity-mrr": 6000,
            "activity-arr": 72000,
            "date": "2026-11-16T08:59:00+00:00",
            "type": "new_biz",
            "currency": "USD",
            "subscription-external-id": "sub_0001",
            "plan-external-id": "silver",
            "customer-name": "Myriapod Labs",
            "customer-uuid": "cus_8bc55ab6",
            "customer-external-id": "cus_0001",
            "billing-connector-uuid": "ds_99076cb8",
            "uuid": uuid,
        }
        self.activities.append({**told, **{name.replace("_", "-"): value for name, value in fields.items()}})
        return self.activities[-1]

    def add_customer(self, uuid: str = "cus_8bc55ab6", **fields: Any) -> dict[str, Any]:
        """Know a customer; Myriapod Labs unless said otherwise."""
        told: dict[str, Any] = {
            "id": 25647 + len(self.customers),
            "uuid": uuid,
            "external_id": "cus_0001",
            "external_ids": ["cus_0001"],
            "data_source_uuid": "ds_99076cb8",
            "data_source_uuids": ["ds_99076cb8"],
            "name": "Myriapod Labs",
            "company": "",
            "email": "billing@myriapod.example",
            "status": "Active",
            "customer-since": "2026-11-16T08:59:00+00:00",
            "attributes": {"tags": [], "stripe": {}, "clearbit": {}, "custom": {}},
            "address": {"address_zip": "0185128", "city": "Nowhereville", "state": "Alaska", "country": "US"},
            "mrr": 6000,
            "arr": 72000,
            "currency": "USD",
            "currency-sign": "$",
            "chartmogul-url": f"https://app.chartmogul.com/#/customers/{uuid}",
            "billing-system-url": None,
            "billing-system-type": "Custom",
            "lead_created_at": None,
            "free_trial_started_at": None,
            "website_url": "https://myriapod.example",
            "owner": None,
        }
        self.customers[uuid] = {**told, **fields}
        return self.customers[uuid]

    def asked(self, path: str) -> list[dict[str, str]]:
        """Give the queries of the requests to a path."""
        return [query for asked, query in self.calls if asked == path]

    # --- what it answers -------------------------------------------------------------------------------------------

    async def answer(self, request: web.Request) -> web.Response:
        """Answer a request, or refuse it."""
        path = request.match_info["path"].removeprefix("v1")
        self.calls.append((path, dict(request.query)))
        key = _key_of(request)
        self.keys.append(key)
        fault = self.faults.popleft() if self.faults else None
        if fault is not None:
            return fault.response()
        if self._is_too_fast():
            return as_json(TOO_FAST, 429, {"Retry-After": "1"})
        if key != self.api_key:
            return as_json(NO_KEY, 401)
        return self._find(path, request.query)

    def _is_too_fast(self) -> bool:
        if self.clock is None:
            return False
        now = self.clock()
        while self._times and self._times[0] <= now - 1:
            self._times.popleft()
        self._times.append(now)
        return len(self._times) > MOST_A_SECOND

    def _find(self, path: str, query: Mapping[str, str]) -> web.Response:
        match path.strip("/").split("/"):
            case ["ping"]:
                return as_json({"data": "pong!"})
            case ["activities"]:
                return self._list(self._matching(query), query)
            case ["customers"]:
                return self._list([(str(one["id"]).zfill(12), one) for one in self.customers.values()], query)
            case ["customers", uuid] if uuid in self.customers:
                return as_json(self.customers[uuid])
            case _:
                return as_json({"code": 404, "message": "Resource not found", "param": None}, 404)

    def _matching(self, query: Mapping[str, str]) -> list[tuple[str, dict[str, Any]]]:
        """Give the activities of the period asked for, each with its place."""
        start, end = (_instant(query[name]) if name in query else None for name in ("start-date", "end-date"))
        return [
            (f"{_instant(one['date']).timestamp():018.6f} {one['uuid']}", one)
            for one in self.activities
            if (start is None or _instant(one["date"]) >= start)
            and (end is None or _instant(one["date"]) <= end)
            and query.get("type", one["type"]) == one["type"]
        ]

    def _list(self, entries: list[tuple[str, dict[str, Any]]], query: Mapping[str, str]) -> web.Response:
        is_falling = query.get("order", "date").startswith("-")
        entries.sort(key=lambda entry: entry[0], reverse=is_falling)
        if "cursor" in query:
            after = self._place(query["cursor"])
            if after is None:
                return as_json({"code": 400, "message": "Invalid cursor", "param": "cursor"}, 400)
            entries = [entry for entry in entries if (entry[0] < after if is_falling else entry[0] > after)]
        most = min(int(query.get("per_page", MOST_PER_PAGE)), self.most_per_page)
        page, rest = entries[:most], entries[most:]
        cursor = base64.urlsafe_b64encode(f"{self.epoch}|{page[-1][0]}".encode()).decode() if page else None
        return as_json(
            {"entries": [one for _, one in page], "cursor": cursor, "has_more": bool(rest), "per_page": most}
        )

    def _place(self, cursor: str) -> str | None:
        try:
            epoch, _, place = base64.urlsafe_b64decode(cursor).decode().partition("|")
        except ValueError:
            return None
        return place if epoch == str(self.epoch) else None


def _key_of(request: web.Request) -> str:
    scheme, _, credentials = request.headers.get("Authorization", "").partition(" ")
    user, _, password = base64.b64decode(credentials).decode().partition(":") if scheme == "Basic" else ("", "", "")
    return user if not password else ""


def _instant(written: str) -> datetime:
    return datetime.fromisoformat(written)


@asynccontextmanager
async def chartmogul_server(**fields: Any) -> AsyncIterator[ChartMogulServer]:
    """Serve ChartMogul's API on a port of its own; its `url` is the base URL."""
    served = ChartMogulServer(**fields)
    async with serving(served.answer) as address:
        served.url = f"{address}/v1"
        yield served
