"""The things a Slack workspace is made of."""

import mimetypes
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, get_args

Json: TypeAlias = dict[str, Any]
ChannelKind: TypeAlias = Literal["public", "private", "im", "mpim"]
TokenEnd: TypeAlias = Literal["token_revoked", "account_inactive"]
Shown: TypeAlias = Literal["charts", "pictures", "words"]
SHOWN: tuple[str, ...] = get_args(Shown)

TRIGGER_SECONDS = 3.0
RESPONSE_URL_SECONDS = 30 * 60.0
RESPONSE_URL_USES = 5
# What Slack shows in an image block, by how such a file begins.
PICTURE_STARTS = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg", b"GIF8": "image/gif"}


@dataclass
class Workspace:
    """One Slack workspace."""

    id: str
    name: str
    domain: str
    email_domain: str = ""
    shows: Shown = "charts"
    """What its messages can show: charts are new, and reach one workspace after the other."""
    edit_minutes: int | None = None
    """For how long a message may be changed, where that is limited."""


@dataclass
class Organisation:
    """An Enterprise Grid organisation. Whom an app asks with its token, and about what, depends on the workspace."""

    id: str
    name: str
    domain: str
    workspace_ids: list[str]

    @property
    def as_workspace(self) -> Workspace:
        """What stands in a workspace's place where something concerns the whole organisation."""
        return Workspace(self.id, self.name, self.domain)


@dataclass
class Person:
    """A member of a workspace: a human being or a bot user. Slackbot, who is in every workspace, belongs to none.

    In an organisation, `also_in` are further workspaces of it; its own bot user has the organisation for a home.
    """

    id: str
    workspace_id: str
    name: str
    real_name: str
    email: str | None = None
    title: str = ""
    tz: str = "Etc/UTC"
    locale: str = "en-US"
    is_owner: bool = False
    is_admin: bool = False
    is_restricted: bool = False
    deleted: bool = False
    bot_id: str | None = None
    app_id: str | None = None
    updated_at: float = 0.0
    enterprise_id: str | None = None
    is_org_admin: bool = False
    also_in: list[str] = field(default_factory=list)

    @property
    def workspace_ids(self) -> list[str]:
        return [self.workspace_id, *self.also_in]

    @property
    def is_bot(self) -> bool:
        return self.bot_id is not None

    @property
    def standing(self) -> str:
        """What this person may do in the workspace, in a word."""
        ranks = {"owner": self.is_owner, "admin": self.is_admin, "guest": self.is_restricted}
        return next((word for word, holds in ranks.items() if holds), "member")


@dataclass
class Message:
    """A message as Slack stores it. `ephemeral_for` names the one person who sees it."""

    ts: str
    channel_id: str
    workspace_id: str
    user_id: str
    text: str = ""
    blocks: list[Json] | None = None
    attachments: list[Json] | None = None
    metadata: Json | None = None
    files: list[str] | None = None
    bot_id: str | None = None
    app_id: str | None = None
    username: str | None = None
    icon_emoji: str | None = None
    icon_url: str | None = None
    thread_ts: str | None = None
    reply_broadcast: bool = False
    subtype: str | None = None
    edited_ts: str | None = None
    ephemeral_for: str | None = None


@dataclass
class Channel:
    """A conversation. `workspace_ids` holds its home first, then the workspaces it is shared with (Slack Connect).

    `restriction` is the error code that an app gets which may not post here, such as `restricted_action`.
    """

    id: str
    workspace_ids: list[str]
    kind: ChannelKind
    name: str = ""
    members: list[str] = field(default_factory=list)
    creator: str = ""
    created_at: float = 0.0
    topic: str = ""
    purpose: str = ""
    is_general: bool = False
    is_archived: bool = False
    restriction: str | None = None
    is_org_shared: bool = False
    """Shared among workspaces of one organisation, and with no other company."""
    previous_names: list[str] = field(default_factory=list)
    messages: dict[str, Message] = field(default_factory=dict)
    ephemerals: dict[str, Message] = field(default_factory=dict)
    threads: dict[str, list[str]] = field(default_factory=dict)

    @property
    def is_private(self) -> bool:
        return self.kind != "public"

    @property
    def is_direct(self) -> bool:
        return self.kind in ("im", "mpim")

    @property
    def is_shared(self) -> bool:
        return len(self.workspace_ids) > 1

    @property
    def is_ext_shared(self) -> bool:
        return self.is_shared and not self.is_org_shared

    def replies(self, ts: str) -> list[Message]:
        return [self.messages[one] for one in self.threads.get(ts, []) if one in self.messages]


