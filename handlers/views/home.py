"""The Home tab: for a manager the workspace at a glance, for everybody else what is posted and whom to ask."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from handlers.views import (
    answers,
    deliveries,
    destinations,
    dossiers,
    email_aliases,
    managers,
    personal,
    records,
    reports,
    signals,
    sources,
    workflows,
)
from handlers.views.blocks import Block, View, button, context, divider, header, home, image, section
from handlers.views.deliveries import Delivering
from handlers.views.destinations import DestinationRow
from handlers.views.listing import FIRST_PAGES, PAGE_SIZE, Listing, Pages, pager
from handlers.views.personal import Personal
from handlers.views.records import Ambiguity
from handlers.views.sources import SourceRow
from handlers.views.workflows import WorkflowRow
from models.scope import Scope
from scheduler.messages import mrkdwn
from scheduler.messages.message import PICTURE

MOST_REMARKS = 8
GROWING = "_History is still coming in, so this grows. Open the Home tab again in a minute._"


@dataclass(frozen=True)
class Actions:
    """The names of what can be pressed, beside what the other views name."""

    grant: str = "home_grant"
    """Opens the install page; there is nothing to do but to acknowledge it."""


ACTIONS = Actions()


@dataclass(frozen=True, kw_only=True)
class MrrNow:
    """What MRR is and did today, in words, and the picture of how it came there, where it can be shown."""

    words: str
    picture_url: str | None = None
    described: str = ""


@dataclass(frozen=True, kw_only=True)
class ManagerHome:
    """All that a manager's Home tab shows."""

    workspace_name: str
    installed_by: str
    installed_at: datetime
    now: datetime
    mrr: MrrNow | None = None
    """None where no movement is known yet."""
    delivering: Delivering
    remarks: tuple[str, ...] = ()
    """Whatever else needs a manager, in our own words."""
    ambiguous: tuple[Ambiguity, ...] = ()
    unknown_emails: int = 0
    known_emails: int = 0
    """How many addresses that a CRM has and Slack doesn't are nobody's yet, and how many have a person."""
    destinations: Listing[DestinationRow]
    sources: Listing[SourceRow]
    workflows: tuple[WorkflowRow, ...] = ()
    fallback_channel_id: str | None = None
    """Where a signal goes that has nobody else to go to."""
    report_url: str | None = None
    shows_previews: bool = True
    pages: Pages = FIRST_PAGES
    manager_ids: tuple[str, ...] = ()
    personal: Personal
    """What this manager gets."""
    missing_scopes: tuple[Scope, ...] = ()
    install_url: str | None = None
    """Where the missing scopes can be granted; a button opens it."""


@dataclass(frozen=True, kw_only=True)
class MemberHome:
    """All that anybody else's Home tab shows. `destinations` are those that post where this person can read."""

    workspace_name: str
    installed_by: str
    installed_at: datetime
    mrr: MrrNow | None = None
    destinations: Listing[DestinationRow]
    personal: Personal
    report_url: str | None = None
    pages: Pages = FIRST_PAGES
    to_ask: tuple[str, ...] = ()
    """Some of those who can be asked for a change."""
    is_guest: bool = False


def manager_home(view: ManagerHome) -> View:
    """Draw a manager's Home tab."""
    lists = [_destinations(view), _sources(view)]
    # Without a source no destination has anything to say, so that a first visit starts with the source.
    first, second = lists if view.sources.total else reversed(lists)
    return home(
        [
            *_title(view.workspace_name, view.installed_by, view.installed_at),
            *_mrr(view.mrr),
            *_health(view),
            divider(),
            *first,
            divider(),
            *second,
            divider(),
            *_workflows(view),
            divider(),
            section(signals.told(view.fallback_channel_id), accessory=signals.fallback_button()),
            email_aliases.row(view.unknown_emails, view.known_emails),
            *([reports.row(view.report_url, shows_previews=view.shows_previews)] if view.report_url else []),
            divider(),
            *personal.brief(view.personal),
            divider(),
            _managers(view),
            dossiers.row(),
            *_missing(view),
        ]
    )


def silent(name: str, span: timedelta) -> str:
    """Remark on a source that is silent for longer than its habit."""
    length = f"{span.days} days" if span.days > 1 else f"{int(span.total_seconds() // 3600)} hours"
    return f"“{name}” has sent nothing for {length}, which is longer than usual."


def member_home(view: MemberHome) -> View:
    """Draw the Home tab of somebody who changes nothing."""
    return home(
        [
            *_title(view.workspace_name, view.installed_by, view.installed_at),
            *_mrr(view.mrr),
            *personal.blocks(view.personal),
            divider(),
            *_told(view),
        ]
    )


