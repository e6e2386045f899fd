"""What Slack said of an e-mail address is believed for a while, and then not even kept."""

from datetime import timedelta

import pytest

from models import lookup
from models.database import Database
from models.lookup import FOUND_KEPT, Known, Lookup
from tests.seeds import ACME, NOW


@pytest.mark.parametrize("engine_name", ["sqlite"])
async def test_an_answer_that_is_believed_no_more_is_not_kept(database: Database) -> None:
    async with database.write() as session:
        await lookup.remember(session, ACME, "ada@acme.io", Known("U1"), now=NOW)
        await lookup.forget_old(session, now=NOW + FOUND_KEPT)
        assert await lookup.known(session, ACME, "ada@acme.io", now=NOW) == Known("U1")
        await lookup.forget_old(session, now=NOW + FOUND_KEPT + timedelta(seconds=1))
        session.expire_all()
        assert await session.get(Lookup, (ACME, "ada@acme.io")) is None
