"""Salesforce's REST API as the poller uses it: a token by client credentials or JWT, and accounts by SOQL.

Pages go by the account's id, not by Salesforce's own cursors: those expire, and a user has at most ten of them, while
an id is good for as long as it takes. Credentials go to the source's own My Domain alone, and the token to where that
says that the data are, if it is Salesforce's.
"""

import re
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import orjson
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from models.crm import SalesforceAccess, dump, relationship
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

VERSION = "v62.0"
PER_PAGE = 500
"""Salesforce gives up to 2,000; storing fewer keeps nobody else waiting for long."""

ASSERTION_LASTS = timedelta(minutes=3)
"""Salesforce takes no assertion that is good for longer."""

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_OURS = re.compile(r"https://(?:[a-z0-9-]{1,63}\.)+(?:salesforce|force)\.com", re.IGNORECASE)
"""Where a token may be sent to."""

_ID = re.compile(r"[A-Za-z0-9]{15}(?:[A-Za-z0-9]{3})?")
_NEWEST_STAGE = (
    "(SELECT StageName FROM Opportunities WHERE IsDeleted = false ORDER BY CreatedDate DESC, Id DESC LIMIT 1)"
)
ACCOUNTS, OPPORTUNITIES = "accounts", "opportunities"
"""What of a poll is being read: accounts that changed themselves, then those of which an opportunity did."""


@dataclass(frozen=True)
class _Token:
    """A token, and where it is good for."""

    value: str
    instance_url: str


class Salesforce:
    """The questions that the poller asks. Each raises `ApiError` where it is not answered."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        *,
        now: Callable[[], datetime],
        login_url: str = "",
        timeout: float = TIMEOUT,
        per_page: int = PER_PAGE,
    ) -> None:
        """Take the session that all calls share; with `login_url`, a server that stands in for every My Domain."""
        self._session = session
        self._now = now
        self._login_url = login_url.rstrip("/")
        self._timeout = timeout
        self._per_page = per_page
        self._tokens: dict[str, _Token] = {}

    async def accounts(self, access: SalesforceAccess, *, since: datetime | None, cursor: str | None) -> Listed:
        """List accounts by their ids, deleted ones too: all of them, or those that changed since an instant."""
        part, _, after = (cursor or ACCOUNTS).partition(" ")
        query = soql(access, part=part, since=since, after=after or None, limit=self._per_page)
        answer = await self._query(access, query)
        records, is_done = answer.get("records"), answer.get("done")
        if not isinstance(records, list):
            raise FailedError("sends a list without records")
        if is_done is False or len(records) >= self._per_page:
            return Listed(records, f"{part} {_last_id(records, after)}")
        is_last = part == OPPORTUNITIES or since is None or bool(access.stage_field)
        return Listed(records, None if is_last else OPPORTUNITIES)

    async def _query(self, access: SalesforceAccess, query: str) -> dict[str, Any]:
        """Ask; where the token is good no more, once again with a new one."""
        token = self._tokens.get(_key(access)) or await self._sign_in(access)
        answer = await self._ask_for(token, query)
        if answer.status == 401:  # noqa: PLR2004 - HTTP's own number
            answer = await self._ask_for(await self._sign_in(access), query)
        if answer.status != 200:  # noqa: PLR2004 - HTTP's own number
            raise _refusal(answer)
        return answer.object()

    async def _ask_for(self, token: _Token, query: str) -> Answer:
        url = f"{token.instance_url}/services/data/{VERSION}/queryAll"
        headers = {"Authorization": f"Bearer {token.value}", "Accept": "application/json"}
        return await ask(self._session, "GET", url, seconds=self._timeout, headers=headers, params={"q": query})

    async def _sign_in(self, access: SalesforceAccess) -> _Token:
        """Get a token, and keep it for the next questions."""
        url = f"{self._login_url or access.url}/services/oauth2/token"
        form = self._grant(access)
        answer = await ask(
            self._session, "POST", url, seconds=self._timeout, headers={"Accept": "application/json"}, data=form
        )
        if answer.status != 200:  # noqa: PLR2004 - HTTP's own number
            raise _sign_in_refusal(answer)
        told = answer.object()
        value, instance_url = told.get("access_token"), told.get("instance_url")
        if not isinstance(value, str) or not re.fullmatch(r"[!-~]{1,5000}", value):
            raise FailedError("sends no access token")
        token = self._tokens[_key(access)] = _Token(value, instance(instance_url, login_url=self._login_url))
        return token

    def _grant(self, access: SalesforceAccess) -> dict[str, str]:
        if access.private_key:
            return {"grant_type": JWT_BEARER, "assertion": assertion(access, now=self._now())}
        return {
            "grant_type": "client_credentials",
            "client_id": access.client_id,
            "client_secret": access.client_secret,
        }


def instance(told: Any, *, login_url: str) -> str:
    """Read where the token is good for, unless that is somebody else's."""
    url = told.rstrip("/") if isinstance(told, str) else ""
    if url != login_url if login_url else _OURS.fullmatch(url) is None:
        raise FailedError("names an address that is not Salesforce's")
    return url


