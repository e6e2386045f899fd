from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, time
from typing import Any

import pytest

from bot.sandbox.blocks import validate_view
from bot.sandbox.elements import starting
from handlers.views import destinations, listing, sources
from handlers.views.deliveries import Delivering, Trouble
from handlers.views.destinations import DestinationRow
from handlers.views.home import ManagerHome, MemberHome, MrrNow, manager_home, member_home, without_pictures
from handlers.views.listing import PAGE_SIZE, Listing, Pages, read_pages
from handlers.views.mutes import MuteRow
from handlers.views.personal import (
    Personal,
    RecapRow,
    TellingRow,
    quiet_form,
    read_quiet,
    read_recap,
    recap_form,
)
from handlers.views.records import Ambiguity
from handlers.views.sources import SourceRow
from handlers.views.workflows import WorkflowRow
from models.delivery import DeliveryState
from models.ledger import Failing
from models.quiet import Hours
from models.recipient import RecipientKind
from models.scope import OPTIONAL, Scope
from models.source import SourceKind
from models.wish import Frequency
from tests.seeds import channels

AT = datetime(2026, 11, 20, 14, 2, tzinfo=UTC)
DAY = "<!date^1795183320^{date_short}|20 Nov 2026>"
MOMENT = "<!date^1795183320^{date_short_pretty} at {time}|20 Nov 2026 at 14:02 UTC>"
URL = "https://runrate.example.com/in/rrk_1"
EVERY_MOVEMENT = DestinationRow(
    id="dst_1", name="Every movement", recipients=channels("C0REVENUE", "C0WINS"), last_sent_at=AT
)
BILLING = SourceRow(id="src_1", name="Billing", kind=SourceKind.CHARTMOGUL, last_event_at=AT)
PERSONAL = Personal(zone="Europe/Berlin")
HOME = ManagerHome(
    personal=PERSONAL,
    workspace_name="Acme",
    installed_by="U0ADA",
    installed_at=AT,
    now=AT,
    delivering=Delivering(counts={(DeliveryState.DELIVERED, None): 214}),
    destinations=Listing((EVERY_MOVEMENT,), 1),
    sources=Listing((BILLING,), 1),
    manager_ids=("U0DANA",),
)
EMPTY = replace(HOME, destinations=Listing(), sources=Listing(), delivering=Delivering(counts={}))
ARCHIVED = Failing(
    target="C0REVENUE",
    recipient_kind=RecipientKind.CHANNEL,
    reason="the channel is archived",
    fix="Unarchive it, or choose another channel.",
    waiting=3,
    asked_by=("dst_1",),
)


def read(view: dict[str, Any]) -> list[str]:
    """Read a view from top to bottom, what can be pressed in square brackets."""
    return [line for block in view["blocks"] for line in _read_block(block)]


def _read_block(block: dict[str, Any]) -> list[str]:
    texts = [block["text"]["text"]] if "text" in block else []
    elements = [*block.get("elements", ()), *([block["accessory"]] if "accessory" in block else [])]
    texts += [element["text"] for element in elements if isinstance(element.get("text"), str)]
    return texts + [f"[{' | '.join(_words(element))}]" for element in elements if "action_id" in element]


def _words(element: dict[str, Any]) -> list[str]:
    options = [option["text"]["text"] for option in element.get("options", ())]
    return options or [element["text"]["text"] + (" !" if element.get("style") == "primary" else "")]


NOTHING_YET = "*What you get*\nNothing comes to you by direct message yet."
ASK, QUIET = "[Send me a daily recap by DM]", "[Quiet hours]"
REST = (
    "*Workflows*\nPost a message of your own when an event arrives from Segment, such as an order.",
    "[New workflow]",
    "*Signals*\nThe owner of the account hears of each by direct message; without an owner it is told nowhere yet.",
    "[Fallback channel]",
    (
        "*People whose CRM e-mail isn't their Slack one*\n"
        "Whom a CRM names is found in Slack by e-mail. Say who it is where the two differ."
    ),
    "[Match e-mails]",
)
PRIVACY = (
    "*Privacy*\nSee what is stored of one person, at a customer's or in Slack, and erase a contact.",
    "[Export or erase a person]",
)


