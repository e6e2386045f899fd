"""Destinations: what may be wished, whose name is whose, and what becomes of what they owe."""

import asyncio
from collections.abc import Sequence

import pytest

from models import audit, delivery, destination, lane, reach, recipient
from models.database import Database
from models.delivery import DeliveryState, FactKind, Owed, SkipReason
from models.destination import Destination, DestinationUnknownError, FieldError, Wish
from models.recipient import MOST_RECIPIENTS, RecipientKind
from models.wakeup import Topic
from tests import seeds
from tests.seeds import ACME, GLOBEX, NOW, wish

CHANNEL = (RecipientKind.CHANNEL, "C1")


@pytest.mark.parametrize(
    ("name", "channels", "attributes", "field"),
    [
        pytest.param("", 1, 0, "name", id="no name"),
        pytest.param(" \n\t ", 1, 0, "name", id="a name of blanks"),
        pytest.param("\0\0", 1, 0, "name", id="a name of NULs"),
        pytest.param("n" * 81, 1, 0, "name", id="too long a name"),
        pytest.param("Fine", 0, 0, "recipients", id="no channel"),
        pytest.param("Fine", 21, 0, "recipients", id="too many channels"),
        pytest.param("Fine", 1, 11, "attributes", id="too many attributes"),
    ],
)
def test_a_wish_that_can_t_be_names_the_field(name: str, channels: int, attributes: int, field: str) -> None:
    with pytest.raises(FieldError) as refused:
        Wish(
            name=name,
            recipients=tuple((RecipientKind.CHANNEL, f"C{number}") for number in range(channels)),
            attributes=tuple(f"a{number}" for number in range(attributes)),
        )
    assert refused.value.field == field
    assert str(refused.value).endswith((".", "”."))


def test_a_wish_takes_as_much_as_is_promised_and_tidies_the_name() -> None:
    channels = [f"C{number}" for number in range(MOST_RECIPIENTS)]
    made = wish(*channels, name=f"  <b>& \n {'n' * 60}  ", attributes=["a"] * 10)
    assert made.name == f"<b>& {'n' * 60}"


async def test_a_destination_has_its_recipients_in_the_order_in_which_they_were_chosen(database: Database) -> None:
    marks = database.wakeups.marks(Topic.CHANNELS)
    made = await seeds.add_destination(database, "C3", "C1", "C3", "C2", attributes=["country"])
    async with database.read() as session:
        found = await destination.get(session, ACME, made.id)
        recipients = await recipient.of_destinations(session, [made.id])
        assert await reach.channels(session, ACME) == ["C1", "C2", "C3"]
    assert [one.target for one in recipients[made.id]] == ["C3", "C1", "C2"]
    assert (found.name, found.attributes, found.created_by) == ("Every movement", ["country"], "U0ADA")
    assert await database.wakeups.wait(Topic.CHANNELS, since=marks, seconds=1)


async def test_a_name_is_taken_whatever_the_case_of_its_letters(database: Database) -> None:
    await seeds.add_destination(database, "C1")
    for taken in ("every movement", "EVERY  MOVEMENT", " Every\0 movement "):
        with pytest.raises(FieldError, match="exists already"):
            await seeds.add_destination(database, "C2", name=taken)
    await seeds.add_destination(database, "C2", name="every movement", workspace_id=GLOBEX)


async def test_letters_that_fold_into_three_still_fit(database: Database) -> None:
    await seeds.add_destination(database, "C1", name="ΐ" * 80)
    with pytest.raises(FieldError):
        await seeds.add_destination(database, "C1", name="ΐ" * 80)


async def test_of_those_who_choose_one_name_at_once_all_but_one_are_told(database: Database) -> None:
    outcomes = await asyncio.gather(
        *(seeds.add_destination(database, f"C{number}") for number in range(4)), return_exceptions=True
    )
    refused = [one for one in outcomes if isinstance(one, BaseException)]
    assert [type(one) for one in refused] == [FieldError] * 3
    async with database.read() as session:
        [kept] = await destination.of_workspace(session, ACME)
        assert len((await recipient.of_destinations(session, [kept.id]))[kept.id]) == 1