def soql(access: SalesforceAccess, *, part: str, since: datetime | None, after: str | None, limit: int) -> str:
    """Write the query. Each name in it was checked when it was entered, and the id when it came."""
    lookups = [f"{relationship(name)}.{of}" for name in access.roles.values() for of in ("Email", "IsActive")]
    named = [access.account_field] if access.account_field else []
    stage = [access.stage_field or _NEWEST_STAGE]
    wanted = ["Id", "IsDeleted", "Name", "Website", *lookups, *named, *stage]
    # Salesforce refuses a field that is selected twice, whatever its case.
    selected = ", ".join({name.lower(): name for name in wanted}.values())
    conditions = [*_changed(part, since), *([f"Id > '{after}'"] if after else [])]
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    return f"SELECT {selected} FROM Account{where} ORDER BY Id LIMIT {limit}"  # noqa: S608 - SOQL, of checked names


def _changed(part: str, since: datetime | None) -> list[str]:
    if since is None:
        return []
    condition = f"SystemModstamp >= {since.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    if part == ACCOUNTS:
        return [condition]
    # An opportunity's change leaves its account as it was.
    return [f"Id IN (SELECT AccountId FROM Opportunity WHERE {condition})"]  # noqa: S608 - SOQL, of an instant


def assertion(access: SalesforceAccess, *, now: datetime) -> str:
    """Sign who we are and on whose behalf we ask, for this My Domain and a few minutes (RFC 7523)."""
    claims = {
        "iss": access.client_id,
        "sub": access.username,
        "aud": access.url,
        "exp": int((now + ASSERTION_LASTS).timestamp()),
    }
    signed = b".".join(_encoded(orjson.dumps(part)) for part in ({"alg": "RS256"}, claims))
    key = load_pem_private_key(access.private_key.encode(), password=None)
    if not isinstance(key, RSAPrivateKey):
        raise RefusedError("takes RSA keys only")
    return b".".join((signed, _encoded(key.sign(signed, PKCS1v15(), SHA256())))).decode()


def _encoded(part: bytes) -> bytes:
    return urlsafe_b64encode(part).rstrip(b"=")


def _key(access: SalesforceAccess) -> str:
    return fingerprint(dump(access))


def _last_id(records: list[Any], before: str) -> str:
    last = records[-1].get("Id") if records and isinstance(records[-1], dict) else None
    if not isinstance(last, str) or _ID.fullmatch(last) is None or last == before:
        raise FailedError("says that there is more, and not where")
    return last


def _refusal(answer: Answer) -> ApiError:
    """Read Salesforce's own error: an array of codes and messages."""
    errors = answer.value()
    error = errors[0] if isinstance(errors, list) and errors else None
    told: Mapping[str, Any] = error if isinstance(error, dict) else {}
    code = _plain(told.get("errorCode"))
    words = f"answers {answer.status} {code}".rstrip()
    if code == "REQUEST_LIMIT_EXCEEDED":  # It comes as a 403.
        return LimitedError(words, answer.headers.get("Retry-After"))
    if answer.status in {400, 404}:
        return FailedError(f"{words}{_detail(told.get('message'))}")
    return error_of(answer, words)


def _detail(message: Any) -> str:
    """Name the field or object that there is none of, or that the user may not see."""
    text = message if isinstance(message, str) else ""
    found = re.search(r"No such column '([\w.]{1,80})'|relationship '(\w{1,80})'|sObject type '(\w{1,80})'", text)
    name = next(filter(None, found.groups()), None) if found else None
    return f": there is no {name}, or the user may not see it" if name else ""


def _sign_in_refusal(answer: Answer) -> ApiError:
    """Read the error of a token request (RFC 6749): whatever is wrong with it is wrong with what was entered."""
    value = answer.value()
    told: Mapping[str, Any] = value if isinstance(value, dict) else {}
    code, detail = _plain(told.get("error")), _plain(told.get("error_description"))
    words = f"answers {answer.status} {code}".rstrip() + (f" ({detail})" if detail else "")
    return RefusedError(words) if answer.status in {400, 401, 403} else error_of(answer, words)


def _plain(text: Any) -> str:
    """Keep of a text from outside what can do no harm where it is shown."""
    return re.sub(r"[^\w ',.:-]", "", text, flags=re.ASCII)[:100].strip() if isinstance(text, str) else ""
