"""Kinds `salesforce` and `hubspot`: an entry as their APIs list it, and how far real ones may stray from it."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handlers.senders import records
from handlers.senders.hubspot import read_company
from handlers.senders.reading import Received, Refused
from handlers.senders.salesforce import read_account
from models.crm import HubSpotAccess, SalesforceAccess
from models.fact import RecordFact
from models.poll import Poll, PolledRecord

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
SALESFORCE = SalesforceAccess(
    url="https://acme.my.salesforce.com",
    client_id="3MVG9",
    client_secret="planted",
    account_field="Number__c",
    stage_field="Stage__c",
    roles={"owner": "OwnerId", "customer success": "CSM__c"},
)
HUBSPOT = HubSpotAccess(token="planted", account_field="account_id")
ACCOUNT: dict[str, Any] = {
    "attributes": {"type": "Account", "url": "/services/data/v62.0/sobjects/Account/001D000000IRFmaIAH"},
    "Id": "001D000000IRFmaIAH",
    "IsDeleted": False,
    "Name": "Acme",
    "Website": "www.acme.example",
    "NUMBER__c": 42.0,
    "Stage__c": "Customer",
    "Owner": {"attributes": {"type": "User"}, "Email": "Dana@acme.com", "IsActive": True},
    "CSM__r": None,
}
COMPANY: dict[str, Any] = {
    "id": "512",
    "archived": False,
    "properties": {"name": "Acme", "domain": "acme.example", "account_id": "42", "hubspot_owner_id": "7"},
    "owners": {"7": {"email": "dana@acme.com", "archived": False}},
}


def fact(entry: dict[str, Any], read: Any = read_account, access: Any = SALESFORCE) -> RecordFact:
    [only] = read(entry, access)
    assert isinstance(only, Received), only
    [told] = only.facts
    assert isinstance(told, RecordFact)
    return told


def test_an_account_is_read_whatever_the_case_its_fields_are_spelt_in() -> None:
    told = fact(ACCOUNT)
    assert (told.account_external_id, told.sales_stage, told.domain) == ("42", "Customer", "acme.example")
    assert told.roles == {"owner": "dana@acme.com", "customer success": None}
    assert told.url == "https://acme.my.salesforce.com/001D000000IRFmaIAH"


def test_who_left_is_an_attribute_and_holds_no_role() -> None:
    told = fact(ACCOUNT | {"CSM__r": {"Email": "mei@acme.com", "IsActive": False}})
    assert told.roles["customer success"] is None
    assert told.attributes == {"inactive_customer_success": "mei@acme.com"}


@pytest.mark.parametrize(
    ("entry", "field"),
    [
        (ACCOUNT | {"Id": None}, "Id"),
        (ACCOUNT | {"Id": "001' OR Name LIKE '%"}, "Id"),
        (ACCOUNT | {"Name": "half \ud800"}, "Name"),
        ([], "record"),
    ],
)
def test_an_account_that_can_t_be_read_says_why(entry: Any, field: str) -> None:
    [only] = read_account(entry, SALESFORCE)
    assert isinstance(only, Refused)
    assert only.field == field


def test_what_does_not_fit_is_left_out_and_the_rest_is_taken() -> None:
    odd = {"Name": ["x"], "Website": 7, "NUMBER__c": {"a": 1}, "Stage__c": "x" * 300, "Owner": "dana"}
    told = fact(ACCOUNT | odd)
    assert (told.name, told.domain, told.account_external_id, told.sales_stage) == (None, None, None, None)
    assert told.roles["owner"] is None


def test_a_company_is_read_with_the_people_behind_its_owner_ids() -> None:
    told = fact(COMPANY, read_company, HUBSPOT)
    assert (told.account_external_id, told.roles) == ("42", {"owner": "dana@acme.com"})
    unknown = fact(COMPANY | {"owners": {}}, read_company, HUBSPOT)
    assert unknown.roles == {"owner": None}
    link = fact(COMPANY | {"url": "javascript:alert(1)"}, read_company, HUBSPOT)
    assert link.url is None


def poll() -> Poll:
    return Poll(source_id="src_1", workspace_id="T1", read={}, news_since=NOW)


def known(entry: dict[str, Any]) -> dict[str, PolledRecord]:
    _, said = records.changes(read_account(entry, SALESFORCE), polled=poll(), known={}, received_at=NOW)
    return {
        key: PolledRecord(source_id="src_1", external_id=key, said=list(one), changes=1) for key, one in said.items()
    }


def changed(entry: dict[str, Any]) -> list[dict[str, Any]]:
    events, _ = records.changes(read_account(entry, SALESFORCE), polled=poll(), known=known(ACCOUNT), received_at=NOW)
    return [fact for one in events for fact in one.facts]


def test_what_is_said_again_is_no_event_and_a_change_says_nothing_else() -> None:
    assert changed(ACCOUNT) == []
    [emptied] = changed(ACCOUNT | {"Stage__c": None})
    assert emptied["sales_stage"] is None
    [told] = changed(ACCOUNT | {"Stage__c": "Churned"})
    assert told["sales_stage"] == "Churned"
    assert "roles" not in told
    [gone] = changed(ACCOUNT | {"IsDeleted": True})
    assert gone == {"type": "record", "external_id": ACCOUNT["Id"], "is_gone": True}


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
)


@given(
    salesforce=st.fixed_dictionaries({}, optional=dict.fromkeys(ACCOUNT, values)),
    hubspot=st.fixed_dictionaries({}, optional=dict.fromkeys([*COMPANY, "url"], values)),
    properties=st.fixed_dictionaries(
        {}, optional=dict.fromkeys([*COMPANY["properties"], "hs_merged_object_ids"], values)
    ),
)
@settings(max_examples=60, deadline=None)
def test_no_entry_makes_a_reader_fail(
    salesforce: dict[str, Any], hubspot: dict[str, Any], properties: dict[str, Any]
) -> None:
    read = [
        *read_account(ACCOUNT | salesforce, SALESFORCE),
        *read_company(COMPANY | hubspot, HUBSPOT),
        *read_company(COMPANY | {"properties": properties}, HUBSPOT),
        *read_company(salesforce, HUBSPOT),
    ]
    records.changes(read, polled=poll(), known={}, received_at=NOW)
