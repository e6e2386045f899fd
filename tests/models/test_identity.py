"""Identities: who is one and the same person, whatever order that is told in."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from models import said
from models.contact import Directory
from models.fact import AliasFact, ContactFact, ErasureFact
from models.identity import AboutPerson
from tests import seeds
from tests.seeds import NOW

Told = tuple[AboutPerson, int]
"""A fact, and at which minute it was said."""


def people(told: Iterable[Told]) -> set[tuple[Any, ...]]:
    """Tell a new directory these facts in this order; say who there is then."""
    directory = Directory("T1")
    for fact, minute in told:
        voice = said.voice(1, NOW + timedelta(minutes=minute), NOW + timedelta(days=1))
        match fact:
            case ContactFact():
                directory.apply(fact, voice, now=NOW, makes_account=fact.email is not None)
            case AliasFact():
                directory.alias(fact, voice, now=NOW)
            case ErasureFact():
                directory.erase(fact, voice, now=NOW)
    return {
        (one.user_id, one.email, one.anonymous_id, one.name, one.title, str(one.attributes), directory.company(one))
        for one in directory.contacts.values()
    }


def ids(told: Iterable[Told]) -> set[tuple[str | None, str | None]]:
    return {(user_id, email) for user_id, email, *_ in people(told)}


def contact(minute: int = 0, **fields: Any) -> Told:
    return seeds.contact(**fields), minute


def alias(previous_id: str, user_id: str, minute: int = 0) -> Told:
    return AliasFact(previous_id=previous_id, user_id=user_id), minute


def erasure(minute: int, **fields: Any) -> Told:
    return ErasureFact(**fields), minute


def test_a_visitor_becomes_the_user_they_are_first_seen_with() -> None:
    visit, sign_up = contact(1, anonymous_id="a", title="CFO"), contact(2, user_id="u", anonymous_id="a")
    assert people([visit, sign_up]) == people([sign_up, visit])
    assert [one[:1] + one[4:5] for one in people([visit, sign_up])] == [("u", "CFO")]


def test_a_lead_who_signs_up_on_the_same_device_is_one_person() -> None:
    lead, sign_up = contact(1, anonymous_id="a", email="a@a.io"), contact(2, user_id="u", anonymous_id="a")
    assert ids([lead, sign_up]) == ids([sign_up, lead]) == {("u", "a@a.io")}


def test_a_device_that_two_share_makes_no_one_person_of_them() -> None:
    told = [contact(1, user_id="u", anonymous_id="a"), contact(2, user_id="v", anonymous_id="a")]
    visit = contact(3, anonymous_id="a", title="CFO")
    assert {one[:1] + one[4:5] for one in people([*told, visit])} == {("u", "CFO"), ("v", None)}
    assert people([*told, visit]) == people([visit, *reversed(told)])


def test_an_alias_leads_to_the_new_id_also_where_the_old_one_was_anonymous() -> None:
    told = [contact(1, user_id="old", title="CFO"), contact(1, anonymous_id="old", name="Ada"), alias("old", "new", 2)]
    [(user_id, _, _, name, title, *_)] = people(told)
    assert (user_id, name, title) == ("new", "Ada", "CFO")
    assert people(told) == people(reversed(told))


def test_aliases_follow_one_another_and_may_go_round_in_a_circle() -> None:
    chain = [contact(user_id="a", title="CFO"), alias("a", "b", 1), alias("b", "c", 2)]
    assert ids(chain) == ids(reversed(chain)) == {("c", None)}
    circle = [*chain, alias("c", "a", 3)]
    assert ids(circle) == ids(reversed(circle)) == {("a", None)}
    assert ids([contact(user_id="a"), alias("a", "a", 1)]) == {("a", None)}


def test_an_erased_person_does_not_come_back_with_what_was_said_before() -> None:
    before = contact(1, user_id="u", email="a@a.io", anonymous_id="a", name="Ada")
    gone = erasure(2, user_id="u")
    assert people([before, gone]) == people([gone, before]) == set()
    assert people([before, gone, contact(1, anonymous_id="a", title="CFO")]) == set()
    again = contact(3, user_id="u", title="CFO")
    assert ids([before, gone, again]) == ids([again, before, gone]) == ids([gone, again, before]) == {("u", None)}


def test_who_shares_an_address_with_an_erased_person_stays() -> None:
    told = [contact(1, user_id="u", email="a@a.io"), contact(2, user_id="v", email="a@a.io", name="Bo")]
    assert ids([*told, erasure(3, user_id="u")]) == {("v", "a@a.io")}


NAMES = st.sampled_from([None, "x", "y", "z"])
EMAILS = st.sampled_from([None, "x@a.io", "y@a.io"])
CONTACTS = st.builds(
    dict,
    user_id=NAMES,
    anonymous_id=NAMES,
    email=EMAILS,
    name=st.sampled_from([None, "Ada", "Bo"]),
    account_external_id=st.sampled_from([None, None, "acme", "globex"]),
    attributes=st.dictionaries(st.sampled_from(["plan", "seats"]), st.sampled_from(["pro", 3, True, None])),
).filter(lambda fields: bool(fields["user_id"] or fields["anonymous_id"] or fields["email"]))
ALIASES = st.builds(AliasFact, previous_id=st.sampled_from("xyz"), user_id=st.sampled_from("xyz"))
CALLS = st.tuples(st.one_of(CONTACTS.map(lambda fields: seeds.contact(**fields)), ALIASES), st.integers(0, 5))


@given(st.data())
def test_any_order_and_any_repetition_of_calls_comes_to_the_same_people(data: st.DataObject) -> None:
    told: Sequence[Told] = data.draw(st.lists(CALLS, min_size=1, max_size=8))
    shuffled = data.draw(st.permutations([*told, *told]))
    assert people(shuffled) == people(told)


@given(st.lists(CALLS, min_size=1, max_size=8))
def test_nobody_is_two_people(told: Sequence[Told]) -> None:
    known = [user_id for user_id, *_ in people(told) if user_id]
    assert len(known) == len(set(known))


def test_whoever_believes_the_last_to_speak_depends_on_the_order() -> None:
    """The broken variant: what has no time of its own counts by its arrival alone."""

    def named(*names: str) -> str | None:
        directory = Directory("T1")
        for name in names:
            directory.apply(seeds.contact(user_id="u", name=name), said.voice(1, NOW, NOW), now=NOW)
        return next(iter(directory.contacts.values())).name

    assert named("Ada", "Bo") != named("Bo", "Ada")