def _told(view: MemberHome) -> list[Block]:
    if view.is_guest:
        return [section(answers.for_guests(view.to_ask))]
    return [
        *_posted(view),
        *([reports.member_row(view.report_url)] if view.report_url else []),
        section(f"To change what is posted, ask {managers.whom_to_ask(view.to_ask)}."),
    ]


def _posted(view: MemberHome) -> list[Block]:
    if not view.destinations.total:
        return [section("No MRR movement is posted where you can read it yet.")]
    return [
        section("*What is posted, and where*"),
        *(destinations.listed(row, may_change=False) for row in view.destinations.rows[:PAGE_SIZE]),
        *pager(view.destinations, view.pages, "destinations"),
    ]


def without_pictures(drawn: View) -> View:
    """Take the pictures out of a Home tab, for where Slack can't fetch them."""
    return {**drawn, "blocks": [block for block in drawn["blocks"] if block["type"] != PICTURE]}


def _mrr(mrr: MrrNow | None) -> list[Block]:
    if mrr is None:
        return []
    picture = [image(mrr.picture_url, mrr.described)] if mrr.picture_url else []
    return [section(mrr.words), *picture]


def _title(name: str, installed_by: str, installed_at: datetime) -> list[Block]:
    installed = f"Installed by {mrkdwn.person(installed_by)} on {mrkdwn.day(installed_at)}"
    return [header(f"Runrate in {mrkdwn.shown(name, 130)}"), context(installed)]


def _health(view: ManagerHome) -> list[Block]:
    """Say how delivery fares, and what else needs attention. Where nothing can be said yet, nothing is."""
    has_begun = view.destinations.total or view.delivering.counts
    is_calm = view.delivering.is_well and (view.remarks or view.ambiguous)
    return [*(deliveries.blocks(view.delivering) if has_begun and not is_calm else []), *_remarks(view)]


def _remarks(view: ManagerHome) -> list[Block]:
    remarks = [
        *map(records.attention, view.ambiguous),
        *(section(mrkdwn.escape(one, 1000)) for one in view.remarks),
    ]
    if not remarks:
        return []
    more = len(remarks) - MOST_REMARKS
    rest = [context(f"and {more} more")] if more > 0 else []
    return [section("*Needs attention*"), *remarks[:MOST_REMARKS], *rest]


def _destinations(view: ManagerHome) -> list[Block]:
    listing = view.destinations
    if not listing.total:
        empty = "No destination yet. Make one, and every movement is told in the channels that you choose."
        new = destinations.new_button(primary=view.sources.total > 0)
        return [section(f"*Destinations*\n{empty}", accessory=new)]
    return [
        section(f"*Destinations* ({listing.total})", accessory=destinations.new_button()),
        *map(destinations.row, listing.rows[:PAGE_SIZE]),
        *pager(listing, view.pages, "destinations"),
    ]


def _sources(view: ManagerHome) -> list[Block]:
    listing = view.sources
    if not listing.total:
        empty = "No source yet. Add one, and your first movement can be in Slack in two minutes."
        return [section(f"*Sources*\n{empty}", accessory=sources.add_button(primary=True))]
    return [
        section(f"*Sources* ({listing.total})", accessory=sources.add_button()),
        *(sources.row(row, now=view.now) for row in listing.rows[:PAGE_SIZE]),
        *pager(listing, view.pages, "sources"),
    ]


def _workflows(view: ManagerHome) -> list[Block]:
    if not view.workflows:
        empty = "Post a message of your own when an event arrives from Segment, such as an order."
        return [section(f"*Workflows*\n{empty}", accessory=workflows.new_button())]
    more = len(view.workflows) - PAGE_SIZE
    return [
        section(f"*Workflows* ({len(view.workflows)})", accessory=workflows.new_button()),
        *map(workflows.row, view.workflows[:PAGE_SIZE]),
        *([context(f"and {more} more")] if more > 0 else []),
    ]


def _managers(view: ManagerHome) -> Block:
    return section(f"*Managers*\n{managers.who_may(view.manager_ids)}.", accessory=managers.name_button())


def _missing(view: ManagerHome) -> list[Block]:
    """Say what the scopes that were not granted would bring."""
    if not view.missing_scopes:
        return []
    grant = button("Grant", ACTIONS.grant, url=view.install_url) if view.install_url else None
    lines = [f"`{scope.name}`: {scope.brings or scope.reason}" for scope in view.missing_scopes]
    return [divider(), section("\n".join(["*Not granted, and what it would bring*", *lines]), accessory=grant)]
