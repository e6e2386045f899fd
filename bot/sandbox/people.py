"""The ready-made people and places: Acme, which uses the app, and Globex, which must never see Acme's data."""

from bot.sandbox.records import Channel, ChannelKind, Organisation, Person, UserGroup, Workspace
from bot.sandbox.state import Slack

ACME = "T0ACME"
GLOBEX = "T0GLOBEX"
SLACKBOT = "USLACKBOT"

UMBRELLA, WES = "E0UMBRELLA", "W0WES"
"""The organisation that both may become, and its admin; ids of an organisation's people may begin with a W."""

ADA, DANA, LIAM, MEI, PAT, GUS, OLGA = "U0ADA", "U0DANA", "U0LIAM", "U0MEI", "U0PAT", "U0GUS", "U0OLD"
GINA, HUGO = "U1GINA", "U1HUGO"

GENERAL, REVENUE, WINS, DEALS = "C0GENERAL", "C0REVENUE", "C0WINS", "C0DEALS"
BOARD, OLD_NEWS, PARTNERS = "C0BOARD", "C0OLDNEWS", "C0PARTNERS"
GLOBEX_GENERAL, SALES = "C1GENERAL", "C1SALES"

SELLERS, SUCCESS = "S0SELLERS", "S0SUCCESS"


def settle(slack: Slack) -> None:
    """Fill an empty Slack with both workspaces."""
    slack.workspaces[ACME] = Workspace(ACME, "Acme", "acme", "acme.com")
    slack.workspaces[GLOBEX] = Workspace(GLOBEX, "Globex", "globex", "globex.com")
    for person in _people():
        person.updated_at = slack.now()
        slack.people[person.id] = person
    for channel in _channels():
        channel.created_at = slack.now()
        slack.channels[channel.id] = channel
    for group in _user_groups():
        group.created_at = slack.now()
        slack.user_groups[group.id] = group


def found_organisation(slack: Slack) -> None:
    """Make both workspaces one organisation, with an admin who is in each of them."""
    slack.organisations[UMBRELLA] = Organisation(UMBRELLA, "Umbrella", "umbrella", [ACME, GLOBEX])
    wes = Person(WES, ACME, "wes", "Wes Umber", "wes@umbrella.com", "Head of IT", is_org_admin=True, also_in=[GLOBEX])
    slack.people[WES] = wes
    for person in slack.people.values():
        if person.workspace_id in (ACME, GLOBEX):
            person.enterprise_id = UMBRELLA
    for workspace_id in (ACME, GLOBEX):
        slack.changes.add("organisation", workspace_id)


def _people() -> list[Person]:
    return [
        Person(
            ADA,
            ACME,
            "ada",
            "Ada Okafor",
            "ada@acme.com",
            "Head of Revenue",
            "Europe/London",
            is_owner=True,
            is_admin=True,
        ),
        Person(DANA, ACME, "dana", "Dana Reyes", "dana@acme.com", "Sales", "America/New_York"),
        Person(LIAM, ACME, "liam", "Liam Novak", "liam@acme.com", "Sales", "Europe/Berlin", "de-DE"),
        Person(MEI, ACME, "mei", "Mei Tanaka", "mei@acme.com", "Customer Success Manager", "Asia/Tokyo", "ja-JP"),
        Person(PAT, ACME, "pat", "Pat Singh", "pat@acme.com", "Analyst", "America/Chicago"),
        Person(GUS, ACME, "gus", "Gus Vale", "gus@partner.example", "Partner", "Europe/Madrid", is_restricted=True),
        Person(OLGA, ACME, "olga", "Olga Petrov", "olga@acme.com", "Sales", "Europe/Paris", deleted=True),
        Person(SLACKBOT, "", "slackbot", "Slackbot"),
        Person(GINA, GLOBEX, "gina", "Gina Hart", "gina@globex.com", "Founder", is_owner=True, is_admin=True),
        Person(HUGO, GLOBEX, "hugo", "Hugo Lind", "hugo@globex.com", "Sales", "Europe/Stockholm"),
    ]


def _channels() -> list[Channel]:
    everybody = [ADA, DANA, LIAM, MEI, PAT]
    partners = _channel(PARTNERS, "ext-partners", "public", [ADA, LIAM, GINA], topic="Shared with Globex")
    partners.workspace_ids.append(GLOBEX)
    old_news = _channel(OLD_NEWS, "old-news", "public", [ADA])
    old_news.is_archived = True
    general = _channel(GENERAL, "general", "public", [*everybody, GUS], topic="Company-wide announcements")
    globex_general = _channel(GLOBEX_GENERAL, "general", "public", [GINA, HUGO], workspace=GLOBEX)
    general.is_general = globex_general.is_general = True
    return [
        general,
        _channel(REVENUE, "revenue", "public", everybody, topic="What we earn"),
        _channel(WINS, "wins", "public", everybody),
        _channel(DEALS, "deals-private", "private", [ADA, DANA]),
        _channel(BOARD, "board-private", "private", [ADA, LIAM]),
        old_news,
        partners,
        globex_general,
        _channel(SALES, "sales", "public", [GINA, HUGO], workspace=GLOBEX),
    ]


def _channel(
    channel_id: str, name: str, kind: ChannelKind, members: list[str], *, topic: str = "", workspace: str = ACME
) -> Channel:
    return Channel(channel_id, [workspace], kind, name, list(members), creator=members[0], topic=topic)


def _user_groups() -> list[UserGroup]:
    return [
        UserGroup(SELLERS, ACME, "Account executives", "sellers", [DANA, LIAM], created_by=ADA),
        UserGroup(SUCCESS, ACME, "Customer success", "success", [MEI], created_by=ADA),
    ]
