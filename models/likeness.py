"""A likeness: what a company in a CRM and an account of ours are recognised as one by.

An id, a domain or a name counts only where it says which company that is: never a mailbox provider's domain, nor a
word that stands in forms for no name.
"""

import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple

_SHARED = """
    gmail.com googlemail.com outlook.com outlook.de outlook.fr hotmail.com hotmail.co.uk hotmail.fr hotmail.de live.com
    live.co.uk msn.com yahoo.com yahoo.co.uk yahoo.co.jp yahoo.co.in yahoo.fr yahoo.de yahoo.com.br ymail.com
    rocketmail.com icloud.com me.com mac.com aol.com gmx.com gmx.de gmx.net gmx.at web.de t-online.de freenet.de
    proton.me protonmail.com pm.me tutanota.com fastmail.com hey.com zoho.com mail.com email.com inbox.com mail.ru
    yandex.ru yandex.com bk.ru list.ru rambler.ru qq.com 163.com 126.com sina.com naver.com daum.net hanmail.net
    orange.fr wanadoo.fr free.fr laposte.net sfr.fr libero.it virgilio.it bol.com.br uol.com.br terra.com.br
    comcast.net verizon.net att.net sbcglobal.net cox.net bellsouth.net btinternet.com sky.com bigpond.com
    telstra.com shaw.ca rogers.com rediffmail.com seznam.cz wp.pl o2.pl onet.pl mailinator.com
    facebook.com fb.com instagram.com linkedin.com twitter.com x.com youtube.com tiktok.com github.com medium.com
    google.com sites.google.com linktr.ee notion.site wixsite.com wordpress.com blogspot.com squarespace.com
    example.com example.org example.net co.uk com.au com.br co.jp co.nz co.in
"""
SHARED = frozenset(_SHARED.split())
"""Domains that many companies share: mailboxes, places where anybody has a page, and what is none."""

NO_NAMES = frozenset({"n/a", "na", "none", "null", "unknown", "test", "tbd", "[not provided]", "not provided"})
"""What people and CRMs write where there is no name."""

_HOST = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]")
_LONGEST = 253
_BEFORE_HOST = re.compile(r"^(?:[a-z][a-z0-9+.-]*:)?//|^mailto:")


class Likeness(NamedTuple):
    """What a company is recognised by, the surest first: our account's id, its domain, its name."""

    account: str | None = None
    domain: str | None = None
    name: str | None = None


NOTHING = Likeness()


@lru_cache(10_000)
def domain(text: str | None) -> str | None:
    """Give the domain that a domain or web address names, in small letters and without `www.`; None if it is no sign.

    A subdomain stays as it is: whether it is another company's is not for us to guess.
    """
    plain = _BEFORE_HOST.sub("", (text or "").strip().lower())
    host = re.split(r"[/?#\s]", plain, maxsplit=1)[0].rpartition("@")[2].partition(":")[0].strip(".")
    try:
        host = (host if host.isascii() else host.encode("idna").decode()).removeprefix("www.")
    except UnicodeError:
        return None
    return host if len(host) <= _LONGEST and _HOST.fullmatch(host) and host not in SHARED else None


def name(text: str | None) -> str | None:
    """Give a name as names are compared: whatever the case of its letters and the number of its spaces."""
    plain = " ".join(unicodedata.normalize("NFKC", text or "").casefold().split())
    is_name = any(character.isalnum() for character in plain) and plain not in NO_NAMES
    return plain[:765] if is_name else None
