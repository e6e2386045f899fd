"""A CRM as a source: added in the Home tab, read, refused, entered anew, paused; its secrets are never shown."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import select

from bot.sandbox.people import ACME
from bot.vendors.hubspot import TOKEN, HubSpotServer, hubspot_server
from bot.vendors.salesforce import CLIENT_ID, CLIENT_SECRET, MY_DOMAIN, SalesforceServer, salesforce_server
from models import account, poll, role, source
from models.database import Database
from models.event import Event
from tests.stage import Stage, staged

WRONG = "planted-wrong-secret"


@pytest.fixture
async def salesforce() -> AsyncIterator[SalesforceServer]:
    """Give Salesforce, with an account that Dana owns."""
    async with salesforce_server() as made:
        made.add_account(OwnerId=made.add_user(), External_Id__c="cus_0001")
        yield made


@pytest.fixture
async def hubspot() -> AsyncIterator[HubSpotServer]:
    """Give HubSpot, with a company that Dana owns."""
    async with hubspot_server() as made:
        made.add_company(hubspot_owner_id=made.add_owner(), lifecyclestage="customer")
        yield made


@pytest.fixture
async def acme(
    database: Database,  # It is empty at the start.
    database_url: str,
    salesforce: SalesforceServer,
    hubspot: HubSpotServer,
) -> AsyncIterator[Stage]:
    """Give the product, installed in Acme, with both CRMs where their servers are."""
    async with staged(database_url, salesforce_login_url=salesforce.url, hubspot_api_url=hubspot.url) as made:
        await made.install()
        yield made


async def owner(acme: Stage) -> str | None:
    """Give the owner of the account that moved."""
    async with acme.database.read() as session:
        [found] = await account.of_workspace(session, ACME)
        return next((one.email for one in await role.of_account(session, found.id)), None)


async def told(acme: Stage) -> list[dict[str, object]]:
    async with acme.database.read() as session:
        return [fact for one in await session.scalars(select(Event).order_by(Event.id)) for fact in one.facts]


async def test_salesforce_is_added_refused_told_of_once_and_entered_anew(acme: Stage) -> None:
    _, webhook = await acme.add_source()
    await acme.move(webhook, "cus_0001")
    form = await (await acme.home()).click("Add source")
    assert form is not None
    await form.fill({"What sends": "Salesforce"})
    bad = {"Name": "CRM", "My Domain URL": "http://127.0.0.1:8080", "Consumer key": CLIENT_ID, "Roles": "csm"}
    refused = await form.submit(bad)
    assert set(refused.errors) == {"My Domain URL", "Consumer secret", "Roles"}
    good = {"My Domain URL": MY_DOMAIN, "Consumer secret": WRONG, "Roles": "csm = CSM__c"}
    added = await form.submit(good | {"Field with your account ID": "External_Id__c"})
    assert added.modal is not None
    assert "Nothing of it is posted" in added.modal.words

    notice = await acme.ada.message("@Runrate", containing="refuses the sign-in of “CRM”", seconds=30)
    assert "invalid_client" in notice.words
    entering = await notice.click("Enter sign-in")
    assert entering is not None
    assert "One is set and is not shown." in entering.words
    assert (await entering.submit({"Consumer secret": CLIENT_SECRET})).closed

    assert await acme.until(lambda: owner(acme)) == "dana@acme.com"
    await acme.until(lambda: is_read(acme))
    home = await acme.home()
    assert "Read with the sign-in" in home.words
    assert await acme.ada.messages("#revenue") == []
    for secret in (WRONG, CLIENT_SECRET):
        assert secret not in home.words + added.modal.words + notice.words + entering.words
        assert secret not in repr(acme.logs)


async def test_hubspot_is_added_changed_paused_and_has_no_url(acme: Stage, hubspot: HubSpotServer) -> None:
    form = await (await acme.home()).click("Add source")
    assert form is not None
    await form.fill({"What sends": "HubSpot"})
    refused = await form.submit({"Name": "HubSpot", "Service key": "two words"})
    assert set(refused.errors) == {"Service key"}
    await form.submit({"Service key": TOKEN})
    assert await acme.until(lambda: told(acme))
    [fact] = await told(acme)
    assert (fact["sales_stage"], fact["roles"]) == ("Customer", {"owner": "dana@acme.com"})

    home = await acme.home()
    connection = await home.click("Connection", near="HubSpot")
    assert connection is not None
    assert (await connection.submit({"Roles": "csm = Not-a-property"})).errors.keys() == {"Roles"}
    hubspot.add_company(csm_owner=hubspot.add_owner("7", "mei@acme.com"))
    assert (await connection.submit({"Roles": "csm = csm_owner"})).closed
    await acme.until(lambda: changes(acme, 2))
    assert (await told(acme))[-1]["roles"] == {"csm": "mei@acme.com"}

    await (await acme.home()).click("Pause", near="HubSpot")
    assert "Paused" in (await acme.home()).words
    assert "Show URL" not in (await acme.home()).words


async def is_read(acme: Stage) -> bool:
    async with acme.database.read() as session:
        ids = [one.id for one in await source.of_workspace(session, ACME)]
        return all(one.read_until for one in (await poll.of_sources(session, ids)).values())


async def changes(acme: Stage, number: int) -> bool:
    return len(await told(acme)) == number
