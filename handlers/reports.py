"""A report in the browser, for members of its workspace.

To everybody else a report doesn't exist: the page says the same of a report of another workspace and of none at all.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import aiohttp
from aiohttp import web
from markupsafe import Markup
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from handlers import pages, people, problems, session
from handlers.desk import Desk, Visitor
from handlers.pages import ReportPage, ReportPart
from handlers.problems import Problem
from handlers.session import Session
from models import installation, report, workspace
from models.person import Person
from models.report import Figures
from models.workspace import Workspace
from scheduler.messages import chart
from scheduler.messages import report as drawing

PATH = "/reports/{id}"
ID = re.compile(r"rep_[0-9a-z]{26}")
SIGNED_IN = "signed_in"
"""In the address that signing in leads back to, so that a browser without cookies isn't sent round and round."""


@dataclass(frozen=True, kw_only=True)
class Opened:
    """A report that somebody may see, and who that is."""

    tenant: Workspace
    visitor: Person
    figures: tuple[Figures, ...]


class RefusedError(Exception):
    """The report doesn't open; `problem` is the page for it."""

    def __init__(self, problem: Problem) -> None:
        """Take the page's content."""
        super().__init__(problem.code)
        self.problem = problem


class Reports:
    """The pages of reports."""

    def __init__(self, desk: Desk, *, client: Callable[[str], AsyncWebClient], sign_in_path: str) -> None:
        """Take what is needed; `client` makes one for a token."""
        self._desk = desk
        self._client = client
        self._sign_in_url = desk.public_url + sign_in_path

    def routes(self) -> list[web.RouteDef]:
        """List the routes."""
        return [web.get(PATH, self._show)]

    async def _show(self, request: web.Request) -> web.StreamResponse:
        """Show a report to whoever may see it; ask others who they are."""
        now, report_id = self._desk.now(), request.match_info["id"]
        if not ID.fullmatch(report_id):
            raise web.HTTPNotFound
        signed_in = session.read(request, keyring=self._desk.keyring, now=now)
        sign_in_url = f"{self._sign_in_url}?report={report_id}"
        if signed_in is None and SIGNED_IN in request.query:
            return pages.problem_answer(problems.no_cookies(sign_in_url))
        if signed_in is None:
            raise web.HTTPFound(sign_in_url)
        if SIGNED_IN in request.query:
            # What stands in the address bar is shared with others.
            raise web.HTTPFound(f"{self._desk.public_url}/reports/{report_id}")
        try:
            opened = await self._open(report_id, signed_in, sign_in_url, now=now)
        except RefusedError as refused:
            return pages.problem_answer(refused.problem)
        return pages.answer(pages.report_page(_page(opened, now=now)))

    async def _open(self, report_id: str, signed_in: Session, sign_in_url: str, *, now: datetime) -> Opened:
        """Find the report in the workspace that somebody signed in to, if they are a full member there."""
        workspace_id = signed_in.workspace_id
        async with self._desk.database.read() as reading:
            found = await report.get(reading, workspace_id, report_id)
            tenant = await workspace.get(reading, workspace_id)
            grant = await installation.get(reading, workspace_id)
        if found is None or tenant is None or grant is None or grant.revoked_at is not None:
            raise RefusedError(problems.no_report(sign_in_url))
        visitor = await self._who(signed_in, self._desk.keyring.open(grant.token_sealed))
        if visitor.is_deactivated:
            raise RefusedError(problems.deactivated(tenant.name, sign_in_url))
        if visitor.is_guest:
            raise RefusedError(problems.guest(tenant.name, sign_in_url))
        async with self._desk.database.read() as reading:
            figures = await report.figures(reading, workspace_id, now=now)
        return Opened(tenant=tenant, visitor=visitor, figures=figures)

    async def _who(self, signed_in: Session, token: str) -> Person:
        """Tell who somebody is now: a session may be older than a deactivation."""
        visitor = Visitor(signed_in.workspace_id, signed_in.user_id)
        try:
            return await people.who(self._desk, self._client(token), visitor)
        except (SlackApiError, aiohttp.ClientError, OSError) as error:
            raise RefusedError(problems.membership_unknown()) from error


def _page(opened: Opened, *, now: datetime) -> ReportPage:
    locale = opened.tenant.locale
    return ReportPage(
        title=drawing.TITLE,
        workspace=opened.tenant.name,
        period=drawing.period(now),
        as_of=f"{now.astimezone(opened.visitor.zone):%H:%M}",
        parts=tuple(_part(one, locale) for one in opened.figures),
        nothing=drawing.NOTHING,
    )


def _part(figures: Figures, locale: str) -> ReportPart:
    return ReportPart(
        currency=figures.currency,
        net=drawing.net(figures, locale),
        now=drawing.now(figures, locale),
        chart=Markup(chart.by_kind(figures.sums, figures.currency, locale)),  # noqa: S704 - it escapes its words itself
        sums=drawing.sums(figures, locale),
        largest=drawing.largest(figures, locale),
    )
