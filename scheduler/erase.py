"""Erasing: what was said of people who are forgotten is taken out of wherever it stands, a little at a time."""

from models import erasure
from models.database import Database
from models.erasure import Erasure

BATCH = 1_000


async def erase_forgotten(database: Database, *, limit: int = BATCH) -> None:
    """Work off who is still to be taken out. It may be stopped at any point, and begins anew the next time.

    What names somebody is looked for without keeping SQLite's one writer from its work.
    """
    async with database.read() as session:
        under_way = await erasure.under_way(session)
    for one in under_way:
        await _erase(database, one, limit=limit)
        async with database.write() as session:
            await erasure.finish(session, one)


async def _erase(database: Database, one: Erasure, *, limit: int) -> None:
    async with database.read() as session:
        batches, places = await erasure.batches(session, limit), await erasure.places_naming(session, one)
    async with database.write() as session:
        await erasure.scrub_places(session, one, places)
    for after in batches:
        async with database.read() as session:
            found = await erasure.events_naming(session, one, after=after, most=limit)
        if found:
            async with database.write() as session:
                await erasure.scrub_events(session, one, found)
