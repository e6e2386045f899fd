"""Destinations: what may be wished, whose name is whose, and what becomes of what they owe."""

import asyncio
import dataclasses
from collections.abc import Sequence
from datetime import datetime, time, timedelta
from typing import Any

import pytest

from models import amendment, audit, delivery, destination, lane, reach, recipient
from models.condition import About, Condition, Criterion
from models.database import Database
from models.delivery import DeliveryState, FactKind, Owed, SkipReason
from models.destination import Destination, DestinationUnknownError
from models.fact import MovementKind
from models.filter import Filter
from models.recipient import MOST_RECIPIENTS, RecipientKind
from models.wakeup import Topic
from models.wish import FieldError, Frequency, Wish
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


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        ({"weekday": 7}, "weekday"),
        ({"weekday": -1}, "weekday"),
        ({"month_day": 0}, "month_day"),
        ({"month_day": 32}, "month_day"),
        ({"country": "Atlantis"}, "country"),
    ],
)
def test_a_schedule_that_can_t_be_names_the_field(wanted: dict[str, Any], field: str) -> None:
    with pytest.raises(FieldError) as refused:
        Wish(name="Board", recipients=(CHANNEL,), frequency=Frequency.MONTHLY, **wanted)
    assert refused.value.field == field


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


async def changes(database: Database, made: Destination) -> list[dict[str, Any]]:
    """What the audit says that edits changed, the newest first."""
    async with database.read() as session:
        entries, _ = await audit.of_subject(session, ACME, made.id, limit=10)
    return [one.detail["changed"] for one in entries if one.action == "destination.edited"]


async def test_an_edit_is_audited_with_what_it_changed_and_values_that_name_nobody(database: Database) -> None:
    made = await seeds.add_destination(database, "C1", frequency=Frequency.DAILY)
    later = {"frequency": Frequency.WEEKLY, "at": time(10, 30), "weekday": 4, "is_business": True, "country": "DE"}
    await edit(database, made, wish("C1", name="Board", **later))
    theirs = Condition(Criterion(About.ROLE, "owner"), ("dana@acme.com",))
    gains = Filter(kinds=(MovementKind.EXPANSION,), least_gain=500, conditions=(theirs,))
    await edit(database, made, wish("C2", name="Board", attributes=["country"], filter=gains, **later))
    await edit(database, made, wish("C2", name="Board", attributes=["country"], filter=gains, **later))
    assert await changes(database, made) == [
        {
            "recipients": [["C1"], ["C2"]],
            "conditions": None,
            "attributes": [[], ["country"]],
            "kinds": [[str(kind) for kind in MovementKind], ["expansion"]],
            "least_gain": [None, 500],
        },
        {
            "name": ["Every movement", "Board"],
            "frequency": ["daily", "weekly"],
            "at": ["09:00", "10:30"],
            "weekday": [0, 4],
            "is_business": [False, True],
            "country": [None, "DE"],
        },
    ]


def test_of_recipients_the_audit_keeps_the_channels_alone() -> None:
    before, dana = {"recipients": [CHANNEL]}, (RecipientKind.PERSON, "U0DANA")
    moved = {"recipients": [(RecipientKind.CHANNEL, "C2"), dana]}
    assert amendment.between(before, {"recipients": [CHANNEL, dana]}) == {"recipients": None}
    assert amendment.between(before, moved) == {"recipients": [["C1"], ["C2"]]}


async def test_every_field_of_a_wish_is_audited(database: Database) -> None:
    made = await seeds.add_destination(database, "C1")
    asked = {one.name for one in dataclasses.fields(Wish)} - {"filter", "recipients"}
    assert asked <= amendment.fields(made, []).keys()


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


async def test_with_another_frequency_all_that_is_unsent_is_skipped_and_what_is_under_way_ends(
    database: Database,
) -> None:
    made = await seeds.add_destination(database, "C1", "C2", "C3")
    await owe(database, made, "C1", "C2", "C3")
    await put(database, "C2", DeliveryState.SENDING)
    await put(database, "C3", DeliveryState.AMBIGUOUS)
    await edit(database, made, wish("C1", "C2", "C3", frequency=Frequency.DAILY))
    after = await states(database)
    assert after["C1"] == SKIPPED
    assert [after[one][0] for one in ("C2", "C3")] == [DeliveryState.SENDING, DeliveryState.AMBIGUOUS]