@dataclass
class UserGroup:
    """A user group: a handle that stands for several people."""

    id: str
    workspace_id: str
    name: str
    handle: str
    members: list[str]
    created_at: float = 0.0
    created_by: str = ""
    disabled_at: float | None = None


@dataclass
class Installation:
    """An app in a workspace. Reinstalling keeps the bot user, as Slack does.

    Where an organisation installed it, its workspaces have one each, of one bot user and one token; and so has the
    organisation itself, under its id.
    """

    app_id: str
    workspace_id: str
    bot_user_id: str
    bot_id: str
    installed_by: str
    installed_at: float
    scopes: list[str]
    token: str
    uninstalled_at: float | None = None
    enterprise_id: str | None = None

    @property
    def active(self) -> bool:
        return self.uninstalled_at is None


@dataclass
class Token:
    """A bot token. `ended` is the error code that Slack answers once it no longer works."""

    value: str
    app_id: str
    workspace_id: str
    user_id: str
    ended: TokenEnd | None = None


@dataclass
class Trigger:
    """The right to open one modal for one person, once, within three seconds."""

    id: str
    app_id: str
    workspace_id: str
    user_id: str
    expires_at: float
    view_id: str | None = None
    used: bool = False


@dataclass
class ResponseUrl:
    """The right to answer an interaction or a command a few times within half an hour."""

    id: str
    app_id: str
    workspace_id: str
    channel_id: str
    user_id: str
    expires_at: float
    message_ts: str | None = None
    uses_left: int = RESPONSE_URL_USES


@dataclass
class View:
    """A modal or a Home tab. `body` is what the app sent (ids filled in), `state` what the person put in."""

    id: str
    app_id: str
    bot_id: str
    workspace_id: str
    user_id: str
    kind: Literal["modal", "home"]
    body: Json
    hash: str
    root_view_id: str
    previous_view_id: str | None = None
    state: dict[str, dict[str, Json]] = field(default_factory=dict)

    @property
    def external_id(self) -> str:
        return str(self.body.get("external_id") or "")


@dataclass(frozen=True)
class Call:
    """A witness of one Web API call: what was asked and what was answered. The token is left out."""

    at: float
    method: str
    app_id: str | None
    workspace_id: str | None
    args: Json
    answer: Json
    status: int
    fault: str | None = None


@dataclass
class File:
    """A file on its way or stored: `content` comes with the upload, `completed_at` with what follows it."""

    id: str
    ticket: str
    workspace_id: str
    user_id: str
    name: str
    length: int
    created_at: float
    title: str = ""
    alt_text: str = ""
    content: bytes | None = None
    completed_at: float | None = None

    @property
    def kind(self) -> str:
        """The kind of file as its first bytes tell, or as its name does."""
        content = self.content or b""
        known = (kind for start, kind in PICTURE_STARTS.items() if content.startswith(start))
        return next(known, mimetypes.guess_type(self.name)[0] or "application/octet-stream")

    @property
    def is_picture(self) -> bool:
        return self.kind in PICTURE_STARTS.values()


@dataclass
class OAuthCode:
    """What a person granted on the authorise page, to be exchanged once within ten minutes."""

    value: str
    app_id: str
    workspace_id: str
    user_id: str
    scopes: list[str]
    redirect_uri: str | None
    expires_at: float
    used: bool = False
    enterprise_id: str | None = None
    """The organisation for all of which it was granted."""


@dataclass
class SignInCode(OAuthCode):
    """The same for Sign in with Slack. `challenge` is that of PKCE; `nonce` comes back in the ID token."""

    nonce: str | None = None
    challenge: str | None = None


@dataclass(frozen=True)
class SignIn:
    """A token with which an app may ask who somebody is."""

    token: str
    app_id: str
    workspace_id: str
    user_id: str
    scopes: list[str]


@dataclass(frozen=True)
class Posted:
    """Where a message stands, as an unfurl id names it."""

    workspace_id: str
    channel_id: str
    ts: str
