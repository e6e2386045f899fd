"""Profiles: the contact and the account that Segment's traits describe, whichever way they come."""

from collections.abc import Mapping

from handlers.senders.refusal import make
from handlers.senders.traits import Traits
from models.fact import MOST_IN_TEXT, AccountFact, ContactFact


def account_fact(traits: Traits, *, external_id: str, paths: Mapping[str, str]) -> AccountFact:
    """Describe a company by its own traits."""
    values = {
        "external_id": external_id,
        "name": traits.text("name"),
        "domain": traits.text("domain"),
        "email": traits.email("email"),
        "website": traits.text("website", most=MOST_IN_TEXT),
        "description": traits.text("description", most=MOST_IN_TEXT),
        "created_at": traits.instant("created_at", "createdAt"),
        "attributes": traits.attributes(),
    }
    return make(AccountFact, values, paths=paths)


def company_fact(traits: Traits, *, group_id: str | None, path: str) -> AccountFact | None:
    """Describe the company in a person's traits, where its id or a group's is known; else leave it where it is."""
    company = traits.nested("company")
    external_id = company.identifier("id") or group_id
    if external_id is None:
        traits.keep("company", company)
        return None
    values = {"external_id": external_id, "name": company.text("name"), "attributes": company.attributes()}
    return make(AccountFact, values, paths={"external_id": f"{path}.id", "attributes": path})


def contact_fact(
    traits: Traits,
    *,
    user_id: str | None,
    anonymous_id: str | None,
    account: AccountFact | None,
    paths: Mapping[str, str],
) -> ContactFact:
    """Describe a person, at an account where one is known."""
    values = {
        "user_id": user_id,
        "anonymous_id": anonymous_id,
        "account_external_id": account.external_id if account else None,
        "account_name": account.name if account else _company_name(traits),
        "email": traits.email("email"),
        **_names(traits),
        "title": traits.text("title"),
        "phone": traits.text("phone"),
        "twitter": traits.text("twitter"),
        "linked_in": traits.text("linked_in", "linkedIn", "linkedin", most=MOST_IN_TEXT),
        "attributes": traits.attributes(),
    }
    return make(ContactFact, values, paths=paths)


def _names(traits: Traits) -> dict[str, str | None]:
    """Take a person's names. The full one counts only where neither the first nor the last one is there."""
    full_name = traits.text("name")
    first_name = traits.text("first_name", "firstName")
    last_name = traits.text("last_name", "lastName")
    name = None if first_name or last_name else full_name
    return {"name": name, "first_name": first_name, "last_name": last_name}


def _company_name(traits: Traits) -> str | None:
    """Take the name of a company without an id, and leave the rest of it among the traits."""
    company = traits.nested("company")
    name = company.text("name")
    traits.keep("company", company)
    return name
