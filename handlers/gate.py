"""Who may open a page with figures: a full member of the workspace that it belongs to, signed in with Slack.

To everybody else such a page doesn't exist: the answer is the same for another workspace's and for none at all.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

import aiohttp
from aiohttp import web
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from handlers import pages, people, problems, session
from handlers.desk import Desk, Visitor
from handlers.problems import Problem
from handlers.session import Session
from models import installation, workspace
from models.person import Person
from models.workspace import Workspace

ID = re.compile(r"(rep|rcp)_[0-9a-z]{26}")
ASKED = {"by": re.compile("size"), "page": re.compile("[1-9][0-9]{0,8}")}
"""What an address may ask of a page, and so what is asked again after signing in."""
PLACE = re.compile(rf"{ID.pattern}(\?(by=size|(by=size&)?page={ASKED['page'].pattern}))?")
"""A page's id with what is asked of it: where signing in leads back to, and nowhere else."""
PLACES = {"rep": "reports", "rcp": "recaps"}
SIGNED_IN = "signed_in"
"""In the address that signing in leads back to, so that a browser without cookies isn't sent round and round."""


def path_of(place: str) -> str:
    """Say where the page of a report or a recap is."""
    return f"/{PLACES[place.partition('_')[0]]}/{place}"


def place_of(page_id: str, query: Mapping[str, str]) -> str:
    """Name a page with what is asked of it, as far as that is known."""
    asked = {name: query[name] for name, known in ASKED.items() if known.fullmatch(query.get(name, ""))}
    return f"{page_id}?{urlencode(asked)}" if asked else page_id


@dataclass(frozen=True, kw_only=True)
class Member:
    """A full member who is signed in, and their workspace."""

    tenant: Workspace
    visitor: Person


class RefusedError(Exception):
    """The page doesn't open; `problem` is the one to show in its place."""

    def __init__(self, problem: Problem) -> None:
        """Take the page's content."""
        super().__init__(problem.code)
        self.problem = problem

    @property
    def answer(self) -> web.Response:
        """The page that says so."""
        return pages.problem_answer(self.problem)


class Gate:
    """Whoever opens a page goes through here first."""

    def __init__(self, desk: Desk, *, client: Callable[[str], AsyncWebClient], sign_in_path: str) -> None:
        """Take what is needed; `client` makes one for a token."""
        self._desk = desk
        self._client = client
        self._sign_in_url = desk.public_url + sign_in_path

    async def member(self, request: web.Request, page_id: str) -> Member:
        """Tell who is signed in, if they are a full member; ask others who they are.

        Raises `RefusedError` for whom it doesn't open, and one of aiohttp's where the browser has to go elsewhere.
        """
        if not ID.fullmatch(page_id):
            raise web.HTTPNotFound
        place = place_of(page_id, request.query)
        signed_in = session.read(request, keyring=self._desk.keyring, now=self._desk.now())
        if signed_in is None and SIGNED_IN in request.query:
            raise RefusedError(problems.no_cookies(self._sign_in(place)))
        if signed_in is None:
            raise web.HTTPFound(self._sign_in(place))
        if SIGNED_IN in request.query:
            # What stands in the address bar is shared with others.
            raise web.HTTPFound(self._desk.public_url + path_of(place))
        return await self._admit(signed_in, page_id)

    def no_page(self, page_id: str) -> RefusedError:
        """Say that the member's workspace has no such page."""
        return RefusedError(problems.no_page(self._sign_in(page_id)))

    def _sign_in(self, place: str) -> str:
        return f"{self._sign_in_url}?{urlencode({'page': place})}"

    async def _admit(self, signed_in: Session, page_id: str) -> Member:
        async with self._desk.database.read() as reading:
            tenant = await workspace.get(reading, signed_in.workspace_id)
            grant = await installation.get(reading, signed_in.workspace_id)
        if tenant is None or grant is None or grant.revoked_at is not None:
            raise self.no_page(page_id)
        visitor = await self._who(signed_in, self._desk.keyring.open(grant.token_sealed))
        if visitor.is_deactivated:
            raise RefusedError(problems.deactivated(tenant.name, self._sign_in(page_id)))
        if visitor.is_guest:
            raise RefusedError(problems.guest(tenant.name, self._sign_in(page_id)))
        return Member(tenant=tenant, visitor=visitor)

    async def _who(self, signed_in: Session, token: str) -> Person:
        """Tell who somebody is now: a session may be older than a deactivation."""
        visitor = Visitor(signed_in.workspace_id, signed_in.user_id)
        try:
            return await people.who(self._desk, self._client(token), visitor)
        except (SlackApiError, aiohttp.ClientError, OSError) as error:
            raise RefusedError(problems.membership_unknown()) from error
