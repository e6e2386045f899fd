"""Sources: their names, and the keys that open them."""

import asyncio
from datetime import datetime

import pytest

from models import audit, source
from models.base import UserError
from models.database import Database
from models.secret import Keyring
from models.source import KeyStillWorksError, NoWebhookError, SourceKind, SourceNameTakenError, SourceUnknownError
from tests import seeds
from tests.seeds import ACME, GLOBEX, KEYRING, NOW, SECRET_KEY


async def test_a_key_opens_its_source_and_no_other_text_opens_any(database: Database) -> None:
    added, key = await seeds.add_source(database)
    other, other_key = await seeds.add_source(database, GLOBEX)
    async with database.read() as session:
        assert [(await source.find_by_key(session, one, now=NOW)).id for one in (key, other_key)] == [
            added.id,
            other.id,
        ]  # type: ignore[union-attr]
        for wrong in ("", key[:-1], f"{key}x", key.upper(), added.key_hash, added.key_sealed, added.id, "rrk_", "ключ"):
            assert await source.find_by_key(session, wrong, now=NOW) is None, wrong


async def test_the_key_of_a_removed_source_opens_nothing(database: Database) -> None:
    added, key = await seeds.add_source(database)
    async with database.write() as session:
        await source.remove(session, await source.get(session, ACME, added.id), by="U0ADA", now=NOW)
    async with database.read() as session:
        assert await source.find_by_key(session, key, now=NOW) is None
        assert await source.of_workspace(session, ACME) == []
        assert await source.names(session, ACME) == {added.id: "Billing"}
        with pytest.raises(SourceUnknownError):
            await source.get(session, ACME, added.id)


async def test_a_key_is_shown_to_a_manager_and_that_is_audited(database: Database) -> None:
    added, key = await seeds.add_source(database)
    async with database.write() as session:
        found = await source.get(session, ACME, added.id)
        assert await source.reveal(session, found, keyring=KEYRING, by="U0MEI", now=NOW) == key
    async with database.read() as session:
        entries = await audit.of_workspace(session, ACME)
    assert [(one.actor, one.action, one.subject_id) for one in entries] == [
        ("U0MEI", "source.key_shown", added.id),
        ("U0ADA", "source.added", added.id),
    ]
    assert not [one for one in entries if key in str(one.detail)]


async def test_keys_are_read_by_the_newest_secret_after_a_rotation(database: Database) -> None:
    added, key = await seeds.add_source(database)
    newest = Keyring.new_key()
    async with database.write() as session:
        assert await source.rotate_keys(session, Keyring([newest, SECRET_KEY])) == 1
    async with database.write() as session:
        found = await source.get(session, ACME, added.id)
        assert await source.reveal(session, found, keyring=Keyring([newest]), by="U0ADA", now=NOW) == key


async def test_a_name_is_taken_whatever_the_case_of_its_letters(database: Database) -> None:
    await seeds.add_source(database)
    for taken in ("billing", "BILLING", "  Billing ", "Bil\0ling"):
        with pytest.raises(SourceNameTakenError):
            await seeds.add_source(database, name=taken)
    await seeds.add_source(database, GLOBEX, name="billing")


async def test_the_name_of_a_removed_source_is_free(database: Database) -> None:
    added, _ = await seeds.add_source(database)
    async with database.write() as session:
        await source.remove(session, await source.get(session, ACME, added.id), by="U0ADA", now=NOW)
    await seeds.add_source(database)


async def test_of_two_who_choose_a_name_at_once_one_is_told_that_it_is_taken(database: Database) -> None:
    outcomes = await asyncio.gather(*(seeds.add_source(database) for _ in range(4)), return_exceptions=True)
    assert [type(one) for one in outcomes if isinstance(one, Exception)] == [SourceNameTakenError] * 3


@pytest.mark.parametrize("name", ["", "   ", "\0", "n" * 81])
def test_a_name_has_one_to_eighty_characters(name: str) -> None:
    with pytest.raises(UserError, match=r"name"):
        source.read_name(name)


