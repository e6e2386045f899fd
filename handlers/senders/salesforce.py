"""Kind `salesforce`: an account as Salesforce's API lists it becomes a record, with who holds which role at it."""

import re
from collections.abc import Mapping
from functools import partial
from typing import Any

from handlers.senders.reading import Received, Refused, judge
from handlers.senders.records import Holders, external_id, gone, record, text
from handlers.senders.refusal import RecordRefusedError
from models.crm import SalesforceAccess, domain_of, relationship

_ID = re.compile(r"[A-Za-z0-9]{15}(?:[A-Za-z0-9]{3})?")


def read_account(entry: Any, access: SalesforceAccess) -> list[Received | Refused]:
    """Read one account."""
    return [judge(entry, partial(_read, access=access), position=0)]


def _read(entry: dict[str, Any], *, access: SalesforceAccess) -> Received:
    # Salesforce answers with the names as they are spelt there, whatever the case they were entered in.
    said = {name.lower(): value for name, value in entry.items()}
    account_id = said.get("id")
    if not isinstance(account_id, str) or _ID.fullmatch(account_id) is None:
        raise RecordRefusedError("Id", "It must be an id of 15 or 18 letters and digits.")
    if said.get("isdeleted") is True:
        return gone(account_id)
    holders = _holders(said, access)
    return record(
        account_id,
        account_external_id=external_id(said.get(access.account_field.lower())),
        name=text(said.get("name")),
        domain=domain_of(text(said.get("website"))),
        sales_stage=_stage(said, access),
        url=f"{access.url}/{account_id}",
        holders=holders,
    )


def _holders(said: Mapping[str, Any], access: SalesforceAccess) -> Holders:
    """Read who holds which role; a user who is not active any more holds none."""
    holders = Holders()
    for role, lookup in access.roles.items():
        name = relationship(lookup).lower()
        if name in said:
            user = said[name] if isinstance(said[name], dict) else {}
            holders.add(role, user.get("Email"), is_active=user.get("IsActive") is not False)
    return holders


def _stage(said: Mapping[str, Any], access: SalesforceAccess) -> str | None:
    if access.stage_field:
        return text(said.get(access.stage_field.lower()))
    found = said.get("opportunities")
    records = found.get("records") if isinstance(found, dict) else None
    newest = records[0] if isinstance(records, list) and records else None
    return text(newest.get("StageName")) if isinstance(newest, dict) else None