def test_a_manager_sees_the_workspace_at_a_glance() -> None:
    view = manager_home(HOME)
    validate_view(view)
    assert read(view) == [
        "Runrate in Acme",
        f"Installed by <@U0ADA> on {DAY}",
        "*All well*: 214 messages delivered today.",
        "*Destinations* (1)",
        "[New destination]",
        f"*Every movement* · Real-time to <#C0REVENUE> and <#C0WINS>\nLast sent {MOMENT}",
        "[Edit | Pause | Send a test | Details | Delete]",
        "*Sources* (1)",
        "[Add source]",
        f"*Billing* · ChartMogul\nLast event {MOMENT}",
        "[Details | Show URL | Rotate key | Pause | Remove]",
        *REST,
        NOTHING_YET,
        ASK,
        QUIET,
        "*Managers*\nSlack admins and owners, and <@U0DANA>.",
        "[Name managers]",
        *PRIVACY,
    ]


def test_an_empty_workspace_has_one_sentence_and_one_button_for_each_list() -> None:
    view = manager_home(replace(EMPTY, manager_ids=()))
    validate_view(view)
    assert read(view)[2:] == [
        "*Sources*\nNo source yet. Add one, and your first movement can be in Slack in two minutes.",
        "[Add source !]",
        "*Destinations*\nNo destination yet. Make one, and every movement is told in the channels that you choose.",
        "[New destination]",
        *REST,
        NOTHING_YET,
        ASK,
        QUIET,
        "*Managers*\nSlack admins and owners.",
        "[Name managers]",
        *PRIVACY,
    ]


def test_with_a_source_the_next_thing_to_press_is_the_destination() -> None:
    assert "[New destination !]" in read(manager_home(replace(EMPTY, sources=HOME.sources)))


def test_a_silent_source_waits_with_a_line_that_sends_its_first_event() -> None:
    silent = replace(BILLING, kind=SourceKind.API, url=URL, last_event_at=None)
    view = manager_home(replace(HOME, sources=Listing((silent,), 1)))
    validate_view(view)
    row = next(line for line in read(view) if line.startswith("*Billing*"))
    assert row.startswith(
        "*Billing* · Your own system\nWaiting for your first event. Send a test from a terminal:\n```curl "
    )
    assert f"curl -sS '{URL}' -H 'Content-Type: application/json' -d '" in row
    assert row.endswith("}'```")


def test_another_silent_source_says_where_its_address_is() -> None:
    silent = replace(BILLING, kind=SourceKind.API, last_event_at=None)
    view = manager_home(replace(HOME, sources=Listing((silent,), 1)))
    waiting = "Waiting for your first event. “Show URL” in the menu says where to send it."
    assert f"*Billing* · Your own system\n{waiting}" in read(view)


def test_a_source_that_was_heard_shows_its_url_only_when_asked() -> None:
    view = manager_home(replace(HOME, sources=Listing((replace(BILLING, url=URL, refused=3),), 1)))
    assert "rrk_1" not in str(view)
    assert f"*Billing* · ChartMogul\nLast event {MOMENT} · 3 refused" in read(view)
    assert "[Details | Show URL | Rotate key | Pause | Remove]" in read(view)


def test_an_import_has_no_url_to_show() -> None:
    imported = replace(BILLING, kind=SourceKind.CSV)
    assert "[Details | Remove]" in read(manager_home(replace(HOME, sources=Listing((imported,), 1))))


def test_a_paused_source_says_since_when_and_how_much_waits() -> None:
    paused = replace(BILLING, paused_at=AT, held=1200)
    view = manager_home(replace(HOME, sources=Listing((paused,), 1)))
    validate_view(view)
    assert f"*Billing* · ChartMogul\nPaused since {MOMENT} · 1,200 events wait" in read(view)
    assert "[Details | Show URL | Rotate key | Resume | Remove]" in read(view)


