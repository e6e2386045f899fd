"""Roles: who of us is what to an account."""

from typing import Any

from models import role
from models.database import Database
from tests import seeds
from tests.seeds import ACME, NOW


async def apply(database: Database, **fields: Any) -> list[tuple[str, str]]:
    async with database.write() as session:
        held, fact = await seeds.hold(session), seeds.role(**fields)
        await role.apply(session, {ACME: {(held.id, fact.role): fact}}, now=NOW)
    async with database.read() as session:
        return [(one.role, one.email) for one in await role.of_account(session, held.id)]


async def test_a_role_has_one_holder_the_last_who_was_named(database: Database) -> None:
    assert await apply(database, email="Dana@Acme.com") == [("owner", "dana@acme.com")]
    assert await apply(database, email="liam@acme.com") == [("owner", "liam@acme.com")]


async def test_an_account_has_as_many_roles_as_its_crm_names(database: Database) -> None:
    await apply(database)
    assert await apply(database, role="CSM", email="mei@acme.com") == [
        ("csm", "mei@acme.com"),
        ("owner", "dana@acme.com"),
    ]


async def test_a_role_without_an_e_mail_is_taken_away_even_where_nobody_held_it(database: Database) -> None:
    assert await apply(database, email=None) == []
    await apply(database)
    assert await apply(database, email=None) == []
