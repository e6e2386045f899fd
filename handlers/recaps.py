"""A recap in the browser, for members of its workspace: its figures, and every movement of its period.

The same list is a CSV file, in UTF-8 with a mark at the beginning, by which Excel knows that it is. Both tell the
period as it is known now, so that what arrived late is in them.
"""

import csv
import io
import math
import re
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from decimal import Decimal
from zoneinfo import ZoneInfo

from aiohttp import web
from slack_bolt.async_app import AsyncAck, AsyncApp

from handlers import pages
from handlers.desk import Desk
from handlers.gate import Gate, Member, RefusedError, path_of
from handlers.listening import limited
from handlers.pages import RecapLine, RecapPage, RecapPart
from models import movement, recap
from models.account import Account
from models.currency import digits
from models.fact import MovementKind
from models.movement import Movement
from models.recap import Figures, Recap
from models.schedule import Period, Rhythm
from scheduler.messages import money
from scheduler.messages import recap as drawing
from scheduler.messages.movement import KINDS
from scheduler.messages.recap import Step

PATH, CSV_PATH = "/recaps/{id}", "/recaps/{id}.csv"
ON_A_PAGE = 200
IN_A_CHUNK = 500
"""How many movements of a file are in memory at a time."""

COLUMNS = (
    *("time", "account", "account_id", "kind", "currency", "amount", "mrr_before", "mrr_after"),
    *("plan_before", "plan", "arrived"),
)
BYTE_ORDER_MARK = "\ufeff"
_NUMBER = re.compile(r"[1-9][0-9]{0,8}")
_FORMULA = re.compile(r"(^|[;\t\r\n])(?=[=+\-@\t\r\n＝＋－＠])")
"""Where a spreadsheet may see a formula begin: in a cell, and in the next one where it parts them by semicolons."""

Told = tuple[Movement, Account]


def register(app: AsyncApp) -> None:
    """Listen to the button under a recap."""
    app.action(drawing.OPEN)(limited(opened))


async def opened(ack: AsyncAck) -> None:
    """Acknowledge a button that only opens a link."""
    await ack()


@dataclass(frozen=True)
class Summed:
    """A recap with its figures as they are now."""

    recap: Recap
    figures: Sequence[Figures]
    locale: str

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.recap.zone)

    @property
    def count(self) -> int:
        return sum(one.count for one in self.figures if not one.is_total)

    @property
    def pages(self) -> int:
        return max(1, math.ceil(self.count / ON_A_PAGE))


class Recaps:
    """The pages of recaps and their files."""

    def __init__(self, desk: Desk, gate: Gate) -> None:
        """Take what is needed."""
        self._desk = desk
        self._gate = gate

    def routes(self) -> list[web.RouteDef]:
        """List the routes."""
        return [web.get(CSV_PATH, self._download, allow_head=False), web.get(PATH, self._show)]

    async def _show(self, request: web.Request) -> web.StreamResponse:
        """Show a page of a recap to whoever may see it; ask others who they are."""
        recap_id, now = request.match_info["id"], self._desk.now()
        try:
            member = await self._gate.member(request, recap_id)
            found = await self._find(member, recap_id)
        except RefusedError as refused:
            return refused.answer
        async with self._desk.database.read() as session:
            locale = await recap.locale_of(session, member.tenant.id, found.id) or member.tenant.locale
            summed = Summed(found, await recap.figures(session, member.tenant.id, found), locale)
            number, is_by_size = _page_number(request, summed), request.query.get("by") == drawing.BY_SIZE
            told = await movement.in_period(
                session,
                member.tenant.id,
                since=found.starts_at,
                until=found.ends_at,
                limit=ON_A_PAGE,
                offset=(number - 1) * ON_A_PAGE,
                is_by_size=is_by_size,
            )
        drawn = _page(member, summed, told, number=number, is_by_size=is_by_size, now=now)
        return pages.answer(pages.recap_page(drawn))

    async def _download(self, request: web.Request) -> web.StreamResponse:
        """Send all movements as a file, a chunk at a time."""
        recap_id = request.match_info["id"]
        try:
            member = await self._gate.member(request, recap_id)
            found = await self._find(member, recap_id)
        except RefusedError as refused:
            return refused.answer
        response = web.StreamResponse(headers={"Cache-Control": "no-store", "Content-Disposition": _attached(found)})
        response.content_type, response.charset = "text/csv", "utf-8"
        try:
            await response.prepare(request)
            await response.write((BYTE_ORDER_MARK + written([COLUMNS])).encode())
            async for told in self._chunks(member.tenant.id, found):
                rows = (row(moved, account, ZoneInfo(found.zone)) for moved, account in told)
                await response.write(written(rows).encode())
            await response.write_eof()
        except ConnectionResetError:
            pass  # Whoever asked for it has gone.
        return response

    async def _chunks(self, workspace_id: str, found: Recap) -> AsyncIterator[list[Told]]:
        """Read the movements bit by bit; between two, no connection to the database is held."""
        last: Movement | None = None
        since, until = found.starts_at, found.ends_at
        while True:
            async with self._desk.database.read() as session:
                told = await movement.in_period(
                    session, workspace_id, since=since, until=until, limit=IN_A_CHUNK, after=last
                )
            if not told:
                return
            yield told
            last = told[-1][0]

    async def _find(self, member: Member, recap_id: str) -> Recap:
        """Find a recap of the member's workspace."""
        async with self._desk.database.read() as session:
            found = await recap.get(session, member.tenant.id, recap_id)
        if found is None:
            raise self._gate.no_page(recap_id)
        return found


