"""Salesforce: an API that lists accounts with their owners and the stage of their newest opportunity."""

from collections.abc import Sequence
from itertools import cycle

from bot.vendors.desk import Vendor, Webhook
from bot.vendors.salesforce import CLIENT_ID, CLIENT_SECRET, MY_DOMAIN, SalesforceServer
from bot.vendors.town import Company, Town

MOST_ACCOUNTS = 12
STAGES = ("Prospecting", "Negotiation", "Closed Won", "Closed Lost")


def vendor(town: Town) -> Vendor:
    """Make its part of the page. It has the town's first companies, with Acme's own ids of them."""
    server = SalesforceServer(clock=lambda: town.now().timestamp())
    companies = town.companies[:MOST_ACCOUNTS]
    users = {email: _hire(server, number, email) for number, email in enumerate(_owners(companies), start=1)}
    accounts = [_open(server, users, number, company) for number, company in enumerate(companies, start=1)]
    turns, stages = cycle(accounts), cycle(STAGES)

    async def hand_over(_hook: Webhook) -> str:
        account = server.accounts[next(turns)]
        owner = next((user for user in users.values() if user != account["OwnerId"]), account["OwnerId"])
        _note(server, account["Id"], OwnerId=owner)
        return f"{account['Name']} belongs to {server.users[owner]['Email']} now. The API lists it from now on."

    async def move_on(_hook: Webhook) -> str:
        account, stage = server.accounts[next(turns)], next(stages)
        server.add_opportunity(account["Id"], stage)
        return f"{account['Name']} has a new opportunity in the stage {stage}. The API lists it from now on."

    return Vendor(
        slug="salesforce",
        name="Salesforce",
        about=(
            "In Runrate: Add source, “Salesforce”, with what stands here and External_Id__c as the field with your "
            "account ID. Runrate asks every 15 minutes, and at once when you save “Connection” in the source's menu."
        ),
        keys={"My Domain URL": MY_DOMAIN, "Consumer key": CLIENT_ID, "Consumer secret": CLIENT_SECRET},
        acts={"An account gets another owner": hand_over, "An opportunity is created": move_on} if accounts else {},
        api=server.answer,
    )


def _owners(companies: Sequence[Company]) -> list[str]:
    return sorted({company.owner for company in companies if company.owner})


def _hire(server: SalesforceServer, number: int, email: str) -> str:
    return server.add_user(f"005{number:012d}AAA", Email=email, Name=email.partition("@")[0].title())


def _open(server: SalesforceServer, users: dict[str, str], number: int, company: Company) -> str:
    return server.add_account(
        number,
        Name=company.name,
        Website=f"https://www.{company.domain}",
        External_Id__c=company.external_id,
        OwnerId=users.get(company.owner),
    )


def _note(server: SalesforceServer, account_id: str, **fields: str) -> None:
    number = int(account_id[3:15])
    server.add_account(number, **fields)
