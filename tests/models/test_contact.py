"""Contacts: who is recognised as whom."""

from typing import Any

from models import contact, said
from models.contact import Contact
from models.database import Database
from tests import seeds
from tests.seeds import NOW


async def apply(database: Database, workspace_id: str = "T1", **fields: Any) -> Contact:
    """Apply a fact to the people of a workspace; `at` is an account that they belong to."""
    async with database.write() as session:
        company = fields.pop("at", None)
        at = (await seeds.hold(session, company, workspace_id)).id if company else None
        fact = seeds.contact(**fields, account_external_id=company)
        known = (await contact.directories(session, {workspace_id: [fact]}))[workspace_id]
        applied = known.apply(fact, said.voice(1, NOW, NOW), now=NOW)
        assert applied is not None
        applied.account_id = at or applied.account_id
        await contact.write(session, [known])
        return applied


ALIKE: list[tuple[dict[str, str], dict[str, str], bool]] = [
    ({"user_id": "1"}, {"user_id": "1", "email": "new@a.io"}, True),
    ({"email": "a@a.io"}, {"email": "A@a.io"}, True),
    ({"email": "a@a.io"}, {"user_id": "1", "email": "a@a.io"}, True),
    ({"user_id": "1", "email": "a@a.io"}, {"email": "a@a.io"}, True),
    ({"user_id": "1", "email": "a@a.io"}, {"user_id": "2", "email": "a@a.io"}, False),
    ({"anonymous_id": "x"}, {"anonymous_id": "x", "user_id": "1"}, True),
    ({"anonymous_id": "x", "user_id": "1"}, {"anonymous_id": "x", "user_id": "2"}, False),
    ({"anonymous_id": "x", "email": "a@a.io"}, {"anonymous_id": "x", "email": "b@a.io"}, False),
    ({"user_id": "1"}, {"email": "a@a.io"}, False),
]
"""A contact that is known, what comes in next, and whether that is the same person."""


async def test_a_contact_is_recognised_by_its_strongest_identity(database: Database) -> None:
    for number, (known, told, is_the_same) in enumerate(ALIKE):
        first = await apply(database, f"T{number}", **known)
        second = await apply(database, f"T{number}", **told)
        assert (first.id == second.id) is is_the_same, (known, told)


async def test_the_stronger_identity_wins_where_two_contacts_would_do(database: Database) -> None:
    by_user = await apply(database, user_id="1")
    by_email = await apply(database, email="a@a.io")
    found = await apply(database, user_id="1", email="a@a.io")
    assert found.id == by_user.id != by_email.id


async def test_a_contact_gains_what_is_said_and_keeps_what_is_not(database: Database) -> None:
    await apply(database, email="a@a.io", first_name="Ada", title="CFO", attributes={"vip": True})
    later = await apply(database, user_id="1", email="a@a.io", last_name="Okafor", attributes={"seats": 3})
    assert (later.user_id, later.first_name, later.last_name, later.title) == ("1", "Ada", "Okafor", "CFO")
    assert later.attributes == {"vip": True, "seats": 3}


async def test_a_contact_goes_with_the_account_that_is_named_last(database: Database) -> None:
    first = await apply(database, email="a@a.io", at="acme")
    assert (await apply(database, email="a@a.io")).account_id == first.account_id
    moved = await apply(database, email="a@a.io", at="globex")
    assert moved.account_id != first.account_id
    async with database.read() as session:
        assert await contact.of_account(session, str(first.account_id)) == []
        assert [one.email for one in await contact.of_account(session, str(moved.account_id))] == ["a@a.io"]


async def test_one_e_mail_in_two_workspaces_is_two_contacts(database: Database) -> None:
    assert (await apply(database, email="a@a.io")).id != (await apply(database, "T2", email="a@a.io")).id