def row(moved: Movement, account: Account, zone: tzinfo) -> Sequence[str]:
    """Write a movement as a row of the file: what somebody typed made safe, amounts as plain numbers."""
    return (
        moved.occurred_at.astimezone(zone).isoformat(timespec="seconds"),
        _typed(account.display_name),
        _typed(account.external_id),
        moved.kind,
        moved.currency,
        _number(moved.amount_minor, moved.currency),
        _number(moved.mrr_before_minor, moved.currency),
        _number(moved.mrr_after_minor, moved.currency),
        _typed(moved.plan_before),
        _typed(moved.plan),
        moved.recorded_at.astimezone(zone).isoformat(timespec="seconds"),
    )


def written(rows: Iterable[Sequence[str]]) -> str:
    """Write rows as CSV."""
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()


def _typed(text: str | None) -> str:
    """Keep a spreadsheet from taking somebody's text for a formula."""
    return _FORMULA.sub(r"\1'", text or "")


def _number(minor: int | None, currency: str) -> str:
    return "" if minor is None else f"{Decimal(minor).scaleb(-digits(currency)):f}"


def _attached(found: Recap) -> str:
    return f'attachment; filename="mrr-{found.frequency}-{found.first}.csv"'


def _page_number(request: web.Request, summed: Summed) -> int:
    """Read which page is asked for. Raises `HTTPNotFound` where there is none like it."""
    asked = request.query.get("page", "1")
    if not _NUMBER.fullmatch(asked) or int(asked) > summed.pages:
        raise web.HTTPNotFound
    return int(asked)


def _page(
    member: Member, summed: Summed, told: Sequence[Told], *, number: int, is_by_size: bool, now: datetime
) -> RecapPage:
    found, locale, path = summed.recap, summed.locale, path_of(summed.recap.id)
    return RecapPage(
        title=f"MRR, {drawing.period_name(Rhythm(found.frequency), Period(found.first, found.end))}",
        workspace=member.tenant.name,
        zone=found.zone,
        as_of=f"{now.astimezone(member.visitor.zone):%H:%M}",
        parts=tuple(_part(one, summed) for one in summed.figures if one.count or one.start_minor),
        lines=tuple(_line(moved, account, summed, locale) for moved, account in told),
        count=f"{money.number(summed.count, locale)} movement{'' if summed.count == 1 else 's'}",
        number=number,
        pages=summed.pages,
        is_by_size=is_by_size,
        path=path,
        csv_path=f"{path}.csv",
    )


def _part(one: Figures, summed: Summed) -> RecapPart:
    before = drawing.period_before(Rhythm(summed.recap.frequency), days=summed.recap.days_before)
    return RecapPart(
        name=one.name,
        currency=one.currency,
        is_total=one.is_total,
        has_moved=bool(one.count or one.fx_other_minor),
        net=money.signed(one.net_minor, one.currency, summed.locale),
        share=money.share(one.net_minor, one.start_minor or 0, summed.locale),
        end=None if one.end_minor is None else money.amount(one.end_minor, one.currency, summed.locale),
        compared=drawing.compared(one, before, summed.locale),
        steps=_with_bars(drawing.steps(one, summed.locale)),
    )


def _with_bars(steps: Sequence[Step]) -> Sequence[tuple[Step, float, float]]:
    """Give each step its bar, all of them to one scale."""
    lowest, highest = (limit(0, *(step.minor for step in steps)) for limit in (min, max))
    whole = (highest - lowest or 1) / 100
    return [(step, (min(0, step.minor) - lowest) / whole, abs(step.minor) / whole) for step in steps]


def _line(moved: Movement, account: Account, summed: Summed, locale: str) -> RecapLine:
    shown, at = KINDS[MovementKind(moved.kind)], moved.occurred_at.astimezone(summed.zone)
    before, after = (
        "unknown" if minor is None else money.amount(minor, moved.currency, locale)
        for minor in (moved.mrr_before_minor, moved.mrr_after_minor)
    )
    return RecapLine(
        day=f"{at:%a} {at.day} {at:%b}",
        time=f"{at:%H:%M}",
        account=account.display_name,
        shape=shown.shape,
        word=shown.word,
        amount=money.signed(moved.amount_minor, moved.currency, locale),
        before=before,
        after=after,
        plan=_plan(moved),
        is_late=not moved.is_history and moved.recorded_at >= summed.recap.created_at,
    )


def _plan(moved: Movement) -> str:
    is_changed = moved.plan_before and moved.plan_before != moved.plan
    return " → ".join(plan for plan in (moved.plan_before if is_changed else None, moved.plan) if plan)
