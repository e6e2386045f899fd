"""Likenesses: which domains and names say who a company is."""

import pytest

from models import likeness

DOMAINS = [
    ("contoso.com", "contoso.com"),
    (" WWW.Contoso.COM. ", "contoso.com"),
    ("https://www.contoso.com/de/?utm=1#top", "contoso.com"),
    ("http://user:pass@contoso.com:8080/x", "contoso.com"),
    ("//contoso.com", "contoso.com"),
    ("dana@contoso.com", "contoso.com"),
    ("mailto:dana@contoso.com", "contoso.com"),
    ("shop.contoso.co.uk", "shop.contoso.co.uk"),
    ("bücher.example.de", "xn--bcher-kva.example.de"),
    ("xn--bcher-kva.example.de", "xn--bcher-kva.example.de"),
    ("gmail.com", None),
    ("https://www.Gmail.com/", None),
    ("someone@outlook.com", None),
    ("https://www.linkedin.com/company/contoso", None),
    ("co.uk", None),
    ("contoso", None),
    ("localhost", None),
    ("192.168.0.1", None),
    ("[::1]", None),
    ("contoso..com", None),
    ("-contoso.com", None),
    ("contoso.c", None),
    ("contoso dot com", None),
    (f"{'a' * 64}.com", None),
    ("www.", None),
    ("n/a", None),
    ("", None),
    (None, None),
]
NAMES = [
    ("Contoso", "contoso"),
    ("  CONTOSO \t Ltd. ", "contoso ltd."),
    ("Straße AG", "strasse ag"),
    ("Ｃｏｎｔｏｓｏ", "contoso"),
    ("3M", "3m"),
    ("株式会社コントソ", "株式会社コントソ"),
    ("Contoso, Inc", "contoso, inc"),
    ("[not provided]", None),
    ("Unknown", None),
    ("N/A", None),
    ("Test", None),
    ("-", None),
    ("???", None),
    (" ", None),
    (None, None),
]


@pytest.mark.parametrize(("written", "domain"), DOMAINS)
def test_a_domain_counts_where_it_is_one_companys(written: str | None, domain: str | None) -> None:
    assert likeness.domain(written) == domain


@pytest.mark.parametrize(("written", "name"), NAMES)
def test_a_name_counts_whatever_its_case_and_spaces(written: str | None, name: str | None) -> None:
    assert likeness.name(written) == name