async def edit(database: Database, made: Destination, wanted: Wish) -> None:
    async with database.write() as session:
        held = await destination.get(session, ACME, made.id, hold=True)
        await destination.edit(session, held, wanted, by="U0ADA", now=NOW)


async def test_a_destination_keeps_its_own_name_and_gets_no_other_s(database: Database) -> None:
    first = await seeds.add_destination(database, "C1")
    await seeds.add_destination(database, "C1", name="Other")
    await edit(database, first, wish("C1", name="EVERY movement"))
    with pytest.raises(FieldError):
        await edit(database, first, wish("C1", name="other"))
    async with database.read() as session:
        assert (await destination.get(session, ACME, first.id)).name == "EVERY movement"


async def owe(database: Database, made: Destination, *targets: str) -> list[str]:
    """Owe a movement to these channels; answer the deliveries' ids."""
    async with database.write() as session:
        owed = [
            Owed(asked_by=made.id, fact=(FactKind.MOVEMENT, "mov_1"), recipient=(RecipientKind.CHANNEL, target))
            for target in targets
        ]
        await lane.owe(session, ACME, owed, now=NOW)
    async with database.read() as session:
        return [one.id for one in await delivery.of_workspace(session, ACME)]


async def put(database: Database, target: str, state: DeliveryState) -> None:
    async with database.write() as session:
        for one in await delivery.of_workspace(session, ACME):
            if one.target == target:
                one.state, one.fix = state, "Do something."


async def states(database: Database) -> dict[str, tuple[str, str | None, str | None]]:
    async with database.read() as session:
        return {one.target: (one.state, one.reason, one.fix) for one in await delivery.of_workspace(session, ACME)}


SKIPPED = (DeliveryState.SKIPPED, SkipReason.DELETED, None)


async def test_an_edit_skips_what_is_unsent_to_channels_that_were_dropped(database: Database) -> None:
    made = await seeds.add_destination(database, "C1", "C2", "C3", "C4")
    await owe(database, made, "C1", "C2", "C3", "C4")
    await put(database, "C2", DeliveryState.RETRYING)
    await put(database, "C3", DeliveryState.SENDING)
    await edit(database, made, wish("C4"))
    after = await states(database)
    assert (after["C1"], after["C2"]) == (SKIPPED, SKIPPED)
    assert (after["C3"][0], after["C4"][0]) == (DeliveryState.SENDING, DeliveryState.PENDING)


async def test_deleting_skips_what_is_unsent_and_frees_the_name_and_the_channels(database: Database) -> None:
    made = await seeds.add_destination(database, "C1", "C2", "C3")
    await owe(database, made, "C1", "C2", "C3")
    await put(database, "C2", DeliveryState.DELIVERED)
    await put(database, "C3", DeliveryState.AMBIGUOUS)
    async with database.write() as session:
        held = await destination.get(session, ACME, made.id, hold=True)
        assert await destination.remove(session, held, by="U0ADA", now=NOW) == 1
    after = await states(database)
    assert (after["C1"], after["C2"][0], after["C3"][0]) == (SKIPPED, DeliveryState.DELIVERED, DeliveryState.AMBIGUOUS)
    async with database.read() as session:
        assert await destination.of_workspace(session, ACME) == []
        assert await destination.hearing_movements(session, [ACME]) == {ACME: []}
        assert await reach.channels(session, ACME) == []
        with pytest.raises(DestinationUnknownError):
            await destination.get(session, ACME, made.id)
        assert [one.action for one in await audit.of_workspace(session, ACME)] == [
            "destination.deleted",
            "destination.created",
        ]
    await seeds.add_destination(database, "C1")


async def test_another_destination_s_deliveries_are_left_alone(database: Database) -> None:
    first = await seeds.add_destination(database, "C1")
    other = await seeds.add_destination(database, "C1", name="Other")
    await owe(database, first, "C1")
    await owe(database, other, "C1")
    async with database.write() as session:
        assert await delivery.skip_unwanted(session, first.id, kept=[], now=NOW) == 1
    async with database.read() as session:
        found: Sequence[delivery.Delivery] = await delivery.of_workspace(session, ACME)
    assert {one.asked_by: one.state for one in found} == {
        first.id: DeliveryState.SKIPPED,
        other.id: DeliveryState.PENDING,
    }
