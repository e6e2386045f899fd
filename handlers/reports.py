"""A report in the browser, for members of its workspace."""

from datetime import datetime

from aiohttp import web
from markupsafe import Markup

from handlers import pages
from handlers.desk import Desk
from handlers.gate import Gate, Member, RefusedError
from handlers.pages import ReportPage, ReportPart
from models import report
from models.report import Figures
from scheduler.messages import chart
from scheduler.messages import report as drawing

PATH = "/reports/{id}"


class Reports:
    """The pages of reports."""

    def __init__(self, desk: Desk, gate: Gate) -> None:
        """Take what is needed."""
        self._desk = desk
        self._gate = gate

    def routes(self) -> list[web.RouteDef]:
        """List the routes."""
        return [web.get(PATH, self._show)]

    async def _show(self, request: web.Request) -> web.StreamResponse:
        """Show a report to whoever may see it; ask others who they are."""
        now, report_id = self._desk.now(), request.match_info["id"]
        try:
            member = await self._gate.member(request, report_id)
            figures = await self._figures(member, report_id, now=now)
        except RefusedError as refused:
            return refused.answer
        return pages.answer(pages.report_page(_page(member, figures, now=now)))

    async def _figures(self, member: Member, report_id: str, *, now: datetime) -> tuple[Figures, ...]:
        """Sum up a report of the member's workspace."""
        async with self._desk.database.read() as session:
            if await report.get(session, member.tenant.id, report_id) is None:
                raise self._gate.no_page(report_id)
            return await report.figures(session, member.tenant.id, now=now)


def _page(member: Member, figures: tuple[Figures, ...], *, now: datetime) -> ReportPage:
    locale = member.tenant.locale
    return ReportPage(
        title=drawing.TITLE,
        workspace=member.tenant.name,
        period=drawing.period(now),
        as_of=f"{now.astimezone(member.visitor.zone):%H:%M}",
        parts=tuple(_part(one, locale) for one in figures),
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
