"""What a manager enters to open a CRM: bad beside good, each refusal under its field."""

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from models import crm
from models.crm import AccessInvalidError, domain_of, read_hubspot, read_salesforce, relationship

GOOD = {"url": "https://acme.my.salesforce.com", "client_id": "3MVG9", "client_secret": "planted-secret"}


def pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, *, passphrase: bytes | None = None) -> str:
    encryption = serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption).decode()


RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
KEY = {**GOOD, "client_secret": "", "username": "ada@acme.com", "private_key": pem(RSA)}


def refused(written: dict[str, str]) -> set[str]:
    with pytest.raises(AccessInvalidError) as raised:
        read_salesforce(written)
    assert "planted" not in str(raised.value)
    return set(raised.value.errors)


@pytest.mark.parametrize(
    ("written", "url"),
    [
        ("https://acme.my.salesforce.com", "https://acme.my.salesforce.com"),
        (" acme.my.salesforce.com/ ", "https://acme.my.salesforce.com"),
        ("https://ACME--dev.sandbox.my.salesforce.com:443/x?y", "https://acme--dev.sandbox.my.salesforce.com"),
        ("https://acme.lightning.force.com/lightning/page/home", "https://acme.my.salesforce.com"),
        ("https://acme.my.salesforce-setup.com/lightning/setup", "https://acme.my.salesforce.com"),
    ],
)
def test_a_my_domain_url_is_taken_as_people_copy_it(written: str, url: str) -> None:
    assert read_salesforce(GOOD | {"url": written}).url == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://acme.my.salesforce.com",
        "https://login.salesforce.com",
        "https://my.salesforce.com",
        "https://acme.my.salesforce.com.evil.example",
        "https://evilmy.salesforce.com",
        "https://acme.my.salesforce.com@127.0.0.1",
        "https://127.0.0.1/acme.my.salesforce.com",
        "https://acme.my.salesforce.com:8443",
        "https://acme.my.salesforce.com:x",
        "https://[::1",
        "ftp://acme.my.salesforce.com",
        "https://ac me.my.salesforce.com",
    ],
)
def test_any_other_address_is_refused(url: str) -> None:
    assert refused(GOOD | {"url": url}) == {"url"}


def test_either_a_secret_or_a_private_key_with_a_user_opens_salesforce() -> None:
    assert read_salesforce(GOOD).client_secret == "planted-secret"
    assert read_salesforce(KEY).username == "ada@acme.com"
    assert refused(GOOD | {"client_secret": ""}) == {"client_secret"}
    assert refused(KEY | {"client_secret": "planted-secret"}) == {"private_key"}
    assert refused(KEY | {"username": ""}) == {"username"}
    assert refused(GOOD | {"client_id": "", "client_secret": "two words"}) == {"client_id", "client_secret"}


def test_only_an_open_rsa_key_of_2048_bits_is_a_private_key() -> None:
    bad = [
        "planted nonsense",
        pem(rsa.generate_private_key(public_exponent=65537, key_size=1024)),
        pem(ec.generate_private_key(ec.SECP256R1())),
        pem(RSA, passphrase=b"planted"),
        KEY["private_key"][:200],
        RSA.public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode(),
    ]
    for written in bad:
        assert refused(KEY | {"private_key": written}) == {"private_key"}
    assert read_salesforce(KEY | {"private_key": KEY["private_key"].replace("\n", "\r\n")})


@pytest.mark.parametrize(
    ("field", "good", "bad"),
    [
        ("account_field", "External_Id__c", "External_Id__c, (SELECT Id FROM Contacts)"),
        ("account_field", "AccountNumber", "1st__c"),
        ("stage_field", "ns__Stage__c", "Stage__c FROM Account--"),
        ("stage_field", "Type", "Тype"),
        ("roles", "csm = CSM__c\nse: Sales_Engineer__c, Finance = ns__Finance__c", "csm = CSM__c.Email"),
        ("roles", "owner = Account_Owner__c", "csm = CSM"),
        ("roles", "manager = LastModifiedById", "csm"),
        ("roles", "", "<!channel> = CSM__c"),
    ],
)
def test_names_of_fields_are_names_and_nothing_more(field: str, good: str, bad: str) -> None:
    assert read_salesforce(GOOD | {field: good})
    assert refused(GOOD | {field: bad}) == {field}


def test_roles_are_read_with_the_owner_among_them_and_written_as_they_were_entered() -> None:
    roles = read_salesforce(GOOD | {"roles": "CSM = CSM__c\n\nse:SE__c"}).roles
    assert roles == {"owner": "OwnerId", "csm": "CSM__c", "se": "SE__c"}
    assert read_salesforce(GOOD | {"roles": crm.roles_text(roles)}).roles == roles
    assert refused(GOOD | {"roles": "\n".join(f"role{one} = R{one}__c" for one in range(11))}) == {"roles"}
    assert [relationship(one) for one in ("CSM__c", "OwnerId", "ns__A__C")] == ["CSM__r", "Owner", "ns__A__r"]


def test_an_empty_secret_keeps_the_one_before_and_never_sends_it_elsewhere() -> None:
    before = read_salesforce(GOOD)
    changed = read_salesforce(GOOD | {"client_secret": "", "stage_field": "Type"}, before=before)
    assert (changed.client_secret, changed.stage_field) == ("planted-secret", "Type")
    assert read_salesforce(KEY, before=before).client_secret == ""
    with pytest.raises(AccessInvalidError):
        read_salesforce(GOOD | {"client_secret": "", "url": "https://other.my.salesforce.com"}, before=before)
    kept = read_hubspot({"token": "", "stage_field": "tier"}, before=read_hubspot({"token": "planted-key"}))
    assert (kept.token, kept.stage_field) == ("planted-key", "tier")


@pytest.mark.parametrize(
    ("field", "good", "bad"),
    [
        ("token", "pat-na1-00", ""),
        ("token", "pat-na1-00", "pat na1"),
        ("token", "pat-na1-00", "pat\x00"),
        ("account_field", "account_id", "Account ID"),
        ("stage_field", "tier", "tier,secret"),
        ("roles", "csm = csm_owner", "csm = CSM__c"),
    ],
)
def test_what_opens_hubspot_is_checked_too(field: str, good: str, bad: str) -> None:
    assert read_hubspot({"token": "pat-na1-00", field: good})
    with pytest.raises(AccessInvalidError) as raised:
        read_hubspot({"token": "pat-na1-00", field: bad})
    assert set(raised.value.errors) == {field}


def test_what_is_sealed_is_read_back_and_shows_no_secret() -> None:
    salesforce, hubspot = read_salesforce(KEY), read_hubspot({"token": "planted-key"})
    assert crm.load_salesforce(crm.dump(salesforce)) == salesforce
    assert crm.load_hubspot(crm.dump(hubspot)) == hubspot
    assert "PRIVATE KEY" not in repr(salesforce)
    assert "planted-key" not in repr(hubspot)


@pytest.mark.parametrize(
    ("website", "domain"),
    [
        ("https://www.Acme.example/about?x=1", "acme.example"),
        ("acme.example", "acme.example"),
        ("WWW.acme.co.uk:8080/", "acme.co.uk"),
        ("http://user@acme.example.", "acme.example"),
        ("münchen.example", "münchen.example"),
        ("acme", None),
        ("127.0.0.1", None),
        ("not a site.com", None),
        ("http://[::1", None),
        ("", None),
        (None, None),
    ],
)
def test_a_domain_is_read_out_of_a_website(website: str | None, domain: str | None) -> None:
    assert domain_of(website) == domain
