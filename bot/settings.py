"""Settings, from the environment or `.env`: one frozen object, read at the entry point and passed down."""

from typing import Annotated, Literal
from urllib.parse import urljoin, urlsplit

from pydantic import AliasChoices, Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from models.base import UserError
from scheduler import mailserver
from scheduler.mailserver import MailServer

_APIS = {
    "chartmogul_api_url": ("ChartMogul", "https://api.chartmogul.com/v1"),
    "hubspot_api_url": ("HubSpot", "https://api.hubapi.com"),
    "salesforce_login_url": ("Salesforce", "https://acme.my.salesforce.com"),
    "stripe_api_url": ("Stripe", "https://api.stripe.com"),
}


class Settings(BaseSettings):
    """What can be set. Names are the environment's, without a prefix where the ecosystem has a name."""

    model_config = SettingsConfigDict(env_file=".env", extra="ignore", frozen=True, populate_by_name=True)

    database_url: str = "sqlite+aiosqlite:///./runrate.db"
    public_url: str = ""
    host: str = "127.0.0.1"
    port: int = Field(default=3000, ge=0, le=65535)
    slack_client_id: str = ""
    slack_client_secret: SecretStr = SecretStr("")
    slack_signing_secret: SecretStr = SecretStr("")
    installers: Literal["admins", "anyone"] = "admins"
    slack_api_url: str = "https://slack.com/api/"
    slack_authorize_url: str = "https://slack.com/oauth/v2/authorize"
    secret_keys: Annotated[tuple[SecretStr, ...], NoDecode] = Field(
        default=(), validation_alias=AliasChoices("RUNRATE_SECRET_KEYS", "secret_keys")
    )
    chartmogul_api_url: str = "https://api.chartmogul.com/v1"
    hubspot_api_url: str = "https://api.hubapi.com"
    salesforce_login_url: str = ""
    """A server that stands in for every My Domain; each source's own is asked where this is empty."""
    stripe_api_url: str = "https://api.stripe.com"
    smtp_url: SecretStr = SecretStr("")
    event_retention_days: int = Field(default=30, ge=7, le=3650)
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["auto", "text", "json"] = "auto"

    @field_validator("secret_keys", mode="before")
    @classmethod
    def _split_keys(cls, value: object) -> object:
        """Read keys separated by commas or blanks, newest first."""
        return tuple(value.replace(",", " ").split()) if isinstance(value, str) else value

    @field_validator("log_level", "log_format", "installers", mode="before")
    @classmethod
    def _lower(cls, value: object) -> object:
        return value.lower() if isinstance(value, str) else value

    @field_validator("public_url")
    @classmethod
    def _check_public_url(cls, value: str) -> str:
        url = urlsplit(value.rstrip("/"))
        is_more = url.path or url.query or url.fragment or "@" in url.netloc
        if value and (url.scheme not in {"http", "https"} or not url.hostname or is_more):
            raise ValueError("is the address under which Slack reaches Runrate, such as https://runrate.example.com")
        return value.rstrip("/")

    @field_validator("chartmogul_api_url", "hubspot_api_url", "salesforce_login_url", "stripe_api_url")
    @classmethod
    def _check_api_url(cls, value: str, info: ValidationInfo) -> str:
        if info.field_name == "salesforce_login_url" and not value:
            return value
        url = urlsplit(value)
        if url.scheme not in {"http", "https"} or not url.hostname or url.query or url.fragment or "@" in url.netloc:
            vendor, usual = _APIS[str(info.field_name)]
            raise ValueError(f"is the address of {vendor}'s API, such as {usual}")
        return value.rstrip("/")

    @field_validator("smtp_url")
    @classmethod
    def _check_smtp_url(cls, value: SecretStr) -> SecretStr:
        if value.get_secret_value():
            mailserver.read_url(value.get_secret_value(), host="localhost")
        return value

    @field_validator("slack_api_url")
    @classmethod
    def _end_with_slash(cls, value: str) -> str:
        return value.rstrip("/") + "/"

    @property
    def address(self) -> str:
        """The public address; where none is set, the one on this machine."""
        return self.public_url or f"http://localhost:{self.port}"

    @property
    def slack_sign_in_url(self) -> str:
        """Slack's page for Sign in with Slack, beside the one for installing."""
        return urljoin(self.slack_authorize_url, "/openid/connect/authorize")

    @property
    def mail_server(self) -> MailServer | None:
        """Where e-mail is handed over; None where none is sent."""
        url = self.smtp_url.get_secret_value()
        return mailserver.read_url(url, host=urlsplit(self.address).hostname or "localhost") if url else None

    @property
    def missing(self) -> list[str]:
        """Name the settings without which nobody can install."""
        needed = {
            "SLACK_CLIENT_ID": self.slack_client_id,
            "SLACK_CLIENT_SECRET": self.slack_client_secret.get_secret_value(),
            "SLACK_SIGNING_SECRET": self.slack_signing_secret.get_secret_value(),
            "RUNRATE_SECRET_KEYS": self.secret_keys,
        }
        return [name for name, value in needed.items() if not value]


def read(**overrides: object) -> Settings:
    """Read the settings. Raises `UserError` with one sentence for each that can't be used, never with its value."""
    try:
        return Settings(**overrides)  # type: ignore[arg-type]
    except ValidationError as error:
        lines = [f"{str(one['loc'][0]).upper()}: {one['msg'].removeprefix('Value error, ')}" for one in error.errors()]
        raise UserError("A setting can't be used. " + "; ".join(lines)) from None
