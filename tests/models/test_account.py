"""Accounts: what a fact says of them is taken over, and what it doesn't say is left alone."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from models import account, attribute
from models.account import Account
from models.attribute import Subject
from models.database import Database
from models.fact import AccountFact, AccountStatus
from tests import seeds
from tests.seeds import NOW


async def apply(database: Database, fact: AccountFact, workspace_id: str = "T1") -> Account:
    async with database.write() as session:
        held = await seeds.hold(session, fact.external_id, workspace_id)
        account.apply(held, fact, now=NOW)
        return held


async def test_an_account_begins_as_a_lead_and_takes_over_what_is_said_of_it(database: Database) -> None:
    first = await apply(database, seeds.account())
    assert (first.status, first.display_name) == (AccountStatus.LEAD, "acme")

    since = datetime(2020, 1, 2, tzinfo=UTC)
    again = await apply(database, seeds.account(name="Acme Inc", status="customer", domain="a.io", created_at=since))

    assert again.id == first.id
    assert (again.display_name, again.status, again.domain) == ("Acme Inc", AccountStatus.CUSTOMER, "a.io")
    assert again.customer_since == since


async def test_what_a_fact_does_not_say_stays(database: Database) -> None:
    await apply(database, seeds.account(name="Acme Inc", sales_stage="Closed Lost", attributes={"country": "Germany"}))
    later = await apply(database, seeds.account(domain="acme.com", attributes={"seats": 12}))
    assert (later.name, later.sales_stage, later.domain) == ("Acme Inc", "Closed Lost", "acme.com")
    assert later.attributes == {"country": "Germany", "seats": 12}


async def test_an_attribute_of_null_is_taken_away(database: Database) -> None:
    await apply(database, seeds.account(attributes={"country": "Germany", "seats": 12}))
    later = await apply(database, seeds.account(attributes={"country": None}))
    assert later.attributes == {"seats": 12}


async def test_attributes_of_every_kind_come_back_as_they_were(database: Database) -> None:
    values = {
        "text": "<b>&",
        "number": 12,
        "float": 1.5,
        "yes": True,
        "no": False,
        "right to left": "שלום",
        "face": "🦊",
    }
    await apply(database, seeds.account(attributes=values))
    async with database.read() as session:
        [found] = await account.of_workspace(session, "T1")
    assert found.attributes == values


@pytest.mark.parametrize(
    ("value", "type_"),
    [
        (12, "number"), (1.5, "number"), (True, "boolean"), ("12", "text"), ("", "text"), ("true", "text"),
        ("2026-11-20", "date"), ("2026-11-20T14:02:00.123Z", "date"), ("2026-11-20 14:02:00+01:00", "date"),
        ("2026-13-20", "text"), ("2026-11-20 or later", "text"), ("20261120", "text"),
    ],
)  # fmt: skip
def test_a_value_is_a_text_a_number_a_boolean_or_a_date(value: Any, type_: str) -> None:
    assert attribute.type_of(value) == type_


@pytest.mark.parametrize("backwards", [False, True])
async def test_an_attribute_with_values_of_several_types_says_so(database: Database, *, backwards: bool) -> None:
    told = [{"seats": 12, "gone": None}, {"seats": "many"}, {"seats": 13}]
    for number, values in enumerate(reversed(told) if backwards else told):
        async with database.write() as session:
            when = NOW + timedelta(minutes=number)
            await attribute.remember(session, {"T1": {Subject.ACCOUNT: attribute.seen(values)}}, now=when)
    async with database.read() as session:
        assert await attribute.keys(session, "T1") == ["seats"]
        assert await attribute.types(session, "T1") == {("account", "seats"): ["number", "text"]}


async def test_one_external_id_in_two_workspaces_is_two_accounts(database: Database) -> None:
    first = await apply(database, seeds.account(name="Ours"), "T1")
    second = await apply(database, seeds.account(name="Theirs"), "T2")
    assert first.id != second.id
    async with database.read() as session:
        assert [one.name for one in await account.of_workspace(session, "T1")] == ["Ours"]


async def test_accounts_are_listed_and_counted_by_status(database: Database) -> None:
    await apply(database, seeds.account("b", status="customer"))
    await apply(database, seeds.account("a", status="customer"))
    await apply(database, seeds.account("c"))
    async with database.read() as session:
        listed = await account.of_workspace(session, "T1", status=AccountStatus.CUSTOMER)
        assert [one.external_id for one in listed] == ["a", "b"]
        assert await account.count(session, "T1") == 3


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("employee_count", "Employee count"),
        ("employeeCount", "Employee count"),
        ("plan", "Plan"),
        ("ARR", "ARR"),
        ("ARR_total", "ARR total"),
        ("accountID", "Account ID"),
        ("HTTPServer", "HTTP server"),
        ("address.city", "Address · city"),
        ("Größe", "Größe"),
        ("seats2Buy", "Seats2 buy"),
        ("X", "X"),
    ],
)
def test_an_attribute_s_name_is_written_for_people(key: str, words: str) -> None:
    assert attribute.label(key) == words