def test_how_delivery_fares_comes_first_then_what_else_needs_attention() -> None:
    delivering = Delivering(counts={(DeliveryState.RETRYING, None): 3}, troubles=(Trouble(failing=ARCHIVED),))
    view = manager_home(replace(HOME, delivering=delivering, remarks=("Billing has been silent for 3 days.",)))
    validate_view(view)
    assert read(view)[2:8] == [
        "*Delivery*\nToday: 3 to be tried again",
        (
            "I can't post to <#C0REVENUE>: the channel is archived. 3 updates are waiting; nothing is lost. "
            "Unarchive it, or choose another channel."
        ),
        "[Fallback channel]",
        "[Try now]",
        "*Needs attention*",
        "Billing has been silent for 3 days.",
    ]


def test_what_else_needs_attention_stands_beside_no_calm_line() -> None:
    view = manager_home(replace(HOME, remarks=("Billing has been silent for 3 days.",)))
    assert read(view)[2:4] == ["*Needs attention*", "Billing has been silent for 3 days."]


def test_a_destination_says_what_waits_and_why() -> None:
    row = replace(EVERY_MOVEMENT, last_sent_at=None, waiting=3, failing=(ARCHIVED,))
    view = manager_home(replace(HOME, destinations=Listing((row,), 1)))
    assert any(
        line.endswith(
            "\nNothing sent yet · 3 waiting\n*Can't post to <#C0REVENUE>*: the channel is archived. "
            "Unarchive it, or choose another channel."
        )
        for line in read(view)
    )
    unkept = manager_home(replace(HOME, destinations=Listing((replace(EVERY_MOVEMENT, is_unkept=True),), 1)))
    assert any("\n*Nobody answers for it*: it can be handed over in its details" in line for line in read(unkept))


def test_scopes_that_were_not_granted_say_what_they_would_bring() -> None:
    view = manager_home(
        replace(HOME, missing_scopes=OPTIONAL[:2], install_url="https://runrate.example.com/slack/install")
    )
    validate_view(view)
    text, press = read(view)[-2:]
    assert text.split("\n") == [
        "*Not granted, and what it would bring*",
        f"`files:write`: {OPTIONAL[0].brings}",
        f"`channels:history`: {OPTIONAL[1].brings}",
    ]
    assert press == "[Grant]"
    validate_view(manager_home(replace(HOME, missing_scopes=(Scope("commands", "Answers /mrr."),))))


@pytest.mark.parametrize("page", [0, 1, 2, 3])
def test_hundreds_of_rows_are_paged_under_slacks_limits(page: int) -> None:
    total = 2 * PAGE_SIZE + 5
    rows = tuple(
        replace(EVERY_MOVEMENT, id=f"dst_{number}", recipients=channels("C0REVENUE") * 20) for number in range(total)
    )
    silent = tuple(replace(BILLING, id=f"src_{number}", url=URL, last_event_at=None) for number in range(total))
    told = tuple(WorkflowRow(id=f"wfl_{number}", name="x", event="y", channel_id="C1") for number in range(total))
    shown = slice(page * PAGE_SIZE, (page + 1) * PAGE_SIZE)
    view = manager_home(
        replace(
            HOME,
            destinations=Listing(rows[shown], total),
            sources=Listing(silent[:PAGE_SIZE], total),
            workflows=told,
            pages=Pages(destinations=page),
            delivering=Delivering(counts={(DeliveryState.FAILED, None): 1}, troubles=(Trouble(failing=ARCHIVED),) * 30),
            remarks=("Something.",) * 30,
            missing_scopes=OPTIONAL,
            mrr=MrrNow(words="x", picture_url="https://runrate.example.com/p.png", described="x"),
            report_url="https://runrate.example.com/reports/1",
            ambiguous=(Ambiguity("src_1", "x", 2),) * 5,
            personal=replace(PERSONAL, mutes=(MuteRow(what="acc_1", name="Initech"),) * 20),
        )
    )
    validate_view(view)
    assert len(str(view)) < 100_000
    buttons = {
        0: {"Next": Pages(1, 0)},
        1: {"Previous": Pages(0, 0), "Next": Pages(2, 0)},
        2: {"Previous": Pages(1, 0)},
        3: {"Previous": Pages(2, 0)},
    }
    pager = next(block for block in view["blocks"] if block.get("block_id") == "pages_destinations")
    assert {button["text"]["text"]: read_pages(button) for button in pager["elements"]} == buttons[page]
    assert {button["action_id"] for button in pager["elements"]} <= {listing.ACTIONS.previous, listing.ACTIONS.next}
    said = {
        0: f"1–{PAGE_SIZE} of {total}",
        1: f"{PAGE_SIZE + 1}–{2 * PAGE_SIZE} of {total}",
        2: f"{2 * PAGE_SIZE + 1}–{total} of {total}",
        3: f"This page is empty; there are {total}.",
    }
    assert said[page] in read(view)


