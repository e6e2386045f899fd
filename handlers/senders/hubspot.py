"""Kind `hubspot`: a company as HubSpot's API lists it becomes a record, with who holds which role at it."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from handlers.senders.reading import Received, Refused, judge
from handlers.senders.records import Holders, external_id, gone, record, text
from handlers.senders.refusal import RecordRefusedError
from models.crm import HubSpotAccess, domain_of

_STAGES = {
    "subscriber": "Subscriber",
    "lead": "Lead",
    "marketingqualifiedlead": "Marketing Qualified Lead",
    "salesqualifiedlead": "Sales Qualified Lead",
    "opportunity": "Opportunity",
    "customer": "Customer",
    "evangelist": "Evangelist",
    "other": "Other",
}
"""HubSpot's own lifecycle stages, by the names that its API has for them."""


def read_company(entry: Any, access: HubSpotAccess) -> list[Received | Refused]:
    """Read one company, and those that were merged into it, which are gone."""
    own = judge(entry, partial(_read, access=access), position=0)
    return [own, *(gone(one) for one in _merged(entry))] if isinstance(own, Received) else [own]


def _read(entry: dict[str, Any], *, access: HubSpotAccess) -> Received:
    company_id, properties = entry.get("id"), entry.get("properties")
    if not isinstance(company_id, str) or not _is_id(company_id):
        raise RecordRefusedError("id", "It must be a number, as text.")
    if entry.get("archived") is True:
        return gone(company_id)
    if not isinstance(properties, dict):
        raise RecordRefusedError("properties", "It must be an object.")
    return record(
        company_id,
        account_external_id=external_id(properties.get(access.account_field)),
        name=text(properties.get("name")),
        domain=domain_of(text(properties.get("domain"))) or domain_of(text(properties.get("website"))),
        sales_stage=_stage(properties, access),
        url=entry.get("url"),
        holders=_holders(entry, properties, access),
    )


def _holders(entry: Mapping[str, Any], properties: Mapping[str, Any], access: HubSpotAccess) -> Holders:
    """Read who holds which role; an owner who is archived, or whom HubSpot does not know, holds none."""
    holders, owners = Holders(), entry.get("owners")
    known = owners if isinstance(owners, dict) else {}
    for role, name in access.roles.items():
        if name in properties:
            owner = known.get(str(properties[name]))
            person = owner if isinstance(owner, dict) else {}
            holders.add(role, person.get("email"), is_active=person.get("archived") is not True)
    return holders


def _stage(properties: Mapping[str, Any], access: HubSpotAccess) -> str | None:
    stage = text(properties.get(access.stage_field))
    return _STAGES.get(stage, stage) if stage is not None else None


def _merged(entry: Mapping[str, Any]) -> list[str]:
    properties = entry.get("properties")
    written = text(properties.get("hs_merged_object_ids")) if isinstance(properties, dict) else None
    return [one for one in (written or "").split(";") if _is_id(one) and one != entry.get("id")]


def _is_id(written: str) -> bool:
    return written.isascii() and written.isdecimal() and len(written) <= 20  # noqa: PLR2004 - more than 64 bits
