"""The Web API: POST and GET /api/{method}."""

import asyncio

import orjson
from aiohttp import web

from bot.sandbox import arguments, scopes, teams
from bot.sandbox.arguments import Arguments
from bot.sandbox.errors import RateLimitedError, SlackError
from bot.sandbox.faults import Fault
from bot.sandbox.methods import COMMON_ERRORS, METHODS, Ask, Caller, Method, OpenAsk, OpenMethod
from bot.sandbox.records import Call, Json
from bot.sandbox.world import World

SECRET_ANSWERS = frozenset({"access_token", "refresh_token", "id_token"})


def add_routes(web_app: web.Application, world: World) -> None:
    async def call(request: web.Request) -> web.StreamResponse:
        return await WebApiCall(world, request).answer()

    web_app.router.add_route("GET", "/api/{method}", call)
    web_app.router.add_route("POST", "/api/{method}", call)


class WebApiCall:
    """One call: who asks, whether it may be answered, and the witness of it."""

    def __init__(self, world: World, request: web.Request) -> None:
        self.world = world
        self.slack = world.state
        self.request = request
        self.name = request.match_info["method"]
        self.args = Arguments(values={})
        self.caller: Caller | None = None
        self.fault: Fault | None = None

    async def answer(self) -> web.StreamResponse:
        """Answer as Slack does, unless a fault was asked for."""
        try:
            self.args = await arguments.read(self.request)
            method = self._method()
            self.caller = None if isinstance(method, OpenMethod) else self._identify()
            self.fault = self._fault()
            answer = await self._misbehave() or {"ok": True, **await self._call(method)}
        except SlackError as refused:
            return self._respond(refused.answer, retry_after=getattr(refused, "retry_after", None))
        return self._respond(answer)

    def _method(self) -> Method | OpenMethod:
        method = METHODS.get(self.name)
        if method is None:
            raise SlackError("unknown_method", req_method=self.name)
        return method

    def _identify(self) -> Caller:
        """Find out whom the token speaks for, or raise Slack's word for what is wrong with it."""
        if not self.args.token:
            raise SlackError("not_authed")
        token = self.slack.tokens.get(self.args.token)
        if token is None:
            raise SlackError("invalid_auth")
        if token.ended:
            raise SlackError(token.ended)
        installation = self.slack.installation(token.app_id, token.workspace_id)
        if installation is None:
            raise SlackError("account_inactive")
        org = self.slack.organisations.get(token.workspace_id)
        return Caller(
            app=self.slack.apps[token.app_id],
            workspace=teams.meant(self.slack, org, token, self.name, self.args)
            if org
            else self.slack.workspaces[token.workspace_id],
            bot=self.slack.people[token.user_id],
            installation=installation,
        )

    def _fault(self) -> Fault | None:
        workspace_id = self.caller.workspace.id if self.caller else None
        named = [self.args.text(name) or "" for name in ("channel", "user_id")]
        return self.world.faults.next(self.name, workspace_id=workspace_id, channels=named)

    async def _misbehave(self) -> Json | None:
        """Do what the fault says before anything else happens; None lets the call go on."""
        match self.fault:
            case Fault(fault="delay", seconds=seconds):
                await asyncio.sleep(seconds)
            case Fault(fault="limit", retry_after=retry_after):
                raise RateLimitedError(retry_after)
            case Fault(fault="error", code=code):
                raise SlackError(code)
            case Fault(fault="http_500" | "drop_request"):
                return {"ok": False}
            case Fault(fault="no_metadata"):
                self.args.values.pop("include_all_metadata", None)
            case Fault(fault="unthread"):
                self.args.values.pop("thread_ts", None)
            case _:
                pass
        return None

    async def _call(self, method: Method | OpenMethod) -> Json:
        try:
            if isinstance(method, OpenMethod):
                self._refuse_incomplete(method)
                return await method.answer(OpenAsk(self.slack, self.args))
            return await self._call_as_bot(method)
        except SlackError as refused:
            # A code that the method does not declare would be checked against nothing: that is our mistake.
            if refused.code not in method.errors | COMMON_ERRORS:
                raise RuntimeError(f"{method.name} does not declare {refused.code}") from refused
            raise

    async def _call_as_bot(self, method: Method) -> Json:
        if self.caller is None:
            raise SlackError("not_authed")
        wait = self.world.limiter.method_wait(method.tier, method.name, self.caller.app.id, self.caller.workspace.id)
        if wait:
            raise RateLimitedError(wait)
        if method.scopes:
            scopes.require(self.caller.scopes, *method.scopes)
        self._refuse_incomplete(method)
        return await method.answer(Ask(self.slack, self.world.limiter, self.args, self.caller))

    def _refuse_incomplete(self, method: Method | OpenMethod) -> None:
        missing = [name for name in method.required if name not in self.args.present]
        if missing:
            raise arguments.missing(missing)

    def _respond(self, answer: Json, *, retry_after: int | None = None) -> web.Response:
        kind = self.fault.fault if self.fault else None
        status = 429 if retry_after is not None else 500 if kind == "http_500" else 200
        self._witness(answer, status)
        if kind in ("drop_request", "lose_response"):
            self._hang_up()
        if kind == "http_500":
            return web.Response(status=500, text="Internal Server Error")
        response = web.Response(status=status, body=orjson.dumps(answer), content_type="application/json")
        response.headers.update(self._headers(retry_after))
        return response

    def _hang_up(self) -> None:
        if self.request.transport:
            self.request.transport.abort()

    def _headers(self, retry_after: int | None) -> dict[str, str]:
        headers = {"Retry-After": str(retry_after)} if retry_after is not None else {}
        if self.caller:
            headers["x-oauth-scopes"] = ",".join(self.caller.scopes)
            method = METHODS.get(self.name)
            if isinstance(method, Method) and method.scopes:
                headers["x-accepted-oauth-scopes"] = ",".join(method.scopes)
        return headers

    def _witness(self, answer: Json, status: int) -> None:
        told = {name: "…" if name in SECRET_ANSWERS else value for name, value in answer.items()}
        call = Call(
            at=self.world.now(),
            method=self.name,
            app_id=self.caller.app.id if self.caller else None,
            workspace_id=self.caller.workspace.id if self.caller else None,
            args=self.args.witnessed,
            answer=told,
            status=status,
            fault=self.fault.fault if self.fault else None,
        )
        self.slack.calls.append(call)
        if self.caller:
            self.slack.changes.add("call", self.caller.workspace.id, method=self.name, status=status)
