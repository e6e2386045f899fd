"""A local server that speaks Salesforce's API as it is documented: tokens, SOQL on accounts, its errors and limits.

It understands the SOQL that lists accounts, and refuses the rest as Salesforce does. What it can be told to get wrong
is `faults`: answers that the next requests get, whatever they ask.
"""

import base64
import json
import re
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any

from aiohttp import web
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256

from bot.vendors.serving import Fault, as_json, serving

CLIENT_ID = "planted-salesforce-client"
CLIENT_SECRET = "planted-salesforce-secret"  # noqa: S105 - it opens nothing
USERNAME = "integration@acme.example"
MY_DOMAIN = "https://acme.my.salesforce.com"
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
MOST_PER_BATCH = 2000
LONGEST_ASSERTION = 300
STANDARD = (
    "Id",
    "IsDeleted",
    "Name",
    "Website",
    "Type",
    "AccountNumber",
    "OwnerId",
    "SystemModstamp",
    "MasterRecordId",
)
_USER_FIELDS = ("Email", "IsActive", "Name")
_NEWEST = "(SELECT StageName FROM Opportunities WHERE IsDeleted = false ORDER BY CreatedDate DESC, Id DESC LIMIT 1)"
_QUERY = re.compile(
    r"SELECT (?P<fields>.+) FROM Account(?: WHERE (?P<where>.+))? ORDER BY Id LIMIT (?P<limit>\d+)", re.DOTALL
)
_CHANGED = re.compile(r"SystemModstamp >= (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)")
_SEMI_JOIN = re.compile(r"Id IN \(SELECT AccountId FROM Opportunity WHERE (SystemModstamp >= \S+)\)")
_AFTER = re.compile(r"Id > '(\w+)'")


