"""The demo's story: an invented business whose movements add up, the same each time it is told."""

import os
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import islice
from pathlib import Path

import orjson
import pytest

from bot.sandbox.people import ACME, settle
from bot.sandbox.state import Slack
from bot.story import TOLD_MONTHS, Happening, Story
from handlers.senders import segment
from models.fact import (
    AccountFact,
    AccountStatus,
    ContactFact,
    Fact,
    MovementFact,
    MovementKind,
    RoleFact,
    SignalKind,
    dump_facts,
    read_facts,
)

ROOT = Path(__file__).parents[2]
TODAY = date(2026, 11, 20)
NOW = datetime(2026, 11, 20, 14, 2, tzinfo=UTC)
SEEDS = (1, 2, 3, 7, 11, 2026)
DAYS = (date(2026, 1, 1), date(2026, 3, 2), date(2026, 8, 4), date(2028, 2, 29))
DEFAULT = Story(today=TODAY)
STORIES = [Story(seed=seed, today=TODAY) for seed in SEEDS] + [Story(today=day) for day in DAYS]
WELL_KNOWN = """
acme adidas adobe amazon apple bosch contoso danone fabrikam globex google hooli hubspot ibm ikea infosys initech
juniper meta microsoft nestle netflix nike northwind oracle philips runrate salesforce sap shopify siemens slack
spotify stripe tesla uber umbrella walmart
"""
TELL_ALL = """
import sys
from datetime import date
from itertools import islice
from bot.story import Story
story = Story(today=date.fromisoformat(sys.argv[1]))
print(story.history(), list(islice(story.present(), 200)), story.signals(), story.orders())
"""

every_story = pytest.mark.parametrize("story", STORIES, ids=lambda story: f"{story.seed}-{story.today}")


def movements(facts: Iterable[Fact]) -> list[MovementFact]:
    return [fact for fact in facts if isinstance(fact, MovementFact)]


def accounts(facts: Iterable[Fact]) -> dict[str, AccountFact]:
    """Put each account's facts over one another, as applying them does."""
    known: dict[str, AccountFact] = {}
    for fact in facts:
        if isinstance(fact, AccountFact):
            before = known.get(fact.external_id, fact)
            attributes = {**before.attributes, **fact.attributes}
            said = {**before.model_dump(exclude_none=True), **fact.model_dump(exclude_none=True)}
            known[fact.external_id] = AccountFact(**{**said, "attributes": attributes})
    return known


history, signals, orders = cache(Story.history), cache(Story.signals), cache(Story.orders)
"""Each story is told once, and read by many tests."""


@cache
def told(story: Story) -> list[Fact]:
    """Tell the history, and some of what follows."""
    return [*history(story), *(happening.fact for happening in islice(story.present(), 600))]


def inconsistencies(told: Iterable[MovementFact]) -> list[str]:
    """List the movements that don't follow from the one before them at the same account."""
    last: dict[str, MovementFact] = {}
    wrong = []
    for movement in told:
        before = last.get(movement.account_external_id)
        if not _follows(before, movement):
            wrong.append(movement.external_id or "")
        last[movement.account_external_id] = movement
    return wrong


def _follows(before: MovementFact | None, movement: MovementFact) -> bool:
    """Say whether a movement is the first of an account, or goes on from where the one before ended."""
    start, end = movement.mrr_before_minor, movement.mrr_after_minor
    if start is None or end is None or end - start != movement.amount_minor:
        return False
    is_right_kind = {
        MovementKind.NEW_BUSINESS: before is None and start == 0 < end,
        MovementKind.REACTIVATION: before is not None and before.kind == MovementKind.CHURN and start == 0 < end,
        MovementKind.EXPANSION: 0 < start < end,
        MovementKind.CONTRACTION: 0 < end < start,
        MovementKind.CHURN: end == 0 < start,
    }[movement.kind]
    if before is None:
        return is_right_kind
    goes_on = before.mrr_after_minor == start and before.currency == movement.currency
    return is_right_kind and goes_on and before.occurred_at <= movement.occurred_at


def month_of(movement: MovementFact) -> date:
    return movement.occurred_at.date().replace(day=1)


