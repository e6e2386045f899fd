"""Finding an account by what somebody types: exactly, in part, or nearly."""

import pytest

from models import account, account_search, duplicate
from models.account_search import Fit, Found, NotOneAccountError
from models.database import Database
from scheduler.apply import apply_waiting
from tests import seeds
from tests.seeds import ACME, GLOBEX, NOW

TOLD = [
    seeds.account("cus_1", name="Northwind Traders", domain="northwind.example"),
    seeds.account("cus_10", name="Northwind Traders Asia", domain="www.NORTHWIND.example"),
    seeds.account("cus_2", name="Contoso", website="https://contoso.example"),
    seeds.account("cus_3", name="contoso", domain="contoso.example"),
    seeds.account("cus_4", name="100 % Ähre_GmbH"),
    seeds.account("cus_5"),
    seeds.contact(email="sofia@fabrikam.example", account_external_id="cus_5"),
]


async def begin(database: Database) -> None:
    await seeds.install(database)
    await seeds.install(database, GLOBEX)
    origin, _ = await seeds.add_source(database)
    await seeds.receive(database, *(seeds.event_of(origin, one, key=str(at)) for at, one in enumerate(TOLD)))
    await apply_waiting(database, now=NOW)


async def test_what_is_typed_finds_what_is_meant(database: Database) -> None:
    await begin(database)
    expected = {
        "cus_1": (Fit.EXACT, ["cus_1"]),
        " northwind   TRADERS ": (Fit.EXACT, ["cus_1"]),
        "northwind.example": (Fit.EXACT, ["cus_1", "cus_10"]),
        "https://www.Northwind.example/pricing?a=1": (Fit.EXACT, ["cus_1", "cus_10"]),
        "somebody@northwind.example": (Fit.EXACT, ["cus_1", "cus_10"]),
        "Sofia@fabrikam.example": (Fit.EXACT, ["cus_5"]),
        "CONTOSO": (Fit.EXACT, ["cus_2", "cus_3"]),
        "northw": (Fit.PART, ["cus_1", "cus_10"]),
        "asia": (Fit.PART, ["cus_10"]),
        "100 %": (Fit.PART, ["cus_4"]),
        "e_G": (Fit.PART, ["cus_4"]),
        "Nortwhind Tradres": (Fit.NEAR, ["cus_1", "cus_10"]),
        "Conotso": (Fit.NEAR, ["cus_2", "cus_3"]),
        "zzzz": (Fit.NEAR, []),
        "%": (Fit.PART, ["cus_4"]),
        "_": (Fit.PART, ["cus_2", "cus_3", "cus_4", "cus_1", "cus_10", "cus_5"]),
        "''; DROP TABLE accounts": (Fit.NEAR, []),
        "": (Fit.NEAR, []),
        "x" * 5000: (Fit.NEAR, []),
    }
    async with database.read() as session:
        found = {typed: await account_search.find(session, ACME, typed) for typed in expected}
        for typed in expected:
            assert not await account_search.find(session, GLOBEX, typed)
    assert {typed: (one.fit, [at.external_id for at in one.accounts]) for typed, one in found.items()} == expected


async def test_more_than_are_offered_are_said_to_be_there(database: Database) -> None:
    await begin(database)
    async with database.read() as session:
        found = await account_search.find(session, ACME, "cus", most=2)
    assert (len(found.accounts), found.has_more) == (2, True)
    assert not Found()


async def test_a_merged_account_is_found_by_each_of_its_ids(database: Database) -> None:
    await begin(database)
    async with database.write() as session:
        kept, former = [await account.with_external_id(session, ACME, name) for name in ("cus_2", "cus_3")]
        assert kept is not None
        assert former is not None
        await duplicate.merge(session, ACME, former.id, kept.id, by="U0ADA", now=NOW)
    async with database.read() as session:
        for typed in ("cus_3", former.id, kept.id, "cus_2"):
            assert (await account_search.the_one(session, ACME, typed)).id == kept.id
        with pytest.raises(NotOneAccountError, match="No account is exactly “north”"):
            await account_search.the_one(session, ACME, "north")
        with pytest.raises(NotOneAccountError, match="Several accounts are"):
            await account_search.the_one(session, ACME, "northwind.example")
        with pytest.raises(NotOneAccountError, match="There is no account"):
            await account_search.the_one(session, ACME, "zzzz")
