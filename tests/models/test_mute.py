"""A mute is one person's, of one thing, and ends when it was to end."""

from datetime import timedelta

from models import mute
from models.database import Database
from models.mute import Muted
from tests import seeds
from tests.seeds import ACME, NOW

DAY = timedelta(days=1)


async def test_a_mute_ends_by_itself_and_of_two_the_later_word_counts(database: Database) -> None:
    async with database.write() as session:
        about = await seeds.hold(session, "contoso")
        await mute.add(session, ACME, "U1", about.id, now=NOW)
        await mute.add(session, ACME, "U1", about.id, until=NOW + DAY, now=NOW)
        await mute.add(session, ACME, "U2", Muted.SIGNALS, now=NOW)
        await mute.add(session, ACME, "U1", "acc_gone", now=NOW)
    async with database.read() as session:
        assert await mute.is_muted(session, ACME, "U1", [Muted.SIGNALS, about.id], now=NOW)
        assert not await mute.is_muted(session, ACME, "U1", [Muted.SIGNALS, about.id], now=NOW + DAY)
        assert not await mute.is_muted(session, ACME, "U1", [Muted.SIGNALS], now=NOW)
        assert await mute.is_muted(session, ACME, "U2", [Muted.SIGNALS, about.id], now=NOW + DAY)
        listed = await mute.of_person(session, ACME, "U1", now=NOW)
        assert [(one.what, name, one.until) for one, name in listed] == [(about.id, about.display_name, NOW + DAY)]
        assert await mute.of_person(session, ACME, "U1", now=NOW + DAY) == []
        assert [name for _, name in await mute.of_person(session, ACME, "U2", now=NOW)] == [None]


async def test_who_muted_an_account_has_muted_what_it_becomes_a_part_of(database: Database) -> None:
    async with database.write() as session:
        former, kept = await seeds.hold(session, "former"), await seeds.hold(session, "kept")
        await mute.add(session, ACME, "U1", former.id, now=NOW)
        await mute.add(session, ACME, "U2", former.id, now=NOW)
        await mute.add(session, ACME, "U2", kept.id, until=NOW + DAY, now=NOW)
        await mute.move(session, ACME, former.id, kept.id)
    async with database.read() as session:
        for user, until in (("U1", None), ("U2", NOW + DAY)):
            [(left, _)] = await mute.of_person(session, ACME, user, now=NOW)
            assert (left.what, left.until) == (kept.id, until)