async def test_the_longest_name_fits_however_its_case_folds(database: Database) -> None:
    added, _ = await seeds.add_source(database, name="ΐ" * 80)
    async with database.read() as session:
        found = await source.find_by_name(session, ACME, "ΐ" * 80)
    assert found is not None
    assert found.id == added.id


async def test_the_source_of_imports_is_made_once(database: Database) -> None:
    async with database.write() as session:
        first = await source.the_import(session, ACME, keyring=KEYRING, now=NOW)
        again = await source.the_import(session, ACME, keyring=KEYRING, now=NOW)
    assert first.id == again.id
    assert first.kind == SourceKind.CSV


async def test_the_source_of_imports_may_be_renamed(database: Database) -> None:
    async with database.write() as session:
        made = await source.the_import(session, ACME, keyring=KEYRING, now=NOW)
        await source.rename(session, made, "History", by="U0ADA", now=NOW)
        assert (await source.the_import(session, ACME, keyring=KEYRING, now=NOW)).id == made.id


async def test_a_source_is_renamed_to_any_name_that_no_other_has(database: Database) -> None:
    added, _ = await seeds.add_source(database)
    await seeds.add_source(database, name="Website")
    for name in ("  Invoices ", "INVOICES"):
        async with database.write() as session:
            await source.rename(session, await source.get(session, ACME, added.id), name, by="U0MEI", now=NOW)
    async with database.read() as session:
        assert [one.name for one in await source.of_workspace(session, ACME)] == ["INVOICES", "Website"]
        assert [one.detail for one in (await audit.of_workspace(session, ACME))[:2]] == [
            {"before": "Invoices", "after": "INVOICES"},
            {"before": "Billing", "after": "Invoices"},
        ]
    with pytest.raises(SourceNameTakenError):
        async with database.write() as session:
            await source.rename(session, await source.get(session, ACME, added.id), "website", by="U0MEI", now=NOW)


async def test_while_the_key_before_works_only_a_leak_makes_another_one(database: Database) -> None:
    """Of two old keys one would be lost, which may be the one that the other side still sends with."""
    added, first = await seeds.add_source(database)

    async def rotate(*, is_leaked: bool, now: datetime = NOW) -> str:
        async with database.write() as session:
            found = await source.get(session, ACME, added.id)
            return await source.rotate(session, found, keyring=KEYRING, is_leaked=is_leaked, by="U0ADA", now=now)

    async def opening(*keys: str, now: datetime = NOW) -> list[bool]:
        async with database.read() as session:
            return [await source.find_by_key(session, key, now=now) is not None for key in keys]

    second = await rotate(is_leaked=False)
    with pytest.raises(KeyStillWorksError):
        await rotate(is_leaked=False)
    assert await opening(first, second) == [True, True]
    third = await rotate(is_leaked=True)
    assert await opening(first, second, third) == [False, False, True]
    fourth = await rotate(is_leaked=False)
    later = NOW + source.KEY_GRACE
    assert await opening(third, fourth, now=later) == [False, True]
    fifth = await rotate(is_leaked=False, now=later)
    assert await opening(third, fourth, fifth, now=later) == [False, True, True]


async def test_what_has_no_webhook_has_no_key_to_rotate_and_nothing_to_pause(database: Database) -> None:
    async with database.write() as session:
        made = await source.the_import(session, ACME, keyring=KEYRING, now=NOW)
        with pytest.raises(NoWebhookError):
            await source.rotate(session, made, keyring=KEYRING, is_leaked=True, by="U0ADA", now=NOW)
        with pytest.raises(NoWebhookError):
            await source.pause(session, made, by="U0ADA", now=NOW)


async def test_a_source_notes_when_it_was_last_heard_from(database: Database) -> None:
    added, _ = await seeds.add_source(database)
    async with database.write() as session:
        await source.heard_from(session, [added.id], now=NOW)
    async with database.read() as session:
        assert (await source.get(session, ACME, added.id)).last_event_at == NOW
