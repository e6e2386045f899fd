"""HubSpot's CRM API as the poller uses it: companies, and the people behind their owner ids.

All companies are listed; changes are searched for. A search gives at most 10,000 results, so that each page is a search
of its own, for what has a higher id than the page before. Its index lags by moments, and knows nothing of archived
companies: who polls looks back a little, and lists archived ones with all the others.
"""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import aiohttp

from models.crm import HubSpotAccess
from models.secret import fingerprint
from scheduler.pollers.http import (
    TIMEOUT,
    Answer,
    ApiError,
    FailedError,
    LimitedError,
    Listed,
    RefusedError,
    ask,
    error_of,
)

VERSION = "2026-09"
COMPANIES = f"crm/objects/{VERSION}/companies"
OWNERS = f"crm/owners/{VERSION}"
PER_PAGE, PER_SEARCH, OWNERS_PER_PAGE = 100, 200, 500
"""The most that HubSpot gives at once."""

MOST_OWNERS_PAGES = 200
OWNERS_KEPT = 300.0
"""For so many seconds we remember who is behind an owner id, rather than ask again with each page."""

LONGEST_ID = 20
"""More than 64 bits."""

LISTED, ARCHIVED, SEARCHED = "listed", "archived", "searched"
DAILY_WAIT = 3600
"""The daily limit is counted until midnight in the account's time zone, which we don't know: we look every hour."""

_Owners = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class _Known:
    """The owners as they were at a time, and whom a company named that was not among them."""

    at: float
    owners: _Owners
    strangers: frozenset[str]


