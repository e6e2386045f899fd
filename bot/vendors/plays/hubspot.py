"""HubSpot: an API that lists companies with their owners and lifecycle stages, known by their domains."""

from itertools import cycle

from bot.vendors.desk import Vendor, Webhook
from bot.vendors.hubspot import TOKEN, HubSpotServer
from bot.vendors.town import Town

MOST_COMPANIES = 12
STAGES = ("opportunity", "customer", "evangelist")


def vendor(town: Town) -> Vendor:
    """Make its part of the page. It has the town's last companies, and knows nothing of Acme's ids of them."""
    server = HubSpotServer(clock=lambda: town.now().timestamp())
    companies = town.companies[-MOST_COMPANIES:]
    emails = sorted({company.owner for company in companies if company.owner})
    owners = {email: server.add_owner(str(number), email) for number, email in enumerate(emails, start=1)}
    for number, company in enumerate(companies, start=101):
        server.add_company(
            number,
            name=company.name,
            domain=company.domain,
            hubspot_owner_id=owners.get(company.owner),
            lifecyclestage="customer",
        )
    turns, stages = cycle(server.companies), cycle(STAGES)

    async def hand_over(_hook: Webhook) -> str:
        number = next(turns)
        before = server.companies[number]["properties"]
        email = next((one for one in emails if owners[one] != before["hubspot_owner_id"]), "")
        server.add_company(number, hubspot_owner_id=owners.get(email))
        return f"{before['name']} belongs to {email or 'nobody'} now. The API lists it from now on."

    async def move_on(_hook: Webhook) -> str:
        number, stage = next(turns), next(stages)
        server.add_company(number, lifecyclestage=stage)
        name = server.companies[number]["properties"]["name"]
        return f"{name} is in the lifecycle stage {stage} now. The API lists it from now on."

    return Vendor(
        slug="hubspot",
        name="HubSpot",
        about=(
            "In Runrate: Add source, “HubSpot”, with the service key that stands here. Runrate asks every 15 minutes, "
            "and at once when you save “Connection” in the source's menu."
        ),
        keys={"Service key": TOKEN},
        acts={"A company gets another owner": hand_over, "A company moves on": move_on} if companies else {},
        api=server.answer,
    )