class RefusedQueryError(Exception):
    """A query that Salesforce does not run."""

    def __init__(self, code: str, message: str) -> None:
        """Take Salesforce's error code and its words."""
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass
class SalesforceServer:
    """Salesforce, with what it knows."""

    client_id: str = CLIENT_ID
    client_secret: str = CLIENT_SECRET
    username: str = USERNAME
    my_domain: str = MY_DOMAIN
    public_key: RSAPublicKey | None = None
    """What assertions are verified with."""
    accounts: dict[str, dict[str, Any]] = field(default_factory=dict)
    users: dict[str, dict[str, Any]] = field(default_factory=dict)
    opportunities: list[dict[str, Any]] = field(default_factory=list)
    custom_fields: tuple[str, ...] = ("External_Id__c", "CSM__c", "Stage__c")
    most_per_batch: int = MOST_PER_BATCH
    clock: Callable[[], float] = time.time
    faults: deque[Fault | None] = field(default_factory=deque)
    queries: list[str] = field(default_factory=list)
    grants: list[str] = field(default_factory=list)
    """Which kinds of grants tokens were asked for with."""
    instance_url: str = ""
    """Where it says that its tokens are good for; its own address where this is empty."""
    url: str = ""
    _tokens: set[str] = field(default_factory=set)
    _locators: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    _numbers: "count[int]" = field(default_factory=lambda: count(1))

    # --- what it knows ---------------------------------------------------------------------------------------------

    def add_user(self, user_id: str = "005000000000001AAA", **fields: Any) -> str:
        """Know a user; Dana Reyes unless said otherwise."""
        self.users[user_id] = {"Email": "dana@acme.com", "IsActive": True, "Name": "Dana Reyes", **fields}
        return user_id

    def add_account(self, number: int = 1, **fields: Any) -> str:
        """Know an account, or know otherwise of it; Myriapod Labs unless said otherwise. Give its id."""
        account_id = f"001{number:012d}AAA"
        told: dict[str, Any] = {
            "Id": account_id,
            "IsDeleted": False,
            "Name": "Myriapod Labs",
            "Website": "https://www.myriapod.example/about",
            "OwnerId": None,
            **dict.fromkeys(self.custom_fields),
        }
        stamp = self._instant()
        self.accounts[account_id] = {**told, **self.accounts.get(account_id, {}), **fields, "SystemModstamp": stamp}
        return account_id

    def add_opportunity(self, account_id: str, stage: str, **fields: Any) -> dict[str, Any]:
        """Know an opportunity of an account."""
        told = {
            "Id": f"006{len(self.opportunities) + 1:012d}AAA",
            "AccountId": account_id,
            "StageName": stage,
            "IsDeleted": False,
            "CreatedDate": len(self.opportunities),
            "SystemModstamp": self._instant(),
        }
        self.opportunities.append({**told, **fields})
        return self.opportunities[-1]

    def expire_tokens(self) -> None:
        """Let no token that was given be good any longer."""
        self._tokens.clear()

    def _instant(self) -> str:
        return datetime.fromtimestamp(self.clock(), UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000")

    # --- what it answers -------------------------------------------------------------------------------------------

    async def answer(self, request: web.Request) -> web.Response:
        """Answer a request, or refuse it."""
        fault = self.faults.popleft() if self.faults else None
        if fault is not None:
            return fault.response()
        path = request.match_info["path"]
        match path.strip("/").split("/"):
            case ["services", "oauth2", "token"] if request.method == "POST":
                instance_url = str(request.url.origin()) + request.path.removesuffix(f"/{path}")
                return self._grant(await request.post(), self.instance_url or instance_url)
            case ["services", "data", _, "query" | "queryAll" as resource]:
                return self._authorised(request) or self._query(resource, request.query.get("q", ""))
            case ["services", "data", _, "query" | "queryAll", locator]:
                return self._authorised(request) or self._more(f"/{path}", locator)
            case _:
                return _error(404, "NOT_FOUND", "The requested resource does not exist")

    def _authorised(self, request: web.Request) -> web.Response | None:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme == "Bearer" and token in self._tokens:
            return None
        return _error(401, "INVALID_SESSION_ID", "Session expired or invalid")

    def _grant(self, form: Mapping[str, Any], instance_url: str) -> web.Response:
        grant = str(form.get("grant_type"))
        self.grants.append(grant)
        match grant:
            case "client_credentials":
                refusal = self._check_client(form)
            case _ if grant == JWT_BEARER:
                refusal = self._check_assertion(str(form.get("assertion")))
            case _:
                refusal = ("unsupported_grant_type", "grant type not supported")
        if refusal is not None:
            return as_json({"error": refusal[0], "error_description": refusal[1]}, 400)
        token = f"00D000000000001!planted.{len(self.grants)}"
        self._tokens.add(token)
        return as_json(
            {
                "access_token": token,
                "instance_url": instance_url,
                "id": f"{self.my_domain}/id/00D000000000001AAA/005000000000009AAA",
                "token_type": "Bearer",
                "issued_at": str(int(self.clock() * 1000)),
                "scope": "api",
            }
        )

    def _check_client(self, form: Mapping[str, Any]) -> tuple[str, str] | None:
        if form.get("client_id") != self.client_id:
            return "invalid_client_id", "client identifier invalid"
        if form.get("client_secret") != self.client_secret:
            return "invalid_client", "invalid client credentials"
        return None

    def _check_assertion(self, assertion: str) -> tuple[str, str] | None:
        claims = self._verified(assertion)
        if claims is None:
            return "invalid_grant", "invalid assertion"
        checks = (
            (claims.get("iss") == self.client_id, ("invalid_client_id", "client identifier invalid")),
            (claims.get("aud") == self.my_domain, ("invalid_grant", "audience is invalid")),
            (0 < claims.get("exp", 0) - self.clock() <= LONGEST_ASSERTION, ("invalid_grant", "expired assertion")),
            (claims.get("sub") == self.username, ("invalid_grant", "user hasn't approved this consumer")),
        )
        return next((refusal for holds, refusal in checks if not holds), None)

    def _verified(self, assertion: str) -> dict[str, Any] | None:
        """Give what an assertion claims, where the key that we know signed it."""
        try:
            signed, _, signature = assertion.rpartition(".")
            header, claims = (json.loads(_decoded(part)) for part in signed.split("."))
            if self.public_key is None or header.get("alg") != "RS256":
                return None
            self.public_key.verify(_decoded(signature), signed.encode(), PKCS1v15(), SHA256())
        except (ValueError, InvalidSignature):
            return None
        else:
            return dict(claims)

    # --- SOQL ------------------------------------------------------------------------------------------------------

    def _query(self, resource: str, query: str) -> web.Response:
        self.queries.append(query)
        try:
            records = self._run(query, is_all=resource == "queryAll")
        except RefusedQueryError as error:
            return _error(400, error.code, error.message)
        return self._batch(records, f"/services/data/v62.0/{resource}")

    def _more(self, path: str, locator: str) -> web.Response:
        records = self._locators.pop(locator, None)
        if records is None:
            return _error(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
        return self._batch(records, path.rpartition("/")[0])

    def _batch(self, records: list[dict[str, Any]], path: str) -> web.Response:
        batch, rest = records[: self.most_per_batch], records[self.most_per_batch :]
        answer: dict[str, Any] = {"totalSize": len(records), "done": not rest, "records": batch}
        if rest:
            locator = f"01g{next(self._numbers):012d}AAA-{len(batch)}"
            self._locators[locator] = rest
            answer["nextRecordsUrl"] = f"{path}/{locator}"
        return as_json(answer)

    def _run(self, query: str, *, is_all: bool) -> list[dict[str, Any]]:
        parsed = _QUERY.fullmatch(query)
        if parsed is None:
            raise RefusedQueryError("MALFORMED_QUERY", f"unexpected token: '{query[:20]}'")
        fields = [name.strip() for name in re.split(r",(?![^(]*\))", parsed["fields"])]
        for name in fields:
            self._check(name)
        if len({name.lower() for name in fields}) < len(fields):
            raise RefusedQueryError("INVALID_FIELD", "duplicate field selected")
        conditions = parsed["where"].split(" AND ") if parsed["where"] else []
        found = [
            one
            for one in sorted(self.accounts.values(), key=lambda one: one["Id"])
            if (is_all or not one["IsDeleted"]) and all(self._holds(condition, one) for condition in conditions)
        ]
        return [self._record(one, fields) for one in found[: int(parsed["limit"])]]

    def _check(self, name: str) -> None:
        if name == _NEWEST:
            return
        lookup, _, of = name.partition(".")
        is_known = self._user_field(lookup) is not None and of in _USER_FIELDS if of else self._own(name) is not None
        if not is_known:
            message = (
                f"\nSELECT {name}\n       ^\nERROR at Row:1:Column:8\nNo such column '{name}' on entity 'Account'."
            )
            raise RefusedQueryError("INVALID_FIELD", message)

    def _own(self, name: str) -> str | None:
        """Give a field as it is spelt, whatever the case it is asked in."""
        return next((one for one in (*STANDARD, *self.custom_fields) if one.lower() == name.lower()), None)

    def _user_field(self, relationship: str) -> str | None:
        return self._own(f"{relationship[:-1]}c" if relationship.lower().endswith("__r") else f"{relationship}Id")

    def _holds(self, condition: str, account: Mapping[str, Any]) -> bool:
        if changed := _CHANGED.fullmatch(condition):
            return _is_since(account, changed[1])
        if after := _AFTER.fullmatch(condition):
            return bool(account["Id"] > after[1])
        if joined := _SEMI_JOIN.fullmatch(condition):
            of_account = [one for one in self.opportunities if one["AccountId"] == account["Id"]]
            return any(self._holds(joined[1], one) for one in of_account)
        raise RefusedQueryError("MALFORMED_QUERY", f"unexpected token: '{condition[:20]}'")

    def _record(self, account: Mapping[str, Any], fields: list[str]) -> dict[str, Any]:
        account_id = account["Id"]
        url = f"/services/data/v62.0/sobjects/Account/{account_id}"
        record: dict[str, Any] = {"attributes": {"type": "Account", "url": url}}
        for name in fields:
            lookup, _, of = name.partition(".")
            if name == _NEWEST:
                record["Opportunities"] = self._newest(account_id)
            elif of:
                user = self.users.get(account.get(self._user_field(lookup) or "") or "")
                record.setdefault(lookup, None if user is None else {"attributes": {"type": "User"}})
                if user is not None:
                    record[lookup][of] = user[of]
            else:
                spelt = self._own(name) or name
                record[spelt] = account.get(spelt)
        return record

    def _newest(self, account_id: str) -> dict[str, Any] | None:
        of_account = [one for one in self.opportunities if one["AccountId"] == account_id and not one["IsDeleted"]]
        if not of_account:
            return None
        newest = max(of_account, key=lambda one: (one["CreatedDate"], one["Id"]))
        record = {"attributes": {"type": "Opportunity"}, "StageName": newest["StageName"]}
        return {"totalSize": 1, "done": True, "records": [record]}


def _is_since(record: Mapping[str, Any], written: str) -> bool:
    stamp = datetime.strptime(record["SystemModstamp"], "%Y-%m-%dT%H:%M:%S.%f%z")
    return stamp >= datetime.fromisoformat(written)


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def _error(status: int, code: str, message: str) -> web.Response:
    return as_json([{"message": message, "errorCode": code}], status)


LIMIT_EXCEEDED = Fault(
    403, body=json.dumps([{"message": "TotalRequests Limit exceeded.", "errorCode": "REQUEST_LIMIT_EXCEEDED"}])
)
"""What every request is answered once the organisation has used up its requests of 24 hours."""


@asynccontextmanager
async def salesforce_server(**fields: Any) -> AsyncIterator[SalesforceServer]:
    """Serve Salesforce's API on a port of its own; its `url` stands in for My Domain and for the instance."""
    served = SalesforceServer(**fields)
    async with serving(served.answer) as address:
        served.url = address
        yield served