class HubSpot:
    """The questions that the poller asks. Each raises `ApiError` where it is not answered."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        *,
        base_url: str,
        timeout: float = TIMEOUT,
        clock: Callable[[], float] = time.monotonic,
        per_page: int = PER_PAGE,
        per_search: int = PER_SEARCH,
    ) -> None:
        """Take the session that all calls share, and the one address that they go to."""
        self._session = session
        self._base_url = base_url.rstrip("/")
        self._timeout = timeout
        self._clock = clock
        self._per_page = per_page
        self._per_search = per_search
        self._known: dict[str, _Known] = {}

    async def companies(self, access: HubSpotAccess, *, since: datetime | None, cursor: str | None) -> Listed:
        """List companies, each with the people in it: all and the archived ones, or those that changed since."""
        part, _, after = (cursor or (LISTED if since is None else SEARCHED)).partition(" ")
        if since is not None and part == SEARCHED:
            page = await self._search(access, since, after)
        else:
            page = await self._list(access, part, after)
        named = {one for company in page.entries for one in _owner_ids(company, access)}
        owners = await self._owners(access, named)
        return Listed([_with_owners(one, access, owners) for one in page.entries], page.cursor)

    async def _list(self, access: HubSpotAccess, part: str, after: str) -> Listed:
        query = {
            "limit": str(self._per_page),
            "properties": ",".join(_properties(access)),
            "archived": "true" if part == ARCHIVED else "false",
            **({"after": after} if after else {}),
        }
        answer = await self._ask(access, "GET", COMPANIES, params=query)
        following = _following(answer, after)
        if following is not None:
            return Listed(_results(answer), f"{part} {following}")
        return Listed(_results(answer), ARCHIVED if part == LISTED else None)

    async def _search(self, access: HubSpotAccess, since: datetime, after: str) -> Listed:
        changed = {
            "propertyName": "hs_lastmodifieddate",
            "operator": "GTE",
            "value": str(int(since.timestamp() * 1000)),
        }
        further = {"propertyName": "hs_object_id", "operator": "GT", "value": after}
        asked = {
            "filterGroups": [{"filters": [changed, *([further] if after else [])]}],
            "sorts": [{"propertyName": "hs_object_id", "direction": "ASCENDING"}],
            "properties": _properties(access),
            "limit": self._per_search,
        }
        answer = await self._ask(access, "POST", f"{COMPANIES}/search", json=asked)
        results = _results(answer)
        is_more = len(results) >= self._per_search or _following(answer, "") is not None
        return Listed(results, f"{SEARCHED} {_last_id(results, after)}" if is_more else None)

    async def _owners(self, access: HubSpotAccess, named: set[str]) -> _Owners:
        """Give who is behind each owner id, those who left too; asked anew where somebody new is named."""
        key, now = fingerprint(access.token), self._clock()
        known = self._known.get(key)
        if known is None or now - known.at > OWNERS_KEPT or named - known.owners.keys() - known.strangers:
            owners = {**await self._owners_of(access, "true"), **await self._owners_of(access, "false")}
            strangers = (known.strangers if known else frozenset()) | (named - owners.keys())
            known = self._known[key] = _Known(now, owners, strangers)
        return known.owners

    async def _owners_of(self, access: HubSpotAccess, archived: str) -> _Owners:
        owners: _Owners = {}
        after = ""
        for _ in range(MOST_OWNERS_PAGES):
            query = {"limit": str(OWNERS_PER_PAGE), "archived": archived, **({"after": after} if after else {})}
            answer = await self._ask(access, "GET", OWNERS, params=query)
            for one in _results(answer):
                if isinstance(one, dict):
                    owners[str(one.get("id"))] = {"email": one.get("email"), "archived": archived == "true"}
            following = _following(answer, after)
            if following is None:
                return owners
            after = following
        raise FailedError("lists owners without an end")

    async def _ask(self, access: HubSpotAccess, method: str, path: str, **request: Any) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {access.token}", "Accept": "application/json"}
        url = f"{self._base_url}/{path}"
        answer = await ask(self._session, method, url, seconds=self._timeout, headers=headers, **request)
        if answer.status != 200:  # noqa: PLR2004 - HTTP's own number
            raise _refusal(answer)
        return answer.object()


def _properties(access: HubSpotAccess) -> list[str]:
    chosen = [access.account_field, access.stage_field, *access.roles.values()]
    own = ["name", "domain", "website", "hs_object_id", "hs_merged_object_ids"]
    return list(dict.fromkeys([*own, *filter(None, chosen)]))


def _with_owners(company: Any, access: HubSpotAccess, owners: _Owners) -> Any:
    """Put the people beside the company, by their owner ids."""
    if not isinstance(company, dict):
        return company
    return {**company, "owners": {one: owners[one] for one in sorted(_owner_ids(company, access)) if one in owners}}


def _owner_ids(company: Any, access: HubSpotAccess) -> set[str]:
    properties = company.get("properties") if isinstance(company, dict) else None
    if not isinstance(properties, dict):
        return set()
    return {str(properties[name]) for name in access.roles.values() if properties.get(name)}


def _results(answer: Mapping[str, Any]) -> list[Any]:
    results = answer.get("results")
    if not isinstance(results, list):
        raise FailedError("sends a list without results")
    return results


def _following(answer: Mapping[str, Any], before: str) -> str | None:
    """Read where the next page begins; None where there is none."""
    paging = answer.get("paging")
    following = paging.get("next") if isinstance(paging, dict) else None
    if following is None:
        return None
    after = following.get("after") if isinstance(following, dict) else None
    if not isinstance(after, str) or not 0 < len(after) <= 1000 or after == before:  # noqa: PLR2004 - ample
        raise FailedError("says that there is more, and not where")
    return after


def _last_id(results: list[Any], before: str) -> str:
    last = results[-1].get("id") if results and isinstance(results[-1], dict) else None
    number = int(last) if isinstance(last, str) and last.isdecimal() and len(last) <= LONGEST_ID else 0
    if number <= int(before or 0):
        raise FailedError("says that there is more, and not where")
    return str(number)


def _refusal(answer: Answer) -> ApiError:
    """Read HubSpot's own error: a category, for a limit which one, for a refusal which scopes are missing."""
    value = answer.value()
    told: Mapping[str, Any] = value if isinstance(value, dict) else {}
    words = f"answers {answer.status}"
    match answer.status:
        case 403 if told.get("category") == "MISSING_SCOPES":
            return RefusedError(f"{words}: the key lacks {_scopes(told)}")
        case 429 | 477 | 503:  # 477 is HubSpot's own: it is moving the account.
            return LimitedError(words, answer.headers.get("Retry-After") or _wait(answer, told))
        case 400 | 404:
            return FailedError(words)
        case _:
            return error_of(answer, words)


def _wait(answer: Answer, told: Mapping[str, Any]) -> str | None:
    """Say for how many seconds a limit holds, where HubSpot names the limit and not the wait."""
    if told.get("policyName") == "DAILY":
        return str(DAILY_WAIT)
    interval = answer.headers.get("X-HubSpot-RateLimit-Interval-Milliseconds", "")
    return str(math.ceil(int(interval[:9]) / 1000)) if interval.isdecimal() else None


def _scopes(told: Mapping[str, Any]) -> str:
    """Name the scopes that are missing, as far as they are HubSpot's."""
    errors = told.get("errors")
    contexts = [one.get("context") for one in errors if isinstance(one, dict)] if isinstance(errors, list) else []
    named = [
        scope
        for context in contexts
        if isinstance(context, dict) and isinstance(context.get("requiredGranularScopes"), list)
        for scope in context["requiredGranularScopes"]
        if isinstance(scope, str) and scope.isascii() and scope.replace(".", "").replace("-", "").isalnum()
    ]
    return ", ".join(dict.fromkeys(named[:5])) or "a scope"
