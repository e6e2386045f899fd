"""The rules of the set-up page's checklist."""

from datetime import UTC, datetime, timedelta

import pytest

from handlers import checklist
from handlers.checklist import Checklist, Item, State
from models import scope

NOW = datetime(2026, 11, 20, 14, 2, tzinfo=UTC)
REQUIRED = {one.name for one in scope.REQUIRED}
EVERYTHING = scope.parse(scope.requested())


def all_well() -> Checklist:
    return Checklist(
        address=checklist.address("https://mrr.acme.com", reached=True),
        scopes=checklist.scopes(EVERYTHING),
        events=checklist.events(NOW - timedelta(seconds=47), now=NOW),
        clock=checklist.clock(timedelta(seconds=1)),
    )


@pytest.mark.parametrize(
    ("public_url", "reached", "state", "sentence"),
    [
        ("https://mrr.acme.com", True, State.OK, "Requests arrive at https://mrr.acme.com over HTTPS."),
        ("https://mrr.acme.com", False, State.WAITING, "No request has come in at https://mrr.acme.com yet."),
        ("http://mrr.acme.com", True, State.PROBLEM, "http://mrr.acme.com is not encrypted"),
        ("http://10.0.0.7:3000", True, State.PROBLEM, "http://10.0.0.7:3000 is not encrypted"),
        ("http://127.0.0.1:3000", True, State.OK, "from this machine only"),
        ("http://localhost:3000", True, State.OK, "from this machine only"),
        ("http://[::1]:3000", False, State.WAITING, "No request has come in"),
    ],
)
def test_the_address_must_be_https_or_on_this_machine_and_be_reached(
    public_url: str, reached: bool, state: State, sentence: str
) -> None:
    item = checklist.address(public_url, reached=reached)
    assert item.state is state
    assert sentence in item.sentence


@pytest.mark.parametrize(
    ("visited", "is_public"),
    [
        ("https://mrr.acme.com", True),
        ("https://MRR.acme.com:443", True),
        ("http://mrr.acme.com", False),
        ("https://mrr.acme.com:3000", False),
        ("https://other.example", False),
        ("https://[broken", False),
        ("https://mrr.acme.com:port", False),
    ],
)
def test_a_visit_counts_only_at_the_public_address(visited: str, is_public: bool) -> None:
    assert checklist.is_public_address("https://mrr.acme.com", visited) is is_public


def test_permissions_wait_for_the_first_installation() -> None:
    assert checklist.scopes(None).state is State.WAITING
    assert checklist.events(None, now=NOW).fix


@pytest.mark.parametrize(
    ("because", "fact", "fix"),
    [
        ("tokens_revoked", "Slack no longer accepts Runrate's token.", "Press Add to Slack again;"),
        ("app_uninstalled", "Runrate was uninstalled.", "Press Add to Slack again;"),
        (
            "team_access_revoked",
            "The organisation took Runrate out of its workspace.",
            "Ask an admin of the organisation to add Runrate to the workspace again;",
        ),
    ],
)
def test_a_lost_grant_says_how_and_who_brings_it_back(because: str, fact: str, fix: str) -> None:
    lost = checklist.scopes(None, lost_because=because)
    assert (lost.state, lost.sentence.partition(" Nothing")[0]) == (State.PROBLEM, fact)
    assert lost.fix.startswith(fix)
    silent = checklist.events(NOW - timedelta(days=3), now=NOW, is_lost=True)
    assert (silent.sentence, silent.fix) == (
        "Slack sends none while no workspace has Runrate. The last one came 3 days ago.",
        "",
    )


def test_a_needed_permission_that_was_not_granted_is_named() -> None:
    item = checklist.scopes(EVERYTHING - {"im:write", "commands"})
    assert item.state is State.PROBLEM
    assert "2 of 14 needed permissions were not granted: commands, im:write." in item.sentence


