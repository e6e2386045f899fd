"""The vendors' desk: whatever its buttons do, the app takes it as it takes the real vendor's."""

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from sqlalchemy import select

from bot.sandbox.people import ACME
from bot.town import addresses, set_up_desk
from bot.vendors.hubspot import TOKEN
from bot.vendors.salesforce import CLIENT_ID, CLIENT_SECRET, MY_DOMAIN
from models import account, poll, source, stripe
from models.crm import read_hubspot, read_salesforce
from models.database import Database
from models.event import Event, EventState
from models.source import SourceKind
from scheduler.pollers.hubspot_api import HubSpot
from scheduler.pollers.salesforce_api import Salesforce
from tests.seeds import NOW
from tests.stage import HOST, Stage, free_port, staged

KINDS = {
    "own": SourceKind.API,
    "segment": SourceKind.SEGMENT,
    "chartmogul": SourceKind.CHARTMOGUL,
    "stripe": SourceKind.STRIPE,
}


@pytest.fixture
async def acme_and_desk(database_url: str, database: Database) -> AsyncIterator[tuple[Stage, str]]:
    """Give the product with the vendors beside it, and the desk's address."""
    port = free_port()
    url = f"http://{HOST}:{port}"
    async with staged(database_url, **addresses(url)) as made:
        await made.install()
        desk = set_up_desk(now=made.clock.now, app_url=made.url, slack_url=made.sandbox.url)
        async with desk.open(host=HOST, port=port):
            yield made, url
    del database


async def press(at: Stage, desk: str, slug: str, **asked: str) -> str:
    """Press a button of the desk; answer the page that is shown then."""
    async with at.http.post(f"{desk}/act/{slug}", data=asked) as response:
        assert response.status == 200, await response.text()
        return await response.text()


async def buttons(at: Stage, url: str, slug: str) -> list[str]:
    async with at.http.get(url) as response:
        page = await response.text()
    section = page.partition(f'<section id="{slug}"')[2].partition("</section>")[0]
    return [part.partition('"')[0].replace("&#34;", '"') for part in section.split('name="act" value="')[1:]]


async def events(at: Stage) -> list[Event] | None:
    """Give what was received, once all of it is judged."""
    async with at.database.read() as session:
        found = list(await session.scalars(select(Event).where(Event.workspace_id == ACME)))
    return None if any(one.state == EventState.WAITING for one in found) else found


async def test_what_each_vendor_sends_is_taken(acme_and_desk: tuple[Stage, str]) -> None:
    acme, url = acme_and_desk
    for slug, kind in KINDS.items():
        source_id, webhook = await acme.add_source(kind=kind, name=slug)
        if kind is SourceKind.STRIPE:
            await sign(acme, source_id)
        for act in await buttons(acme, url, slug):
            page = await press(acme, url, slug, act=act, url=webhook)
            assert "Runrate answered 200." in page, act
    judged = await acme.until(lambda: events(acme))
    assert {one.kind for one in judged} >= {"movement", "subscription", "signal", "mrr_movement", "track"}
    assert [(one.kind, one.refused_because) for one in judged if one.refused_because] == []


async def sign(at: Stage, source_id: str) -> None:
    async with at.database.write() as session:
        found = await source.get(session, ACME, source_id)
        stripe.add_secret(session, found, "whsec_demo", keyring=at.keyring, by="U0ADA", now=at.clock.now())


async def test_with_the_desks_key_the_history_is_read_and_not_told(acme_and_desk: tuple[Stage, str]) -> None:
    acme, url = acme_and_desk
    await acme.add_destination()
    async with acme.http.get(url) as response:
        assert "demo-chartmogul-key" in await response.text()
    source_id, _ = await acme.add_source(kind=SourceKind.CHARTMOGUL, name="ChartMogul")
    async with acme.database.write() as session:
        found = await source.get(session, ACME, source_id)
        await poll.connect(
            session, found, credentials="demo-chartmogul-key", keyring=acme.keyring, by="U0ADA", now=acme.clock.now()
        )

    async def customers() -> list[Any]:
        async with acme.database.read() as session:
            return [one for one in await account.of_workspace(session, ACME) if one.mrr_minor == 62_000]

    assert len(await acme.until(customers)) > 0
    assert await acme.called("chat.postMessage") == 0


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"act": "A movement"}, "Paste the source's URL first"),
        ({"act": "A movement", "url": "http://10.0.0.1/in/x"}, "That is no URL of a source on this machine."),
        ({"act": "A movement", "url": "https://127.0.0.1/in/x"}, "That is no URL of a source on this machine."),
        ({"act": "A movement", "url": "http://[::1"}, "That is no URL of a source on this machine."),
        ({"act": "A movement", "url": "http://127.0.0.1:9/in/x"}, "Nobody answers at that URL"),
        ({"act": "Nonsense"}, "Choose what is to happen."),
        ({"url": "http://127.0.0.1:3000/in/x"}, "The URL is kept."),
    ],
)
async def test_what_cannot_be_done_is_said(asked: dict[str, str], said: str) -> None:
    desk = set_up_desk(now=lambda: NOW, app_url="http://app", slack_url="http://slack")
    async with desk.open(host=HOST, port=0) as port, aiohttp.ClientSession() as http:
        async with http.post(f"http://{HOST}:{port}/act/own", data=asked) as response:
            assert said in (await response.text()).replace("&#39;", "'")
        cross = {"Sec-Fetch-Site": "cross-site"}
        async with http.post(f"http://{HOST}:{port}/act/own", data=asked, headers=cross) as response:
            assert response.status == 403
        async with http.post(f"http://{HOST}:{port}/act/nobody", data=asked) as response:
            assert response.status == 404


async def test_the_desks_crms_list_what_its_buttons_change() -> None:
    desk = set_up_desk(now=lambda: NOW, app_url="http://app", slack_url="http://slack")
    async with desk.open(host=HOST, port=0) as port, aiohttp.ClientSession() as http:
        url = f"http://{HOST}:{port}"
        where = addresses(url)
        salesforce = Salesforce(http, now=lambda: NOW, login_url=where["salesforce_login_url"])
        hubspot = HubSpot(http, base_url=where["hubspot_api_url"])
        access = read_salesforce({"url": MY_DOMAIN, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET})

        async def listed() -> list[list[Any]]:
            accounts = await salesforce.accounts(access, since=None, cursor=None)
            companies = await hubspot.companies(read_hubspot({"token": TOKEN}), since=None, cursor=None)
            return [accounts.entries, companies.entries]

        before = await listed()
        assert [len(entries) for entries in before] == [12, 12]
        acts = {
            "salesforce": ("An account gets another owner", "An opportunity is created"),
            "hubspot": ("A company gets another owner", "A company moves on"),
        }
        for slug, words in acts.items():
            for act in words:
                async with http.post(f"{url}/act/{slug}", data={"act": act}) as response:
                    assert "The API lists it from now on." in await response.text()
        for old, new in zip(before, await listed(), strict=True):
            assert sum(one != other for one, other in zip(old, new, strict=True)) == 2
