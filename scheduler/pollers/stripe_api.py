"""Stripe's API as the poller uses it: three lists, read page by page, and one subscription. Its base URL is a setting.

Each request names the version of the API that it is written for, whatever the account's own is. Events alone come in
the shape that they were made in.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

import aiohttp

from scheduler.pollers.http import TIMEOUT, FailedError, get_json

PER_PAGE = 100
VERSION = "2026-10-28.endive"
COUPON = "discounts.source.coupon"
"""Where a subscription has its coupons in that version, which come as ids unless they are asked for."""


@dataclass(frozen=True)
class StripePage:
    """One page of a list; the cursor leads to the next one, where there is one."""

    entries: list[Any]
    cursor: str | None


class Stripe:
    """The questions that the poller asks. Each raises `ApiError` where it is not answered."""

    def __init__(self, session: aiohttp.ClientSession, *, base_url: str, timeout: float = TIMEOUT) -> None:
        """Take the session that all calls share, and the one address that they go to."""
        self._session = session
        self._base_url = base_url.rstrip("/")
        self._timeout = timeout

    async def customers(self, key: str, *, cursor: str | None) -> StripePage:
        """List all customers."""
        return await self._page(key, "customers", {}, cursor)

    async def subscriptions(self, key: str, *, cursor: str | None) -> StripePage:
        """List all subscriptions there ever were, with their coupons."""
        return await self._page(key, "subscriptions", {"status": "all", "expand[0]": f"data.{COUPON}"}, cursor)

    async def events(self, key: str, kinds: Sequence[str], *, since: datetime | None, cursor: str | None) -> StripePage:
        """List events of these kinds, newest first; Stripe keeps them for 30 days."""
        start = {"created[gte]": str(int(since.timestamp()))} if since is not None else {}
        types = {f"types[{number}]": kind for number, kind in enumerate(kinds)}
        return await self._page(key, "events", {**types, **start}, cursor)

    async def subscription(self, key: str, subscription_id: str) -> dict[str, Any]:
        """Give one subscription with its coupons."""
        return await self._get(key, f"subscriptions/{quote(subscription_id, safe='')}", {"expand[0]": COUPON})

    async def _page(self, key: str, path: str, query: Mapping[str, str], cursor: str | None) -> StripePage:
        place = {"starting_after": cursor} if cursor is not None else {}
        answer = await self._get(key, path, {**query, "limit": str(PER_PAGE), **place})
        entries = answer.get("data")
        if not isinstance(entries, list):
            raise FailedError("sends a list without data")
        if not answer.get("has_more"):
            return StripePage(entries, None)
        last = entries[-1].get("id") if entries and isinstance(entries[-1], dict) else None
        if not isinstance(last, str) or last == cursor:
            raise FailedError("says that there is more, and not where")
        return StripePage(entries, last)

    async def _get(self, key: str, path: str, query: Mapping[str, str]) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {key}", "Accept": "application/json", "Stripe-Version": VERSION}
        url = f"{self._base_url}/v1/{path}"
        return await get_json(self._session, url, headers=headers, query=query, seconds=self._timeout)