async def test_an_edit_of_the_name_and_of_what_is_shown_leaves_what_is_unsent_owed(database: Database) -> None:
    made = await seeds.add_destination(database, "C1")
    await owe(database, made, "C1")
    await edit(database, made, wish("C1", name="Other", attributes=["country"], locale="de_DE"))
    assert (await states(database))["C1"][0] == DeliveryState.PENDING


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


async def pause(database: Database, made: Destination, *, until: datetime | None = None, now: datetime = NOW) -> int:
    async with database.write() as session:
        held = await destination.get(session, ACME, made.id, hold=True)
        return await destination.pause(session, held, until=until, by="U0ADA", now=now)


async def is_paused(database: Database, made: Destination, at: datetime) -> bool:
    async with database.read() as session:
        return (await destination.get(session, ACME, made.id)).is_paused(at)


async def test_a_pause_skips_what_is_unsent_and_lets_what_is_under_way_end(database: Database) -> None:
    made = await seeds.add_destination(database, "C1", "C2", "C3", "C4")
    other = await seeds.add_destination(database, "C5", name="Other")
    await owe(database, made, "C1", "C2", "C3", "C4")
    await owe(database, other, "C5")
    await put(database, "C2", DeliveryState.RETRYING)
    await put(database, "C3", DeliveryState.SENDING)
    await put(database, "C4", DeliveryState.DELIVERED)
    assert await pause(database, made) == 2
    after = await states(database)
    paused = (DeliveryState.SKIPPED, SkipReason.PAUSED, None)
    assert (after["C1"], after["C2"]) == (paused, paused)
    assert [after[one][0] for one in ("C3", "C4", "C5")] == [
        DeliveryState.SENDING,
        DeliveryState.DELIVERED,
        DeliveryState.PENDING,
    ]


async def test_a_pause_ends_by_itself_or_when_somebody_ends_it(database: Database) -> None:
    made = await seeds.add_destination(database, "C1")
    until = NOW + timedelta(days=7)
    await pause(database, made, until=until)
    assert not await is_paused(database, made, NOW - timedelta(seconds=1))
    assert await is_paused(database, made, NOW)
    assert await is_paused(database, made, until - timedelta(seconds=1))
    assert not await is_paused(database, made, until)

    await pause(database, made, now=NOW + timedelta(days=1))
    assert await is_paused(database, made, until + timedelta(days=1000))
    assert await is_paused(database, made, NOW)
    for was_paused in (True, False):
        async with database.write() as session:
            held = await destination.get(session, ACME, made.id, hold=True)
            assert await destination.resume(session, held, by="U0BEN", now=until) is was_paused
    assert not await is_paused(database, made, until)
    async with database.read() as session:
        noted = [(one.action, one.actor, one.detail.get("until")) for one in await audit.of_workspace(session, ACME)]
    assert noted == [
        ("destination.resumed", "U0BEN", None),
        ("destination.paused", "U0ADA", None),
        ("destination.paused", "U0ADA", until.isoformat()),
        ("destination.created", "U0ADA", None),
    ]


@pytest.mark.parametrize("days", [-1, 0, 367])
async def test_a_pause_ends_in_the_future_and_within_a_year(database: Database, days: int) -> None:
    made = await seeds.add_destination(database, "C1")
    with pytest.raises(FieldError) as refused:
        await pause(database, made, until=NOW + timedelta(days=days))
    assert refused.value.field == "until"
    assert not await is_paused(database, made, NOW)


@pytest.mark.parametrize(
    ("days", "following"),
    [
        pytest.param(None, None, id="until somebody ends it"),
        pytest.param(1, NOW + timedelta(days=1), id="the pause ends at the time of a recap, which is told"),
        pytest.param(2.5, NOW + timedelta(days=3), id="it ends between two"),
    ],
)
def test_the_next_recap_is_the_first_after_the_pause(days: float | None, following: datetime | None) -> None:
    made = Destination(frequency=Frequency.DAILY, at=NOW.time(), zone="UTC", next_run_at=NOW + timedelta(days=1))
    assert made.next_recap_at(NOW) == NOW + timedelta(days=1)
    made.paused_at, made.paused_until = NOW, NOW + timedelta(days=days) if days else None
    assert made.next_recap_at(NOW) == following


