"""The vendors beside the demo: whose customers are the story's companies, and at which addresses their APIs are."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from bot.story import Story
from bot.vendors.desk import Desk
from bot.vendors.plays import chartmogul, hubspot, own, salesforce, segment, stripe
from bot.vendors.town import Company, Town
from models.fact import AccountFact, ContactFact, RoleFact

MOST_COMPANIES = 40


def set_up_desk(*, now: Callable[[], datetime], app_url: str, slack_url: str) -> Desk:
    """Set up the desk."""
    town = Town(_companies(Story(today=now().date())), now)
    vendors = [
        own.vendor(town),
        segment.vendor(town),
        chartmogul.vendor(town),
        stripe.vendor(town),
        salesforce.vendor(town),
        hubspot.vendor(town),
    ]
    return Desk(vendors, back={"The local Slack": slack_url, "Runrate's set-up page": app_url})


def addresses(url: str) -> dict[str, Any]:
    """Give the settings that lead the app to the APIs below the desk's address."""
    return {
        "chartmogul_api_url": f"{url}/chartmogul/v1",
        "stripe_api_url": f"{url}/stripe",
        "salesforce_login_url": f"{url}/salesforce",
        "hubspot_api_url": f"{url}/hubspot",
    }


def _companies(story: Story) -> list[Company]:
    """Give the first companies of the story with their people and owners."""
    history = story.history()
    roles = [fact for fact in history if isinstance(fact, RoleFact) and fact.role == "owner"]
    owners = {fact.account_external_id: fact.email for fact in roles}
    people: dict[str, ContactFact] = {}
    for fact in history:
        if isinstance(fact, ContactFact) and fact.account_external_id and fact.email:
            people.setdefault(fact.account_external_id, fact)
    found: dict[str, Company] = {}
    for fact in history:
        if isinstance(fact, AccountFact) and fact.external_id in people and fact.name and fact.domain:
            person = people[fact.external_id]
            found[fact.external_id] = Company(
                external_id=fact.external_id,
                name=fact.name,
                domain=fact.domain,
                owner=owners.get(fact.external_id) or "",
                person=person.name or person.email or "",
                email=person.email or "",
            )
    return list(found.values())[:MOST_COMPANIES]
