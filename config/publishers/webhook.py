"""A publisher that is a service of somebody's own, and is told over HTTP."""

from datetime import timedelta
from typing import Literal

from pydantic import SecretStr, ValidationInfo, field_validator

from config.publishers.table import Publisher
from config.tables import setting
from config.values import ReferredSecret
from txtproof.adapters.publishers.webhook.call import check_webhook_url
from txtproof.adapters.publishers.webhook.publisher import WebhookOptions, check_webhook_secret


class Webhook(Publisher):
    """A URL, and the secret that what is posted there is signed with."""

    kind: Literal["webhook"] = setting(..., "How it writes.", "webhook")
    allow_private: bool = setting(
        False, "Call loopback, link-local and private addresses too, and take http.", "true or false"
    )
    url: str = setting(..., "Where the records to write are posted.", "https://HOST/PATH")
    secret: ReferredSecret = setting(..., "Secret of the signatures, whsec_ and base64.", "env:NAME or file:PATH")

    def options(self, call_timeout: timedelta) -> WebhookOptions:
        """Say in the behaviour's own words what is asked for."""
        return WebhookOptions(
            name=self.name,
            zones=self.zones,
            url=self.url,
            secret=self.secret,
            allow_private=self.allow_private,
            call_timeout=call_timeout,
        )

    @field_validator("url")
    @classmethod
    def _url(cls, url: str, info: ValidationInfo) -> str:
        check_webhook_url(url, allow_private=info.data.get("allow_private", False))
        return url

    @field_validator("secret")
    @classmethod
    def _secret(cls, secret: SecretStr) -> SecretStr:
        check_webhook_secret(secret)
        return secret
