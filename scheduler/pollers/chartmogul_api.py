"""ChartMogul's API as the poller uses it: two lists, read page by page, and one customer. Its base URL is a setting."""

from base64 import b64encode
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

import aiohttp

from scheduler.pollers.http import TIMEOUT, FailedError, Listed, get_json

PER_PAGE = 200


class ChartMogul:
    """The questions that the poller asks. Each raises `ApiError` where it is not answered."""

    def __init__(self, session: aiohttp.ClientSession, *, base_url: str, timeout: float = TIMEOUT) -> None:
        """Take the session that all calls share, and the one address that they go to."""
        self._session = session
        self._base_url = base_url.rstrip("/")
        self._timeout = timeout

    async def activities(self, key: str, *, since: datetime | None, cursor: str | None) -> Listed:
        """List activities since an instant, in the order in which they happened."""
        start = {"start-date": since.strftime("%Y-%m-%dT%H:%M:%SZ")} if since is not None else {}
        return await self._page(key, "activities", {"order": "date", **start}, cursor)

    async def customers(self, key: str, *, cursor: str | None) -> Listed:
        """List all customers."""
        return await self._page(key, "customers", {}, cursor)

    async def customer(self, key: str, uuid: str) -> dict[str, Any]:
        """Give one customer."""
        return await self._get(key, f"customers/{quote(uuid, safe='')}", {})

    async def _page(self, key: str, path: str, query: Mapping[str, str], cursor: str | None) -> Listed:
        place = {"cursor": cursor} if cursor is not None else {}
        answer = await self._get(key, path, {**query, "per_page": str(PER_PAGE), **place})
        entries, following = answer.get("entries"), answer.get("cursor")
        if not isinstance(entries, list):
            raise FailedError("sends a list without entries")
        if not answer.get("has_more"):
            return Listed(entries, None)
        if not isinstance(following, str) or not following or following == cursor:
            raise FailedError("says that there is more, and not where")
        return Listed(entries, following)

    async def _get(self, key: str, path: str, query: Mapping[str, str]) -> dict[str, Any]:
        credentials = b64encode(f"{key}:".encode()).decode()
        headers = {"Authorization": f"Basic {credentials}", "Accept": "application/json"}
        url = f"{self._base_url}/{path}"
        return await get_json(self._session, url, headers=headers, query=query, seconds=self._timeout)
