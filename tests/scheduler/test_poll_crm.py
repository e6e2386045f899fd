"""Polling a CRM: everything once, then what changes; page by page, no faster than allowed, and nothing twice."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import aiohttp
import pytest
import structlog
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from sqlalchemy import select

from bot.vendors.hubspot import TOKEN, HubSpotServer, hubspot_server, limited
from bot.vendors.salesforce import (
    CLIENT_ID,
    CLIENT_SECRET,
    JWT_BEARER,
    LIMIT_EXCEEDED,
    MY_DOMAIN,
    USERNAME,
    SalesforceServer,
    salesforce_server,
)
from bot.vendors.serving import Fault
from handlers.senders import hubspot, records, salesforce
from models import crm, poll
from models.crm import HubSpotAccess, SalesforceAccess
from models.database import Database
from models.delivery import Delivery, FactKind
from models.event import Event
from models.poll import LEASE, Poll
from models.source import Source, SourceKind
from scheduler.pollers.crm import COURSE, CrmAdapter
from scheduler.pollers.http import FailedError, LimitedError, RefusedError
from scheduler.pollers.hubspot_api import COMPANIES, HubSpot
from scheduler.pollers.poller import Poller
from scheduler.pollers.salesforce_api import Salesforce, instance
from tests import seeds
from tests.seeds import KEYRING
from tests.sending import Clock

DAY = timedelta(days=1)
SECRET = SalesforceAccess(url=MY_DOMAIN, client_id=CLIENT_ID, client_secret=CLIENT_SECRET)
WITH_FIELDS = SalesforceAccess(
    url=MY_DOMAIN,
    client_id=CLIENT_ID,
    client_secret=CLIENT_SECRET,
    account_field="external_id__C",
    roles={"owner": "OwnerId", "csm": "CSM__c"},
)
KEY = HubSpotAccess(token=TOKEN, account_field="account_id", roles={"owner": "hubspot_owner_id", "csm": "csm_owner"})

on_one_engine = pytest.mark.parametrize("engine_name", ["sqlite"])
"""For what does not depend on the database."""


@dataclass
class Asking:
    """A database, a CRM of each kind, and what polls them, under a clock that is turned by hand."""

    database: Database
    salesforce: SalesforceServer
    hubspot: HubSpotServer
    http: aiohttp.ClientSession
    clock: Clock

    per_page: int = 100
    """How many are asked for at once; few make many pages of little."""

    def asks_salesforce(self) -> Salesforce:
        return Salesforce(self.http, now=self.clock.now, login_url=self.salesforce.url, per_page=self.per_page)

    def asks_hubspot(self) -> HubSpot:
        url, clock = self.hubspot.url, self.clock.seconds
        return HubSpot(self.http, base_url=url, clock=clock, per_page=self.per_page, per_search=self.per_page)

    def poller(self) -> Poller:
        adapters = {
            SourceKind.SALESFORCE: CrmAdapter(
                load=crm.load_salesforce,
                ask=self.asks_salesforce().accounts,
                read=salesforce.read_account,
                reader=records,
            ),
            SourceKind.HUBSPOT: CrmAdapter(
                load=crm.load_hubspot, ask=self.asks_hubspot().companies, read=hubspot.read_company, reader=records
            ),
        }
        return Poller(database=self.database, adapters=adapters, keyring=KEYRING, now=self.clock.now)

    async def connect(self, access: crm.Access = SECRET) -> Source:
        kind = SourceKind.SALESFORCE if isinstance(access, SalesforceAccess) else SourceKind.HUBSPOT
        origin, _ = await seeds.add_source(self.database, name=kind.title(), kind=kind)
        await self.enter(origin, access)
        return origin

    async def enter(self, origin: Source, access: crm.Access) -> None:
        async with self.database.write() as session:
            await poll.connect(
                session,
                origin,
                credentials=crm.dump(access),
                keyring=KEYRING,
                by="U0ADA",
                now=self.clock.now(),
                is_anew=True,
            )

    async def poll(self, after: timedelta = timedelta()) -> list[dict[str, Any]]:
        """Turn the clock and poll; give what is new."""
        before = len(await self.events())
        self.clock.turn(after.total_seconds())
        await self.poller().poll_due()
        return [one.facts[0] if one.facts else {"refused": one.refused_field} for one in (await self.events())[before:]]

    async def events(self) -> list[Event]:
        async with self.database.read() as session:
            return list(await session.scalars(select(Event).order_by(Event.id)))

    async def row(self, origin: Source) -> Poll:
        async with self.database.read() as session:
            found = await poll.of_source(session, origin.id)
        assert found is not None
        return found


@pytest.fixture
async def at(database: Database) -> AsyncIterator[Asking]:
    """Give a workspace, and both CRMs with nothing in them."""
    await seeds.install(database)
    clock = Clock()
    async with (
        salesforce_server(clock=clock.seconds) as of_salesforce,
        hubspot_server(clock=clock.seconds) as of_hubspot,
        aiohttp.ClientSession() as http,
    ):
        yield Asking(database, of_salesforce, of_hubspot, http, clock)


@pytest.fixture(scope="module")
def private_key() -> RSAPrivateKey:
    return generate_private_key(public_exponent=65537, key_size=2048)


# --- what is read --------------------------------------------------------------------------------------------------


async def test_salesforce_tells_owner_role_stage_and_our_id_and_then_only_what_changes(at: Asking) -> None:
    dana = at.salesforce.add_user()
    mei = at.salesforce.add_user("005000000000002AAA", Email="Mei@Acme.com")
    account_id = at.salesforce.add_account(OwnerId=dana, CSM__c=mei, External_Id__c="cus_0001")
    at.salesforce.add_opportunity(account_id, "Closed Lost")
    at.salesforce.add_account(2, Name="Globex", Website=None)
    await at.connect(WITH_FIELDS)

    myriapod, globex = await at.poll()
    assert myriapod == {
        "type": "record",
        "external_id": account_id,
        "account_external_id": "cus_0001",
        "name": "Myriapod Labs",
        "domain": "myriapod.example",
        "sales_stage": "Closed Lost",
        "url": f"{MY_DOMAIN}/{account_id}",
        "roles": {"owner": "dana@acme.com", "csm": "mei@acme.com"},
    }
    assert globex["name"] == "Globex"
    assert "roles" not in globex
    assert all(one.is_history for one in await at.events())
    assert await at.poll(COURSE.every) == []

    at.salesforce.add_account(OwnerId=None)
    at.salesforce.add_opportunity(account_id, "Negotiation")
    [changed] = await at.poll(COURSE.every)
    assert changed["roles"] == {"owner": None}
    assert changed["sales_stage"] == "Negotiation"
    assert [one.dedupe_key for one in await at.events() if account_id in one.dedupe_key] == [
        f"record:{account_id}:1",
        f"record:{account_id}:2",
    ]


async def test_hubspot_tells_owner_role_stage_and_our_id_and_then_only_what_changes(at: Asking) -> None:
    dana, mei = at.hubspot.add_owner(), at.hubspot.add_owner("7", "mei@acme.com")
    at.hubspot.add_company(
        512, hubspot_owner_id=dana, csm_owner=mei, account_id="cus_0001", lifecyclestage="marketingqualifiedlead"
    )
    at.hubspot.add_company(513, name="Globex", domain="", website="http://WWW.globex.example:8080/x")
    await at.connect(KEY)

    myriapod, globex = await at.poll()
    assert myriapod == {
        "type": "record",
        "external_id": "512",
        "account_external_id": "cus_0001",
        "name": "Myriapod Labs",
        "domain": "myriapod.example",
        "sales_stage": "Marketing Qualified Lead",
        "url": "https://app.hubspot.com/contacts/62515/record/0-2/512",
        "roles": {"owner": "dana@acme.com", "csm": "mei@acme.com"},
    }
    assert globex["domain"] == "globex.example"
    assert await at.poll(COURSE.every) == []

    at.hubspot.add_company(512, hubspot_owner_id=mei, csm_owner="", lifecyclestage="customer")
    [changed] = await at.poll(COURSE.every)
    assert changed["roles"] == {"owner": "mei@acme.com", "csm": None}
    assert changed["sales_stage"] == "Customer"
    assert not (await at.events())[-1].is_history


@on_one_engine
async def test_who_left_holds_nothing_and_is_named(at: Asking) -> None:
    dana = at.salesforce.add_user()
    at.salesforce.add_account(OwnerId=dana)
    at.hubspot.add_company(hubspot_owner_id=at.hubspot.add_owner())
    await at.connect(SECRET)
    await at.connect(KEY)
    assert [one["roles"] for one in await at.poll()] == [{"owner": "dana@acme.com"}] * 2

    at.salesforce.users[dana]["IsActive"] = False
    at.hubspot.add_owner(archived=True)
    told = await at.poll(DAY)
    assert [(one["roles"], one["attributes"]) for one in told] == [
        ({"owner": None}, {"inactive_owner": "dana@acme.com"})
    ] * 2

    at.salesforce.users[dana] |= {"IsActive": True, "Email": "dana.reyes@acme.com"}
    at.hubspot.add_owner(email="dana.reyes@acme.com")
    told = await at.poll(DAY)
    assert [(one["roles"], one["attributes"]) for one in told] == [
        ({"owner": "dana.reyes@acme.com"}, {"inactive_owner": None})
    ] * 2


async def test_what_is_deleted_merged_or_archived_is_gone_and_may_come_back(at: Asking) -> None:
    account_id = at.salesforce.add_account()
    at.salesforce.add_account(2, IsDeleted=True)
    at.hubspot.add_company(512)
    at.hubspot.add_company(513)
    at.hubspot.add_company(514, archived=True)
    await at.connect(SECRET)
    await at.connect(KEY)
    assert {one["external_id"] for one in await at.poll()} == {account_id, "512", "513"}

    at.salesforce.add_account(IsDeleted=True)
    at.hubspot.add_company(512, archived=True)
    del at.hubspot.companies[513]
    at.hubspot.add_company(515, hs_merged_object_ids="513;600")
    told = await at.poll(DAY)
    assert {one["external_id"]: one.get("is_gone", False) for one in told} == {
        account_id: True, "512": True, "513": True, "515": False,
    }  # fmt: skip
    assert await at.poll(DAY) == []

    at.salesforce.add_account(IsDeleted=False)
    at.hubspot.add_company(512)
    assert {one["external_id"] for one in await at.poll(DAY)} == {account_id, "512"}


@on_one_engine
async def test_another_setting_reads_everything_anew(at: Asking) -> None:
    at.salesforce.add_account(OwnerId=at.salesforce.add_user(), Stage__c="Customer")
    origin = await at.connect(SECRET)
    await at.poll()
    await at.enter(origin, SalesforceAccess(url=MY_DOMAIN, client_id=CLIENT_ID, client_secret=CLIENT_SECRET, roles={}))
    [told] = await at.poll()
    assert told["roles"] == {"owner": None}


# --- page by page --------------------------------------------------------------------------------------------------


async def test_many_companies_are_read_in_pages_though_all_changed_at_one_instant(at: Asking) -> None:
    at.per_page, at.hubspot.most_results = 4, 6
    at.salesforce.most_per_batch = 3  # Salesforce may send fewer than were asked for.
    for number in range(1, 11):
        at.salesforce.add_account(number)
        at.hubspot.add_company(number * 7)
    await at.connect(SECRET)
    await at.connect(KEY)
    assert len({one["external_id"] for one in await at.poll()}) == 20
    assert at.salesforce.grants == ["client_credentials"]
    assert await at.poll(COURSE.every) == []

    at.clock.turn(7200)
    for number in range(1, 11):
        at.salesforce.add_account(number, Name="Renamed")
        at.hubspot.add_company(number * 7, name="Renamed")
    # A search gives six results at most.
    assert len({one["external_id"] for one in await at.poll(COURSE.every)}) == 20


@on_one_engine
async def test_salesforces_own_way_through_the_pages_ends_once_its_cursor_is_not_known(at: Asking) -> None:
    at.salesforce.most_per_batch = 2
    for number in range(1, 6):
        at.salesforce.add_account(number)
    token = await at.asks_salesforce()._sign_in(SECRET)
    headers = {"Authorization": f"Bearer {token.value}"}

    async def get(path: str, **query: str) -> Any:
        async with at.http.get(f"{at.salesforce.url}{path}", params=query, headers=headers) as response:
            return await response.json()

    first = await get("/services/data/v62.0/query", q="SELECT Id FROM Account ORDER BY Id LIMIT 5")
    second = await get(first["nextRecordsUrl"])
    assert [len(first["records"]), len(second["records"]), second["done"]] == [2, 2, False]
    assert (await get(first["nextRecordsUrl"]))[0]["errorCode"] == "INVALID_QUERY_LOCATOR"


@on_one_engine
async def test_hubspots_own_way_through_the_pages_would_end_at_its_limit(at: Asking) -> None:
    at.hubspot.most_results = 6
    asked = {"sorts": [{"propertyName": "hs_object_id"}], "limit": 4, "after": "4"}
    url, headers = f"{at.hubspot.url}/{COMPANIES}/search", {"Authorization": f"Bearer {TOKEN}"}
    async with at.http.post(url, json=asked, headers=headers) as response:
        assert response.status == 400


@on_one_engine
async def test_who_is_behind_an_owner_id_is_asked_once_and_again_for_somebody_new(at: Asking) -> None:
    api = at.asks_hubspot()
    at.hubspot.add_company(hubspot_owner_id=at.hubspot.add_owner(), csm_owner="404")
    for _ in range(3):
        await api.companies(KEY, since=None, cursor=None)
    assert len(at.hubspot.asked("owners/2026-09")) == 2  # Those who are there, and those who left.
    at.hubspot.add_company(513, hubspot_owner_id=at.hubspot.add_owner("7", "mei@acme.com"))
    [_, listed] = (await api.companies(KEY, since=None, cursor=None)).entries
    assert listed["owners"] == {"7": {"email": "mei@acme.com", "archived": False}}


async def test_reading_goes_on_where_it_stopped_in_whichever_worker(at: Asking) -> None:
    at.per_page = 2
    for number in range(1, 6):
        at.salesforce.add_account(number)
    await at.connect(SECRET)
    at.salesforce.faults += [None, None, None, Fault(500)]  # A token and two pages, then it breaks.
    assert len(await at.poll()) == 4
    at.clock.turn(LEASE.total_seconds() * 10)
    asked = len(at.salesforce.queries)
    assert len(await at.poll()) == 1
    assert "Id > '001000000000004AAA'" in at.salesforce.queries[asked]


# --- getting in ----------------------------------------------------------------------------------------------------


@on_one_engine
async def test_a_jwt_signs_in_where_the_key_is_known_and_for_its_user_alone(
    at: Asking, private_key: RSAPrivateKey
) -> None:
    pem = private_key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    access = crm.read_salesforce({"url": MY_DOMAIN, "client_id": CLIENT_ID, "username": USERNAME, "private_key": pem})
    api = at.asks_salesforce()
    with pytest.raises(RefusedError, match=r"answers 400 invalid_grant \(invalid assertion\)"):
        await api.accounts(access, since=None, cursor=None)

    at.salesforce.public_key = private_key.public_key()
    at.salesforce.add_account()
    assert len((await api.accounts(access, since=None, cursor=None)).entries) == 1
    assert at.salesforce.grants[-1] == JWT_BEARER

    at.salesforce.username = "somebody@acme.example"
    at.salesforce.expire_tokens()
    with pytest.raises(RefusedError, match="user hasn't approved this consumer"):
        await api.accounts(access, since=None, cursor=None)


@on_one_engine
async def test_a_token_that_expired_is_replaced_once(at: Asking) -> None:
    api = at.asks_salesforce()
    for _ in range(2):
        await api.accounts(SECRET, since=None, cursor=None)
    assert len(at.salesforce.grants) == 1
    at.salesforce.expire_tokens()
    await api.accounts(SECRET, since=None, cursor=None)
    assert len(at.salesforce.grants) == 2

    expired = Fault(401, body='[{"errorCode": "INVALID_SESSION_ID", "message": "Session expired or invalid"}]')
    at.salesforce.faults += [expired, None, expired]
    with pytest.raises(RefusedError, match="answers 401 INVALID_SESSION_ID"):
        await api.accounts(SECRET, since=None, cursor=None)


@on_one_engine
async def test_refused_credentials_are_told_of_once_and_stand_in_no_log(at: Asking) -> None:
    with structlog.testing.capture_logs() as logs:
        wrong = SalesforceAccess(url=MY_DOMAIN, client_id=CLIENT_ID, client_secret="planted-wrong-secret")
        origin = await at.connect(wrong)
        await at.connect(HubSpotAccess(token="planted-wrong-key"))
        for _ in range(2):
            assert await at.poll(timedelta(hours=2)) == []
    async with at.database.read() as session:
        told = list(await session.scalars(select(Delivery).where(Delivery.fact_kind == FactKind.KEY_REFUSED)))
    assert len(told) == 2
    row = await at.row(origin)
    assert row.trouble == "answers 400 invalid_client (invalid client credentials)"
    for secret in ("planted-wrong-secret", "planted-wrong-key"):
        assert secret not in row.credentials_sealed
        assert secret not in repr(logs)
        assert secret not in repr(wrong)
    await at.enter(origin, SECRET)
    at.salesforce.add_account()
    assert len(await at.poll()) == 1


@pytest.mark.parametrize(
    "told",
    [
        "http://acme.my.salesforce.com",
        "https://169.254.169.254",
        "https://evil.example",
        "https://evilsalesforce.com",
        "https://acme.my.salesforce.com@evil.example",
        "https://evil.example/.salesforce.com",
        "https://acme.my.salesforce.com:8443",
        "https://[::1",
        "",
        None,
    ],
)
def test_a_token_goes_only_to_salesforce(told: str | None) -> None:
    with pytest.raises(FailedError, match="not Salesforce's"):
        instance(told, login_url="")
    assert instance("https://acme--dev.sandbox.my.salesforce.com/", login_url="").endswith(".com")


@on_one_engine
async def test_or_to_the_server_that_stands_in_for_it(at: Asking) -> None:
    at.salesforce.instance_url = MY_DOMAIN
    with pytest.raises(FailedError, match="not Salesforce's"):
        await at.asks_salesforce().accounts(SECRET, since=None, cursor=None)
    assert at.salesforce.queries == []


# --- limits and nonsense -------------------------------------------------------------------------------------------


@on_one_engine
async def test_limits_are_waited_for_as_they_say_and_longer_each_time_where_they_don_t(at: Asking) -> None:
    origin, other = await at.connect(SECRET), await at.connect(KEY)
    at.salesforce.faults += [None, LIMIT_EXCEEDED]
    at.hubspot.faults.append(limited("TEN_SECONDLY_ROLLING", **{"X-HubSpot-RateLimit-Interval-Milliseconds": "10000"}))
    await at.poll()
    row, theirs = await at.row(origin), await at.row(other)
    assert row.trouble == "answers 403 REQUEST_LIMIT_EXCEEDED"
    assert row.refused_at is None
    assert row.next_poll_at > at.clock.now()
    assert theirs.next_poll_at == at.clock.now() + timedelta(seconds=10)

    at.hubspot.faults += [limited("DAILY"), limited("SECONDLY", **{"Retry-After": "77"})]
    await at.poll(timedelta(seconds=10))
    assert (await at.row(other)).next_poll_at == at.clock.now() + timedelta(hours=1)
    await at.poll(timedelta(hours=1))
    assert (await at.row(other)).next_poll_at == at.clock.now() + timedelta(seconds=77)
    await at.poll(timedelta(hours=1))
    assert ((await at.row(origin)).trouble, (await at.row(other)).trouble) == (None, None)


@on_one_engine
async def test_five_searches_a_second_are_kept_to_by_waiting(at: Asking) -> None:
    at.hubspot.keeps_limits = True
    api = at.asks_hubspot()
    for _ in range(5):
        await api.companies(KEY, since=at.clock.now(), cursor=None)
    with pytest.raises(LimitedError):
        await api.companies(KEY, since=at.clock.now(), cursor=None)


NONSENSE = [
    (Fault(302, {"Location": "http://127.0.0.1:1/steal"}), "answers 302"),
    (Fault(200, body="<html>"), "no JSON object"),
    (Fault(200, body="[]"), "no JSON object"),
    (Fault(200, body="{}"), "a list without"),
    (Fault(200, body='{"records": [], "results": [], "done": false, "paging": {"next": {}}}'), "and not where"),
    (Fault(200, body='{"records": [7], "results": [7], "done": false, "paging": {"next": 7}}'), "and not where"),
    (Fault(500, body='[{"errorCode": "<!channel>"}]'), "answers 500"),
    (Fault(400, body='[{"errorCode": 7}, "x"]'), "answers 400"),
]


@on_one_engine
async def test_an_answer_that_makes_no_sense_is_followed_nowhere(at: Asking) -> None:
    for fault, expected in NONSENSE:
        at.salesforce.faults += [None, fault]
        at.hubspot.faults.append(fault)
        with pytest.raises(FailedError, match=expected) as raised:
            await at.asks_salesforce().accounts(SECRET, since=None, cursor=None)
        assert "<" not in str(raised.value)
        with pytest.raises(FailedError, match=expected):
            await at.asks_hubspot().companies(KEY, since=None, cursor=None)


@on_one_engine
async def test_a_field_that_is_not_there_and_a_scope_that_is_missing_are_named(at: Asking) -> None:
    of_salesforce = at.asks_salesforce()
    access = SalesforceAccess(url=MY_DOMAIN, client_id=CLIENT_ID, client_secret=CLIENT_SECRET, stage_field="Nope__c")
    with pytest.raises(FailedError, match="INVALID_FIELD: there is no Nope__c, or the user may not see it"):
        await of_salesforce.accounts(access, since=None, cursor=None)
    at.hubspot.scopes.clear()
    with pytest.raises(RefusedError, match=r"answers 403: the key lacks crm\.objects\.companies\.read"):
        await at.asks_hubspot().companies(KEY, since=None, cursor=None)


@on_one_engine
async def test_an_entry_that_can_t_be_read_is_refused_and_takes_no_other_with_it(at: Asking) -> None:
    at.salesforce.add_account()
    at.salesforce.accounts["junk"] = {**at.salesforce.accounts["001000000000001AAA"], "Id": "0"}
    await at.connect(SECRET)
    told = await at.poll()
    assert [one.get("refused") for one in told] == ["Id", None]
