"""A claim is one person's at a time, and the thread of its message says whose."""

import asyncio

from models import claim, delivery, lane
from models.claim import Claim, Taken
from models.database import Database
from models.delivery import Delivery, DeliveryState, FactKind, Owed
from models.recipient import RecipientKind
from tests import seeds
from tests.seeds import ACME, NOW


async def tell(database: Database, fact_id: str = "mov_1", target: str = "C1") -> Delivery:
    """Owe a message about a movement."""
    owed = Owed(asked_by="dst_1", fact=(FactKind.MOVEMENT, fact_id), recipient=(RecipientKind.CHANNEL, target))
    async with database.write() as session:
        await lane.owe(session, ACME, [owed], now=NOW)
        return (await delivery.of_workspace(session, ACME))[0]


async def take(database: Database, told: Delivery, by: str) -> Taken:
    async with database.write() as session:
        return await claim.take(session, told, by=by, now=NOW)


async def replies(database: Database) -> list[tuple[str, str | None, str]]:
    async with database.read() as session:
        rows = await delivery.of_workspace(session, ACME, state=DeliveryState.PENDING)
    said = (FactKind.CLAIM, FactKind.RELEASE)
    return [(one.fact_kind, one.replies_to, one.fact_id) for one in reversed(rows) if one.fact_kind in said]


async def test_of_two_who_press_at_the_same_instant_one_has_it_and_the_other_learns_who(database: Database) -> None:
    await seeds.install(database)
    told = await tell(database)
    both = await asyncio.gather(*(take(database, told, by) for by in ("U0DANA", "U0LIAM")))
    assert sorted(one.is_new for one in both) == [False, True]
    [winner] = [one.claim.user_id for one in both if one.is_new]
    assert {one.claim.user_id for one in both} == {winner}
    assert await replies(database) == [(FactKind.CLAIM, told.id, both[0].claim.id)]


async def test_who_asks_first_whether_it_is_free_and_then_takes_it_would_be_told_so_with_another(
    database: Database,
) -> None:
    """The broken variant of the test above: to ask and to take are two things."""
    await seeds.install(database)
    told = await tell(database)

    async def is_free() -> bool:
        async with database.read() as session:
            return await claim.held(session, ACME, FactKind.MOVEMENT, told.fact_id) is None

    assert await asyncio.gather(is_free(), is_free()) == [True, True]


async def test_a_claim_of_one_message_holds_for_all_that_tell_the_same(database: Database) -> None:
    await seeds.install(database)
    here, elsewhere, other = await tell(database), await tell(database, target="C2"), await tell(database, "mov_2")
    assert (await take(database, here, "U0DANA")).is_new
    later = await take(database, elsewhere, "U0LIAM")
    assert (later.is_new, later.claim.user_id) == (False, "U0DANA")
    assert (await take(database, other, "U0LIAM")).is_new


async def test_what_was_let_go_is_free_again_and_said_once(database: Database) -> None:
    await seeds.install(database)
    told = await tell(database)
    first = (await take(database, told, "U0DANA")).claim
    for is_there in (True, False):
        async with database.write() as session:
            assert await claim.release(session, ACME, first.id, by="U0ADA", now=NOW) is is_there
    again = await take(database, told, "U0LIAM")
    assert again.is_new
    said = [(FactKind.CLAIM, told.id, first.id), (FactKind.RELEASE, told.id, first.id)]
    assert await replies(database) == [*said, (FactKind.CLAIM, told.id, again.claim.id)]
    async with database.read() as session:
        kept = await session.get(Claim, first.id)
    assert kept is not None
    assert (kept.user_id, kept.released_by, kept.released_at) == ("U0DANA", "U0ADA", NOW)