def test_an_optional_permission_may_be_left_out() -> None:
    item = checklist.scopes(REQUIRED | {"files:write"})
    assert item.state is State.OK
    assert "Left out, as you may: channels:history, groups:history, im:history, mpim:history." in item.sentence
    assert "optional ones too" in checklist.scopes(EVERYTHING).sentence


@pytest.mark.parametrize(
    ("last_event", "refused", "state", "sentence"),
    [
        (None, None, State.WAITING, "Slack hasn't sent an event yet."),
        (None, timedelta(minutes=3), State.PROBLEM, "A request came 3 minutes ago, but its signature was wrong."),
        (timedelta(seconds=2), None, State.OK, "Slack's last event came just now."),
        (timedelta(seconds=47), None, State.OK, "Slack's last event came 47 seconds ago."),
        (timedelta(hours=24), None, State.OK, "Slack's last event came 1 day ago."),
        (timedelta(hours=25), None, State.WAITING, "Slack's last event came 1 day ago."),
        (timedelta(hours=5), timedelta(seconds=1), State.OK, "Slack's last event came 5 hours ago."),
    ],
)
def test_events_are_judged_by_the_last_true_one(
    last_event: timedelta | None, refused: timedelta | None, state: State, sentence: str
) -> None:
    item = checklist.events(
        None if last_event is None else NOW - last_event,
        now=NOW,
        refused_at=None if refused is None else NOW - refused,
    )
    assert (item.state, item.sentence) == (state, sentence)


@pytest.mark.parametrize(
    ("seconds", "state", "sentence"),
    [
        (0, State.OK, "It agrees with Slack's."),
        (-60, State.OK, "It agrees with Slack's."),
        (61, State.PROBLEM, "It is 1 minute ahead of Slack's, and at 5 minutes Slack is refused."),
        (-299, State.PROBLEM, "It is 4 minutes behind Slack's, and at 5 minutes Slack is refused."),
        (-7200, State.PROBLEM, "It is 2 hours behind Slack's, so every request of Slack's is refused."),
    ],
)
def test_the_clock_is_compared_with_slacks(seconds: int, state: State, sentence: str) -> None:
    item = checklist.clock(timedelta(seconds=seconds))
    assert (item.state, item.sentence) == (state, sentence)


def test_the_clock_waits_for_the_first_request() -> None:
    assert checklist.clock(None).state is State.WAITING


def test_the_skew_is_read_from_slacks_headers() -> None:
    assert checklist.skew_from_timestamp(str(int(NOW.timestamp()) - 90), now=NOW) == timedelta(seconds=90)
    assert checklist.skew_from_date("Fri, 20 Nov 2026 14:02:30 GMT", now=NOW) == timedelta(seconds=-30)


@pytest.mark.parametrize("header", ["", "soon", "9" * 40, "Fri, 20 Nov 2026 14:02:30"])
def test_a_header_that_is_no_time_tells_nothing(header: str) -> None:
    assert checklist.skew_from_timestamp(header, now=NOW) is None
    assert checklist.skew_from_date(header, now=NOW) is None


def test_whatever_is_not_ok_says_what_to_do_or_when_it_will_be() -> None:
    items: list[Item] = [
        checklist.address("http://mrr.acme.com", reached=False),
        checklist.address("https://mrr.acme.com", reached=False),
        checklist.scopes(None),
        checklist.scopes(set()),
        checklist.events(None, now=NOW),
        checklist.events(None, now=NOW, refused_at=NOW),
        checklist.events(NOW - timedelta(days=3), now=NOW),
        checklist.clock(timedelta(seconds=-400)),
    ]
    assert all(item.state is not State.OK and item.fix.endswith(".") for item in items)


def test_the_summary_counts_what_is_left() -> None:
    assert all_well().summary == "All well."
    fresh = Checklist(
        address=checklist.address("http://mrr.acme.com", reached=True),
        scopes=checklist.scopes(None),
        events=checklist.events(None, now=NOW),
        clock=checklist.clock(None),
    )
    assert fresh.summary == "1 of 4 needs you."
