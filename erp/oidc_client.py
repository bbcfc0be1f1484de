"""Authlib's client of an OpenID Connect provider. This file alone needs Authlib; it is imported where that is on."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from authlib.common.errors import AuthlibBaseError
from authlib.integrations.base_client import MismatchingStateError
from authlib.integrations.flask_client import OAuth
from flask import Flask
from joserfc.errors import JoseError
from requests import RequestException

from erp.errors import ErpError, SignInRefused
from erp.text import say

log = logging.getLogger(__name__)


class ProviderAway(ErpError):
    """The provider does not answer, or not as a provider does."""

    def __init__(self) -> None:
        super().__init__(
            say("The sign-in service does not answer. Try again in a moment, or sign in with your password.")
        )


def make_client(app: Flask, name: str, issuer: str, client: str, secret: str | None, timeout: float) -> Any:
    """Return a client that uses the code flow with state, nonce and PKCE; the provider has `timeout` seconds."""
    return OAuth(app).register(
        name,
        client_id=client,
        client_secret=secret,
        server_metadata_url=f"{issuer}/.well-known/openid-configuration",
        client_kwargs={
            "scope": "openid email profile",
            "code_challenge_method": "S256",
            "default_timeout": timeout,
        },
    )


@contextmanager
def trusting() -> Iterator[None]:
    """Turn everything that a provider can do wrong into a refusal: ProviderAway or SignInRefused."""
    try:
        yield
    except RequestException as error:
        log.warning("the OpenID Connect provider does not answer: %s", error)
        raise ProviderAway from None
    except MismatchingStateError:
        text = say("That sign-in was too long ago, or began in another window. Sign in again.")
        raise SignInRefused(text, throttled=False) from None
    except (AuthlibBaseError, JoseError, ValueError, TypeError, KeyError, AttributeError, RuntimeError) as error:
        # Its words are for the log: who makes an address with an error in it shall not write on this page.
        log.warning("the answer of the OpenID Connect provider is refused: %r", error)
        text = say("The sign-in service did not let you in. Try again.")
        raise SignInRefused(text, throttled=False) from None
