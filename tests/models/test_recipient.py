"""Recipients: whom a destination reaches, and by which name."""

import pytest

from models import destination, recipient
from models.database import Database
from models.recipient import RecipientKind, To, together
from models.wish import FieldError
from tests import seeds
from tests.seeds import ACME, NOW, channels


def test_people_together_are_one_target_in_whatever_order_they_were_chosen() -> None:
    assert together(["U2", "U1", "U2"]) == together(["U1", "U2"]) == To(RecipientKind.GROUP_DM, "U1,U2")
    assert together(["U1"]) == To(RecipientKind.PERSON, "U1")


@pytest.mark.parametrize(
    ("to", "called"),
    [
        (To(RecipientKind.CHANNEL, "C1"), "#revenue"),
        (To(RecipientKind.PERSON, "U1"), "Dana"),
        (To(RecipientKind.PERSON, "U9"), "U9"),
        (together(["U1", "U2"]), "the group DM of Dana and Mei"),
        (together(["U1", "U2", "U9"]), "the group DM of Dana, Mei and U9"),
    ],
)
def test_a_recipient_is_called_by_names(to: To, called: str) -> None:
    assert to.called({"C1": "#revenue", "U1": "Dana", "U2": "Mei"}) == called


@pytest.mark.parametrize(
    ("people", "field"), [([f"U{number}" for number in range(9)], "people"), ([], "recipients")], ids=["nine", "nobody"]
)
def test_a_destination_for_nobody_or_for_too_many_together_is_refused(people: list[str], field: str) -> None:
    with pytest.raises(FieldError) as refused:
        seeds.wish(recipients=(together(people),) if people else ())
    assert refused.value.field == field


def test_twenty_recipients_are_the_most_whatever_they_are() -> None:
    twenty = (*channels(*(f"C{number}" for number in range(19))), together(["U1", "U2"]))
    assert len(seeds.wish(recipients=twenty).recipients) == 20
    with pytest.raises(FieldError, match="20 channels and people"):
        seeds.wish(recipients=(*twenty, together(["U1"])))


async def reaching(database: Database, user_id: str) -> list[str]:
    async with database.read() as session:
        found = await destination.reaching(session, ACME, user_id)
        page, total = await destination.page(session, ACME, read_by=user_id)
        assert (page, total) == (found, len(found))  # None of the channels is known to be public.
        return [one.name for one in found]


async def test_a_person_is_reached_alone_and_in_groups_and_by_nobody_else_s(database: Database) -> None:
    for name, told in {
        "Channel": channels("C1"),
        "Alone": (together(["U1"]),),
        "Together": (*channels("C1"), together(["U1", "U2"])),
        "Others": (together(["U12", "U22"]), together(["U11"])),
    }.items():
        await seeds.add_destination(database, name=name, recipients=told)
    assert await reaching(database, "U1") == ["Alone", "Together"]
    assert await reaching(database, "U2") == ["Together"]
    assert await reaching(database, "U%") == []
    async with database.write() as session:
        assert await recipient.people(session, ACME) == {"U1", "U2", "U11", "U12", "U22"}
        await destination.remove(session, await destination.named(session, ACME, "Alone"), by="U1", now=NOW)
    assert await reaching(database, "U1") == ["Together"]