def told_months(today: date) -> list[date]:
    this = today.year * 12 + today.month - 1
    return [date(number // 12, number % 12 + 1, 1) for number in range(this - TOLD_MONTHS, this)]


def dollars(told: Iterable[MovementFact]) -> int:
    return sum(movement.amount_minor for movement in told if movement.currency == "USD")


def tell_all(**environment: str) -> bytes:
    """Tell the default story in a process of its own."""
    command = [sys.executable, "-X", "utf8", "-c", TELL_ALL, TODAY.isoformat()]
    environment = {**os.environ, **environment}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=True).stdout


@every_story
def test_each_accounts_movements_follow_each_other_through_history_and_present(story: Story) -> None:
    assert inconsistencies(movements(told(story))) == []


@pytest.mark.parametrize(
    "change",
    [
        {"mrr_before_minor": 1},
        {"amount_minor": 1},
        {"kind": MovementKind.NEW_BUSINESS},
        {"currency": "JPY"},
        {"occurred_at": datetime(2020, 1, 1, tzinfo=UTC)},
    ],
)
def test_a_movement_that_does_not_follow_is_found(change: dict[str, object]) -> None:
    broken = movements(Story(today=TODAY).history())
    place = next(place for place, one in enumerate(broken) if one.kind == MovementKind.EXPANSION)
    broken[place] = broken[place].model_copy(update=change)
    assert broken[place].external_id in inconsistencies(broken)


@every_story
def test_the_sums_of_each_currency_are_what_its_accounts_pay(story: Story) -> None:
    facts = movements(told(story))
    sums, pays = Counter[str](), {}
    for movement in facts:
        sums[movement.currency] += movement.amount_minor
        pays[movement.account_external_id] = (movement.currency, movement.mrr_after_minor or 0)
    assert set(sums) == {"USD", "EUR", "GBP"}
    for currency, total in sums.items():
        assert total == sum(mrr for billed_in, mrr in pays.values() if billed_in == currency) > 0


@every_story
def test_an_account_is_billed_in_one_currency_and_most_are_in_dollars(story: Story) -> None:
    currencies = defaultdict(set)
    for movement in movements(told(story)):
        currencies[movement.account_external_id].add(movement.currency)
    assert {len(used) for used in currencies.values()} == {1}
    billed_in = Counter(currency for used in currencies.values() for currency in used)
    assert billed_in["USD"] > billed_in["EUR"] + billed_in["GBP"]
    assert min(billed_in.values()) >= 5


@every_story
def test_every_month_has_movements_of_all_five_kinds(story: Story) -> None:
    kinds = defaultdict(set)
    for movement in movements(history(story)):
        kinds[month_of(movement)].add(movement.kind)
    assert [kinds[month] for month in told_months(story.today)] == [set(MovementKind)] * TOLD_MONTHS


@every_story
def test_history_ends_on_the_last_working_day_before_today(story: Story) -> None:
    last = movements(history(story))[-1].occurred_at.date()
    assert last < story.today
    assert story.today - last <= timedelta(days=4)


@every_story
def test_mrr_grows_by_a_few_percent_a_month_and_little_is_lost(story: Story) -> None:
    facts = movements(history(story))
    first, *_ = months = told_months(story.today)
    mrr = opening = dollars(one for one in facts if month_of(one) < first)
    churn = 0.0
    for month in months:
        of_month = [one for one in facts if month_of(one) == month]
        churn -= dollars(one for one in of_month if one.kind == MovementKind.CHURN) / mrr
        mrr += dollars(of_month)
    assert 0.03 < (mrr / opening) ** (1 / TOLD_MONTHS) - 1 < 0.07
    assert 0.007 < churn / TOLD_MONTHS < 0.025


@every_story
def test_movements_happen_in_working_hours(story: Story) -> None:
    for movement in movements(history(story)):
        assert movement.occurred_at.isoweekday() <= 5
        assert 8 <= movement.occurred_at.hour < 18


@every_story
def test_history_is_told_in_the_order_in_which_it_happened(story: Story) -> None:
    facts = history(story)
    instants = [movement.occurred_at for movement in movements(facts)]
    assert instants == sorted(instants)
    known, owned = set(), set()
    for fact in facts:
        match fact:
            case AccountFact():
                known.add(fact.external_id)
            case ContactFact():
                assert fact.account_external_id in known
            case RoleFact():
                assert fact.account_external_id in known
                owned.add(fact.account_external_id)
            case MovementFact():
                assert fact.account_external_id in owned


@every_story
def test_ids_names_and_addresses_belong_to_one_each(story: Story) -> None:
    facts = told(story)
    companies = accounts(facts).values()
    contacts = [fact for fact in facts if isinstance(fact, ContactFact)]
    for values in (
        [movement.external_id for movement in movements(facts)],
        [account.name for account in companies],
        [account.domain for account in companies],
        [contact.user_id for contact in contacts],
        [contact.email for contact in contacts],
    ):
        assert None not in values
        assert len(set(values)) == len(values)


@every_story
def test_about_120_accounts_stand_where_their_movements_left_them(story: Story) -> None:
    facts = history(story)
    companies = accounts(facts)
    last = {movement.account_external_id: movement.kind for movement in movements(facts)}
    assert 100 <= len(companies) <= 145
    for external_id, account in companies.items():
        kind = last.get(external_id)
        expected = {None: AccountStatus.LEAD, MovementKind.CHURN: AccountStatus.CHURNED}
        assert account.status == expected.get(kind, AccountStatus.CUSTOMER)
        assert (account.sales_stage == "Closed Won") == (kind is not None)
        assert set(account.attributes) >= {"country", "segment", "industry", "employees"}
    assert set(AccountStatus) == {account.status for account in companies.values()}
    assert "Closed Lost" in {account.sales_stage for account in companies.values()}


@every_story
def test_every_fact_passes_the_check_that_intake_makes(story: Story) -> None:
    facts = told(story)
    assert read_facts(orjson.loads(orjson.dumps(dump_facts(facts)))) == tuple(facts)


@every_story
def test_owners_and_csms_are_people_of_acme(story: Story) -> None:
    slack = Slack(now=NOW.timestamp)
    settle(slack)
    people = {one.email: one.real_name for one in slack.people.values() if one.workspace_id == ACME and not one.deleted}
    roles = [fact for fact in told(story) if isinstance(fact, RoleFact)]
    assert {role.role for role in roles} == {"owner", "csm"}
    assert {role.email for role in roles} == {"dana@acme.com", "liam@acme.com", "mei@acme.com"}
    assert all(people[role.email or ""] == role.name for role in roles)


@every_story
def test_every_account_has_an_owner_and_every_customer_a_csm(story: Story) -> None:
    facts = history(story)
    held = defaultdict(set)
    for fact in facts:
        if isinstance(fact, RoleFact):
            held[fact.role].add(fact.account_external_id)
    assert held["owner"] == set(accounts(facts))
    assert held["csm"] == {movement.account_external_id for movement in movements(facts)}


@every_story
def test_nobody_and_nothing_in_it_is_real(story: Story) -> None:
    facts = told(story)
    for account in accounts(facts).values():
        assert not set(WELL_KNOWN.split()) & set((account.name or "").lower().split())
        assert (account.domain or "").endswith(".example")
    for contact in facts:
        if isinstance(contact, ContactFact):
            assert (contact.email or "").isascii()
            assert (contact.email or "").endswith(".example")


def test_a_description_says_what_changed() -> None:
    facts = movements(Story(today=TODAY).history())
    for movement in facts:
        assert "seats" in (movement.description or "")
        assert movement.plan_before != movement.plan
    moved = [one for one in facts if one.kind in {MovementKind.EXPANSION, MovementKind.CONTRACTION}]
    assert all("→" in (one.description or "") or one.plan_before for one in moved)
    assert any(one.plan_before for one in moved)


def test_the_same_seed_and_day_tell_the_same_story_in_every_process() -> None:
    whole = tell_all(PYTHONHASHSEED="1")
    assert len(whole) > 100_000
    assert tell_all(PYTHONHASHSEED="2") == whole


@every_story
def test_each_telling_starts_anew(story: Story) -> None:
    assert [*story.history(), *(one.fact for one in islice(story.present(), 600))] == told(story)
    assert story.signals() == story.signals()
    assert story.orders() == story.orders()


def test_another_seed_or_day_tells_another_story() -> None:
    assert len({orjson.dumps(dump_facts(history(story))) for story in STORIES}) == len(STORIES)


def test_the_present_soon_shows_every_kind() -> None:
    happenings = list(islice(DEFAULT.present(), 60))
    assert {one.kind for one in movements(one.fact for one in happenings)} == set(MovementKind)
    assert happenings[0].after > timedelta()
    assert sum((one.after for one in happenings), timedelta()) < timedelta(minutes=30)


def test_a_new_customer_is_won_in_the_crm_at_the_moment_when_its_mrr_begins() -> None:
    happenings = list(islice(DEFAULT.present(), 200))
    place = next(
        place
        for place, one in enumerate(happenings)
        if isinstance(one.fact, MovementFact) and one.fact.kind == MovementKind.NEW_BUSINESS
    )
    won, csm, movement = happenings[place - 2 : place + 1]
    assert isinstance(won.fact, AccountFact)
    assert won.fact.sales_stage == "Closed Won"
    assert isinstance(csm.fact, RoleFact)
    assert csm.after == movement.after == timedelta()


def test_the_present_goes_on_for_days_without_outgrowing_the_business() -> None:
    story = Story(today=TODAY)
    pays = {one.account_external_id: one.mrr_after_minor or 0 for one in movements(history(story))}
    customers, mrr = sum(map(bool, pays.values())), sum(pays.values())
    for movement in movements(happening.fact for happening in islice(story.present(), 8000)):
        pays[movement.account_external_id] = movement.mrr_after_minor or 0
        assert 0.8 < sum(map(bool, pays.values())) / customers < 1.5
        assert 0.8 < sum(pays.values()) / mrr < 1.5
    assert len(pays) <= 400


def test_a_happening_takes_place_when_it_is_replayed() -> None:
    for happening in islice(DEFAULT.present(), 100):
        fact = happening.at(NOW)
        match fact:
            case MovementFact():
                assert fact.occurred_at == NOW
                assert fact.external_id == happening.fact.model_dump()["external_id"]
            case AccountFact():
                assert fact.created_at in {None, NOW}
            case _:
                assert fact == happening.fact


def test_a_replayed_instant_is_told_in_utc() -> None:
    berlin = datetime.fromisoformat("2026-11-20T15:02:00+01:00")
    replayed = [one.at(berlin) for one in islice(DEFAULT.present(), 20)]
    assert {dump_facts([one])[0]["occurred_at"] for one in movements(replayed)} == {"2026-11-20T14:02:00Z"}


def test_a_role_says_nothing_of_when_it_was_given() -> None:
    role = RoleFact(account_external_id="acc-001", role="owner", email="dana@acme.com")
    assert Happening(timedelta(), role).at(NOW) is role


@every_story
def test_signals_are_about_people_and_accounts_of_the_story(story: Story) -> None:
    found = signals(story)
    facts = history(story)
    companies = accounts(facts)
    contacts = {fact.name for fact in facts if isinstance(fact, ContactFact)}
    assert Counter(signal.kind for signal in found) == dict.fromkeys(set(SignalKind) - {SignalKind.CUSTOM}, 3)
    assert len({signal.external_id for signal in found}) == len(found)
    for signal in found:
        account = companies[signal.account_external_id]
        is_about_company = signal.kind is SignalKind.FUNDING
        assert (signal.person is None) == (signal.title is None) == is_about_company
        assert signal.text.endswith(".")
        if signal.kind is SignalKind.JOB_CHANGE:
            assert account.sales_stage == "Closed Lost"
        if signal.kind in {SignalKind.JOB_CHANGE, SignalKind.PROMOTION}:
            assert signal.person in contacts


@every_story
def test_orders_are_track_calls_of_known_contacts(story: Story) -> None:
    names = {fact.user_id: fact.name for fact in history(story) if isinstance(fact, ContactFact)}
    for order in orders(story):
        assert order["event"] == "Order Completed"
        assert order["properties"]["name"] == names[order["userId"]]
        assert order["properties"]["total"][0] in "$€£"
        assert segment.read(order, received_at=NOW).unreadable is None