async def owe_movements(database: Database, made: Destination, **amounts: int) -> list[str]:
    """Owe movements of these amounts to C1; answer the deliveries' ids in this order."""
    async with database.write() as session:
        for key, minor in amounts.items():
            kind = "expansion" if minor > 0 else "contraction"
            moved = await seeds.record(session, seeds.movement(kind=kind, amount_minor=minor), key)
            assert moved is not None
            fact = (FactKind.MOVEMENT, moved.id)
            await lane.owe(session, ACME, [Owed(asked_by=made.id, fact=fact, recipient=CHANNEL)], now=NOW)
    async with database.read() as session:
        return [one.id for one in reversed(await delivery.of_workspace(session, ACME))]


async def test_an_edit_of_the_filter_holds_for_what_is_unsent_too(database: Database) -> None:
    made = await seeds.add_destination(database, "C1")
    ids = await owe_movements(database, made, small=499_99, large=500_00, loss=-900_00)
    gains = Filter(kinds=(MovementKind.NEW_BUSINESS, MovementKind.EXPANSION), least_gain=500)
    await edit(database, made, wish("C1", filter=gains))
    async with database.read() as session:
        after = [await delivery.get(session, ACME, one) for one in ids]
        assert (await destination.get(session, ACME, made.id)).filter == gains
    assert [(one.state, one.reason) for one in after] == [
        (DeliveryState.SKIPPED, SkipReason.BELOW_THRESHOLD),
        (DeliveryState.PENDING, None),
        (DeliveryState.SKIPPED, SkipReason.DELETED),
    ]


async def test_conditions_hold_for_what_is_unsent_too(database: Database) -> None:
    made = await seeds.add_destination(database, "C1")
    ids = await owe_movements(database, made, usd=500_00)
    for currency, state in (("USD", DeliveryState.PENDING), ("EUR", DeliveryState.SKIPPED)):
        only = Filter(conditions=(Condition(Criterion(About.CURRENCY), (currency,)),), least_gain_share=1)
        await edit(database, made, wish("C1", filter=only))
        async with database.read() as session:
            after = await delivery.get(session, ACME, ids[0])
            assert (await destination.get(session, ACME, made.id)).filter == only
        assert after.state == state
    assert after.reason == SkipReason.DELETED


@pytest.mark.parametrize(
    ("conditions", "field"),
    [
        ([("A",)] * 4, "condition_1"),
        ([("A",), ()], "condition_2"),
        ([tuple("ABCDEFGHIJK")], "condition_1"),
        ([("x" * 151,)], "condition_1"),
    ],
)
def test_conditions_that_no_form_offers_are_refused(conditions: list[tuple[str, ...]], field: str) -> None:
    plans = tuple(Condition(Criterion(About.PLAN), values) for values in conditions)
    with pytest.raises(FieldError) as refused:
        wish("C1", filter=Filter(conditions=plans))
    assert refused.value.field == field


async def test_what_was_merged_is_told_as_it_was_merged(database: Database) -> None:
    made = await seeds.add_destination(database, "C1")
    carrier, _ = await owe_movements(database, made, small=499_99, large=500_00)
    async with database.write() as session:
        for one in await delivery.of_workspace(session, ACME):
            if one.id != carrier:
                one.state, one.coalesced_into = DeliveryState.COALESCED, carrier
    await edit(database, made, wish("C1", filter=Filter(least_gain=500)))
    async with database.read() as session:
        assert (await delivery.get(session, ACME, carrier)).state == DeliveryState.PENDING


def test_a_filter_lets_some_kind_through() -> None:
    with pytest.raises(FieldError) as refused:
        wish("C1", filter=Filter(kinds=()))
    assert refused.value.field == "kinds"


@pytest.mark.parametrize(
    ("typed", "answer"),
    [
        ("EVERY  movement", None),
        ("evry movement", "There is no destination “evry movement”. Did you mean “Every movement”?"),
        ("Wins", "There is no destination “Wins”. See which there are with /mrr list."),
    ],
)
async def test_a_destination_is_found_by_its_name_or_what_is_near(
    database: Database, typed: str, answer: str | None
) -> None:
    made = await seeds.add_destination(database, "C1")
    await seeds.add_destination(database, "C1", name="Wins", workspace_id=GLOBEX)
    async with database.read() as session:
        if answer is None:
            assert (await destination.named(session, ACME, typed)).id == made.id
            return
        with pytest.raises(DestinationUnknownError) as refused:
            await destination.named(session, ACME, typed)
    assert str(refused.value) == answer