def test_more_rows_than_a_page_holds_are_never_drawn() -> None:
    rows = tuple(replace(EVERY_MOVEMENT, id=f"dst_{number}") for number in range(200))
    validate_view(manager_home(replace(HOME, destinations=Listing(rows, 200), remarks=("x",) * 200)))
    validate_view(member_home(replace(MEMBER, destinations=Listing(rows, 200))))


def test_turning_one_list_keeps_the_page_of_the_other() -> None:
    rows = tuple(replace(BILLING, id=f"src_{number}") for number in range(PAGE_SIZE))
    view = manager_home(replace(HOME, sources=Listing(rows, 40), pages=Pages(destinations=4, sources=1)))
    pager = next(block for block in view["blocks"] if block.get("block_id") == "pages_sources")
    assert [read_pages(button) for button in pager["elements"]] == [Pages(4, 0), Pages(4, 2)]


@pytest.mark.parametrize("value", ["", "x y", "-1 2", "²"])
def test_a_page_that_was_never_offered_is_the_first(value: str) -> None:
    assert read_pages({"value": value}).destinations == 0


def test_menus_say_what_was_chosen_for_which_row() -> None:
    view = manager_home(HOME)
    menus = [block["accessory"] for block in view["blocks"] if block.get("accessory", {}).get("type") == "overflow"]
    chosen = [{"selected_option": option} for option in menus[0]["options"]]
    assert [destinations.read_menu(action) for action in chosen] == [
        (destinations.Menu.EDIT, "dst_1"),
        (destinations.Menu.PAUSE, "dst_1"),
        (destinations.Menu.TEST, "dst_1"),
        (destinations.Menu.DETAILS, "dst_1"),
        (destinations.Menu.DELETE, "dst_1"),
    ]
    assert sources.read_menu({"selected_option": menus[1]["options"][0]}) == (sources.Menu.DETAILS, "src_1")
    with pytest.raises(ValueError, match="explode"):
        sources.read_menu({"selected_option": {"value": "explode src_1"}})


MEMBER = MemberHome(
    personal=PERSONAL,
    workspace_name="Acme",
    installed_by="U0ADA",
    installed_at=AT,
    destinations=Listing((EVERY_MOVEMENT,), 1),
    to_ask=("U0DANA", "U0ADA"),
)


def test_a_member_sees_what_they_get_what_is_posted_and_whom_to_ask() -> None:
    view = member_home(MEMBER)
    validate_view(view)
    assert read(view) == [
        "Runrate in Acme",
        f"Installed by <@U0ADA> on {DAY}",
        NOTHING_YET,
        ASK,
        QUIET,
        "*What is posted, and where*",
        f"*Every movement* · Real-time to <#C0REVENUE> and <#C0WINS>\nLast sent {MOMENT}",
        "[Details]",
        "To change what is posted, ask <@U0DANA>, <@U0ADA> or a Slack admin.",
    ]


def test_mrr_now_comes_first_with_its_picture_which_can_be_taken_out() -> None:
    mrr = MrrNow(words="*MRR now*  *$152,480*", picture_url="https://runrate.example.com/p.png", described="It rises.")
    for view in (manager_home(replace(HOME, mrr=mrr)), member_home(replace(MEMBER, mrr=mrr))):
        validate_view(view)
        assert read(view)[2] == "*MRR now*  *$152,480*"
        assert view["blocks"][3] == {"type": "image", "image_url": mrr.picture_url, "alt_text": "It rises."}
        plain = without_pictures(view)
        assert [block for block in view["blocks"] if block not in plain["blocks"]] == [view["blocks"][3]]


