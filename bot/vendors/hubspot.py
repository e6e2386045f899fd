"""A local server that speaks HubSpot's CRM API as it is documented: companies, searches, owners, its errors and limits.

What it can be told to get wrong is `faults`: answers that the next requests get, whatever they ask.
"""

import json
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from bot.vendors.serving import Fault, as_json, serving

TOKEN = "planted-hubspot-key"  # noqa: S105 - it opens nothing
MOST_PER_PAGE, MOST_PER_SEARCH, MOST_OWNERS = 100, 200, 500
MOST_RESULTS = 10_000
MOST_SEARCHES_A_SECOND = 5
DEFAULTS = ("createdate", "domain", "hs_lastmodifieddate", "hs_object_id", "name")
SCOPES = {"companies": "crm.objects.companies.read", "owners": "crm.objects.owners.read"}
_OPERATORS: dict[str, Callable[[int, int], bool]] = {
    "GTE": lambda value, limit: value >= limit,
    "GT": lambda value, limit: value > limit,
}


@dataclass
class HubSpotServer:
    """HubSpot, with what it knows."""

    token: str = TOKEN
    scopes: set[str] = field(default_factory=lambda: set(SCOPES.values()))
    companies: dict[int, dict[str, Any]] = field(default_factory=dict)
    owners: dict[str, dict[str, Any]] = field(default_factory=dict)
    portal_id: int = 62515
    most_results: int = MOST_RESULTS
    """How many results of one search can be had at most."""
    clock: Callable[[], float] = time.time
    keeps_limits: bool = False
    """Searches are limited to five a second, as HubSpot's are."""
    faults: deque[Fault | None] = field(default_factory=deque)
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    """What was asked: the path, and its query or body."""
    url: str = ""
    _searches: deque[float] = field(default_factory=deque)

    # --- what it knows ---------------------------------------------------------------------------------------------

    def add_owner(self, owner_id: str = "41629779", email: str = "dana@acme.com", *, archived: bool = False) -> str:
        """Know an owner; Dana Reyes unless said otherwise."""
        self.owners[owner_id] = {
            "id": owner_id,
            "email": email,
            "type": "PERSON",
            "firstName": "Dana",
            "lastName": "Reyes",
            "userId": None if archived else int(owner_id) + 1,
            "userIdIncludingInactive": int(owner_id) + 1,
            "createdAt": "2024-12-25T13:01:35.228Z",
            "updatedAt": "2025-12-25T13:01:35.228Z",
            "archived": archived,
        }
        return owner_id

    def add_company(self, company_id: int = 512, *, archived: bool = False, **properties: str | None) -> int:
        """Know a company, or know otherwise of it; Myriapod Labs unless said otherwise."""
        now = int(self.clock() * 1000)
        told = {"name": "Myriapod Labs", "domain": "myriapod.example", "createdate": str(now)}
        before = self.companies.get(company_id, {"properties": told})["properties"]
        stamps = {"hs_lastmodifieddate": str(now), "hs_object_id": str(company_id)}
        self.companies[company_id] = {"archived": archived, "properties": {**before, **properties, **stamps}}
        return company_id

    def asked(self, path: str) -> list[dict[str, Any]]:
        """Give what was asked of a path, by how it ends."""
        return [said for asked, said in self.calls if asked.endswith(path)]

    # --- what it answers -------------------------------------------------------------------------------------------

    async def answer(self, request: web.Request) -> web.Response:
        """Answer a request, or refuse it."""
        said = await request.json() if request.method == "POST" else dict(request.query)
        self.calls.append((request.path, said))
        fault = self.faults.popleft() if self.faults else None
        if fault is not None:
            return fault.response()
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            return _error(401, "INVALID_AUTHENTICATION", "Authentication credentials not found.")
        match request.method, *request.match_info["path"].strip("/").split("/"):
            case "GET", "crm", "objects", _, "companies":
                return self._lacks("companies") or self._list(said)
            case "POST", "crm", "objects", _, "companies", "search":
                return self._lacks("companies") or self._too_fast() or self._search(said)
            case "GET", "crm", "owners", _:
                return self._lacks("owners") or self._list_owners(said)
            case _:
                return _error(404, "OBJECT_NOT_FOUND", "resource not found")

    def _lacks(self, what: str) -> web.Response | None:
        scope = SCOPES[what]
        if scope in self.scopes:
            return None
        message = "This app hasn't been granted all required scopes to make this call."
        context = {"message": message, "context": {"requiredGranularScopes": [scope]}}
        return _error(403, "MISSING_SCOPES", message, errors=[context])

    def _too_fast(self) -> web.Response | None:
        now = self.clock()
        while self._searches and self._searches[0] <= now - 1:
            self._searches.popleft()
        self._searches.append(now)
        if not self.keeps_limits or len(self._searches) <= MOST_SEARCHES_A_SECOND:
            return None
        return limited("SECONDLY").response()

    def _list(self, query: Mapping[str, str]) -> web.Response:
        limit = int(query.get("limit", "10"))
        if limit > MOST_PER_PAGE:
            return _error(400, "VALIDATION_ERROR", "limit must be at most 100")
        is_archived, wanted = query.get("archived") == "true", query.get("properties", "").split(",")
        after = int(query.get("after", "0"))
        found = sorted(key for key, one in self.companies.items() if one["archived"] == is_archived and key > after)
        results = [self._shown(key, wanted) for key in found[:limit]]
        return as_json({"results": results, **_paging(str(found[limit - 1]) if len(found) > limit else None)})

    def _search(self, asked: Mapping[str, Any]) -> web.Response:
        limit, offset = asked.get("limit", 10), int(asked.get("after") or 0)
        if limit > MOST_PER_SEARCH or offset + limit > self.most_results:
            return _error(400, "VALIDATION_ERROR", "There was a problem with the request.")
        filters = [one for group in asked.get("filterGroups", []) for one in group["filters"]]
        try:
            found = [key for key, one in self.companies.items() if not one["archived"] and _matches(one, filters)]
            [order] = asked["sorts"]
        except (KeyError, ValueError):
            return _error(400, "VALIDATION_ERROR", "There was a problem with the request.")
        found.sort(key=lambda key: int(self.companies[key]["properties"][order["propertyName"]]))
        page = found[offset : offset + limit]
        results = [self._shown(key, asked.get("properties", ())) for key in page]
        following = str(offset + limit) if len(found) > offset + limit else None
        return as_json({"total": len(found), "results": results, **_paging(following)})

    def _list_owners(self, query: Mapping[str, str]) -> web.Response:
        limit = int(query.get("limit", "100"))
        if limit > MOST_OWNERS:
            return _error(400, "VALIDATION_ERROR", "limit must be at most 500")
        is_archived, after = query.get("archived") == "true", int(query.get("after", "0"))
        found = sorted(key for key, one in self.owners.items() if one["archived"] == is_archived and int(key) > after)
        results = [self.owners[key] for key in found[:limit]]
        return as_json({"results": results, **_paging(found[limit - 1] if len(found) > limit else None)})

    def _shown(self, company_id: int, wanted: Any) -> dict[str, Any]:
        company = self.companies[company_id]
        names = dict.fromkeys([*DEFAULTS, *filter(None, wanted)])
        changed = datetime.fromtimestamp(int(company["properties"]["hs_lastmodifieddate"]) / 1000, UTC).isoformat()
        return {
            "id": str(company_id),
            "properties": {name: company["properties"].get(name) for name in names},
            "createdAt": changed,
            "updatedAt": changed,
            "archived": company["archived"],
            "url": f"https://app.hubspot.com/contacts/{self.portal_id}/record/0-2/{company_id}",
        }


