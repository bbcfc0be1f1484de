"""One-time tokens of forms: what is sent twice, by a double click or after Back, is done once."""

from __future__ import annotations

import hashlib
import secrets

from flask import request
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from erp.admin.access import user_name
from erp.db import insert_missing
from erp.errors import ErpError
from erp.models import FormToken

FIELD = "form_token"


class SentTwice(ErpError):
    """A form was sent a second time; the fact `document_id` is what it made the first time, None where no document."""

    def __init__(self, document_id: int | None) -> None:
        text = "This form was sent before and was done once. Open it again to do it once more."
        super().__init__(text)


def new_or_sent() -> str:
    """Return the token for the form on the page: the one that was sent with it, or a new one."""
    return request.form.get(FIELD, "") or secrets.token_urlsafe(18)


def check(session: Session, document: str) -> None:
    """Raise SentTwice where the token that was sent was used before: what it made may fail the form's own checks."""
    key = _key(document)
    made = session.execute(select(FormToken.document_id).where(FormToken.key == key)).first() if key else None
    if made is not None:
        raise SentTwice(made[0])


def use(session: Session, document: str, content: bytes = b"") -> str:
    """Use the token that was sent; return its key, empty where none was sent. Raises SentTwice where
    it was used before.

    With `content` another content may be sent with the same token. A second transaction with the same token waits for
    the first one; where that one is undone, the token is as new.
    """
    key = _key(document, content)
    if not key:
        return ""
    row = {"key": key, "document": document, "user_name": user_name()}
    if not insert_missing(session, FormToken, [row], returning=FormToken.key):
        raise SentTwice(session.scalar(select(FormToken.document_id).where(FormToken.key == key)))
    return key


def _key(document: str, content: bytes = b"") -> str:
    token = request.form.get(FIELD, "")
    text = f"{document}\0{token}\0".encode("utf-8", "replace")
    return hashlib.sha256(text + content).hexdigest() if token else ""


def keep(session: Session, key: str, document_id: int) -> None:
    """Note which document the form with this key has made."""
    if key:
        session.execute(update(FormToken).where(FormToken.key == key).values(document_id=document_id))