def test_a_person_sees_what_comes_to_them_and_why_and_can_undo_what_they_muted() -> None:
    rows = (MuteRow(what="acc_1", name="Initech", until=AT), MuteRow(what="signals", name=None))
    personal = Personal(
        zone="Europe/Berlin",
        owned=12,
        telling=(TellingRow(name="Every movement", frequency=Frequency.REAL_TIME, created_by="U0ADA"),) * 7,
        recap=RecapRow(frequency=Frequency.DAILY, at=time(9), zone="Europe/Berlin", next_at=AT),
        hours=Hours(starts=time(20), ends=time(8), days=(0, 1, 2, 3, 4)),
        quiet_until=AT,
        mutes=rows,
    )
    view = member_home(replace(MEMBER, personal=personal))
    validate_view(view)
    told = "“Every movement” tells you each movement as it happens, as <@U0ADA> set it up.\n"
    assert read(view)[2:12] == [
        (
            "*What you get*\nYou are the owner of 12 accounts: their signals come to you by direct message. "
            f"`/mrr mute ACCOUNT` stops those of one.\n{told * 5}and 2 more destinations\n"
            f"Your daily recap comes at 09:00 Europe/Berlin · next: {MOMENT}\n"
            "*Quiet hours* from 20:00 to 08:00 on weekdays, Europe/Berlin: what comes to you meanwhile waits until "
            f"they end. It is quiet until {MOMENT}."
        ),
        "[Change my recap]",
        "[Stop my recap]",
        "[Change quiet hours]",
        "[End quiet hours]",
        "*What you muted*",
        f"Initech · until {MOMENT}",
        "[Undo]",
        "All signals · until you undo it",
        "[Undo]",
    ]
    managing = manager_home(replace(HOME, personal=personal))
    validate_view(managing)
    assert "You muted Initech and all signals; `/mrr unmute` lists and ends that." in read(managing)


def test_a_guest_may_have_quiet_hours_and_no_recap() -> None:
    view = member_home(replace(MEMBER, personal=replace(PERSONAL, may_have_recap=False)))
    assert read(view)[2:4] == [NOTHING_YET, QUIET]


@pytest.mark.parametrize(
    ("days", "words"),
    [(range(7), "every day"), ((6, 5), "at weekends"), ((0, 4), "on Mondays and Fridays"), ((2,), "on Wednesdays")],
)
def test_days_are_said_in_words(days: Sequence[int], words: str) -> None:
    hours = Hours(starts=time(22), ends=time(6), days=tuple(days))
    told = member_home(replace(MEMBER, personal=replace(PERSONAL, hours=hours)))
    assert f"from 22:00 to 06:00 {words}, Europe/Berlin" in read(told)[2]


def test_the_forms_begin_with_what_somebody_has() -> None:
    hours = Hours(starts=time(19, 30), ends=time(7), days=(0, 6))
    row = RecapRow(frequency=Frequency.WEEKLY, at=time(8, 15), zone="UTC")
    for view, read_back, kept in (
        (quiet_form(hours, zone="UTC"), read_quiet, hours),
        (recap_form(row, zone="UTC"), read_recap, (row.frequency, row.at)),
    ):
        validate_view(view)
        assert read_back({**view, "state": {"values": starting(view["blocks"])}}) == kept
    validate_view(quiet_form(None, zone="UTC"))
    validate_view(recap_form(None, zone="UTC"))


def test_a_member_of_an_empty_workspace_is_told_so() -> None:
    view = member_home(replace(MEMBER, destinations=Listing(), to_ask=("U0ADA",)))
    validate_view(view)
    assert read(view)[5:] == [
        "No MRR movement is posted where you can read it yet.",
        "To change what is posted, ask <@U0ADA> or a Slack admin.",
    ]