def _matches(company: Mapping[str, Any], filters: list[Mapping[str, str]]) -> bool:
    return all(
        _OPERATORS[one["operator"]](int(company["properties"][one["propertyName"]]), int(one["value"]))
        for one in filters
    )


def _paging(after: str | None) -> dict[str, Any]:
    return {"paging": {"next": {"after": after, "link": f"?after={after}"}}} if after is not None else {}


def _error(status: int, category: str, message: str, **more: Any) -> web.Response:
    return as_json(
        {"status": "error", "message": message, "category": category, "correlationId": "c-1", **more}, status
    )


def limited(policy: str, **headers: str) -> Fault:
    """Make the answer to a request beyond a limit: `SECONDLY`, `TEN_SECONDLY_ROLLING` or `DAILY`."""
    told = {"status": "error", "message": f"You have reached your {policy} limit.", "errorType": "RATE_LIMIT"}
    return Fault(429, headers, json.dumps({**told, "policyName": policy, "category": "RATE_LIMITS"}))


@asynccontextmanager
async def hubspot_server(**fields: Any) -> AsyncIterator[HubSpotServer]:
    """Serve HubSpot's API on a port of its own; its `url` is the base URL."""
    served = HubSpotServer(**fields)
    async with serving(served.answer) as address:
        served.url = address
        yield served
