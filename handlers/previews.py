"""The pictures that Slack fetches: of a report whose link was shared, of a recap, and of MRR in the Home tab.

Whoever was given the signed address may see one; others, who made an address up, find nothing there.
"""

from collections.abc import Awaitable, Callable

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncSession

from handlers.desk import Desk
from handlers.pictures import Pictures
from models import preview, recap, report, trend, workspace
from models.preview import Preview
from models.schedule import Period, Rhythm
from models.workspace import Workspace
from scheduler.messages import chart
from scheduler.messages import recap as recap_drawing
from scheduler.messages import report as report_drawing
from scheduler.messages import trend as trend_drawing

Draw = Callable[[AsyncSession, Workspace, Preview], Awaitable[str | None]]
PATH = "/previews/{signed}.png"


class Previews:
    """The pictures by their addresses."""

    def __init__(self, desk: Desk, *, pictures: Pictures) -> None:
        """Take what is needed."""
        self._desk = desk
        self._pictures = pictures

    def routes(self) -> list[web.RouteDef]:
        """List the routes."""
        return [web.get(PATH, self._show)]

    async def _show(self, request: web.Request) -> web.Response:
        """Give a picture, or the stock one where it expired or is of nothing. An address must be ours."""
        asked = preview.read(request.match_info["signed"], keyring=self._desk.keyring)
        if asked is None:
            raise web.HTTPNotFound
        draw, stock = _drawing(asked)
        async with self._desk.database.read() as session:
            tenant = await workspace.get(session, asked.workspace_id)
            is_kept = not asked.is_expired(now=self._desk.now())
            drawn = await draw(session, tenant, asked) if tenant is not None and is_kept else None
        png = await self._pictures.png(drawn or chart.stock(*stock))
        return web.Response(body=png, content_type="image/png", headers={"Cache-Control": "private, max-age=3600"})


def _drawing(asked: Preview) -> tuple[Draw, tuple[str, str]]:
    """Say who draws it, and what is said in its place."""
    if asked.subject_id == trend.SUBJECT:
        return _of_trend, trend_drawing.EXPIRED
    return (_of_report, report_drawing.EXPIRED) if asked.figures is None else (_of_recap, recap_drawing.EXPIRED)


async def _of_report(session: AsyncSession, tenant: Workspace, asked: Preview) -> str | None:
    """Draw a report; None where there is none, or links to it show no figures."""
    found = await report.get(session, tenant.id, asked.subject_id)
    if found is None or not tenant.shows_previews:
        return None
    figures = await report.figures(session, tenant.id, now=asked.as_of)
    return report_drawing.picture(figures, as_of=asked.as_of, locale=tenant.locale)


async def _of_recap(session: AsyncSession, tenant: Workspace, asked: Preview) -> str | None:
    """Draw one currency of a recap, or all; None where there is none."""
    found = await recap.get(session, tenant.id, asked.subject_id)
    if found is None:
        return None
    period, rhythm = Period(found.first, found.end), Rhythm(found.frequency)
    for one in await recap.figures(session, tenant.id, found):
        if one.name == asked.figures:
            locale = await recap.locale_of(session, tenant.id, found.id) or tenant.locale
            return recap_drawing.picture(one, rhythm=rhythm, period=period, locale=locale)
    return None


async def _of_trend(session: AsyncSession, tenant: Workspace, asked: Preview) -> str | None:
    """Draw what MRR did up to an instant; None where the workspace shows no previews, or nothing is known of it."""
    if not tenant.shows_previews:
        return None
    for one in await trend.read(session, tenant.id, now=asked.as_of):
        if one.name == asked.figures and one.points:
            return trend_drawing.picture(one, tenant.locale)
    return None
