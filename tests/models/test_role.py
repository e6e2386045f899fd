"""Roles: who of us is what to an account."""

from datetime import datetime, timedelta
from typing import Any

from models import role, said
from models.database import Database
from models.role import Restatement, Statement
from tests import seeds
from tests.seeds import ACME, NOW


async def apply(
    database: Database, by: str = "src_1", rank: int = 3, at: datetime = NOW, **fields: Any
) -> list[tuple[str, str | None]]:
    async with database.write() as session:
        held, fact = await seeds.hold(session), seeds.role(**fields)
        told = Statement(
            workspace_id=ACME,
            account_id=held.id,
            role=fact.role,
            by=by,
            voice=said.voice(rank, at, NOW),
            email=fact.email,
        )
        await role.apply(session, [told], now=NOW)
    return await holders(database)


async def holders(database: Database) -> list[tuple[str, str | None]]:
    async with database.write() as session:
        held = await seeds.hold(session)
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


async def test_the_better_source_says_who_holds_a_role_and_of_equals_the_newer_one(database: Database) -> None:
    await apply(database, email="dana@acme.com")
    assert await apply(database, "src_2", rank=2, email="liam@acme.com") == [("owner", "dana@acme.com")]
    older = {"at": NOW - timedelta(days=1), "email": "mei@acme.com"}
    assert await apply(database, "src_3", **older) == [("owner", "dana@acme.com")]
    assert await apply(database, **older) == [("owner", "dana@acme.com")]
    assert await apply(database, email=None) == []


async def test_what_one_takes_back_lets_the_others_count_again(database: Database) -> None:
    await apply(database, "src_2", rank=2, email="liam@acme.com")
    holder = [3, said.written(NOW), ["dana@acme.com", None]]
    for told, expected in (({"owner": holder}, "dana@acme.com"), ({}, "liam@acme.com")):
        async with database.write() as session:
            held = await seeds.hold(session)
            restated = Restatement(workspace_id=ACME, account_id=held.id, by="rec_1", holders=told)
            await role.restate(session, [restated], now=NOW)
        assert await holders(database) == [("owner", expected)]
