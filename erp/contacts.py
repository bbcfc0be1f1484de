"""Contacts, such as customers and suppliers: each has a code, a name and an email address."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from erp.addresses import check_address
from erp.db import chunks, insert_missing
from erp.history import Change, record_all
from erp.identity import ByKey, identity_key

C = TypeVar("C", bound=Any)


@dataclass(frozen=True)
class ContactData:
    """What a file or a form says of a contact; an email that is None stays as it is.

    Raises BadAddress for an email that is neither empty nor one address.
    """

    code: str
    name: str
    email: str | None = None

    def __post_init__(self) -> None:
        if self.email:
            check_address(self.email)


@dataclass(frozen=True)
class Saved:
    """How many rows are new, and how many others changed."""

    new: int
    changed: int


def contacts_by_code(session: Session, model: type[C], codes: Iterable[str]) -> ByKey[str, C]:
    """Return the contacts of these codes; one that does not exist is left out."""
    found: ByKey[str, C] = ByKey()
    for part in chunks(sorted(set(map(identity_key, codes))), 5000):
        for row in session.scalars(select(model).where(model.code_key.in_(part))):
            found[row.code] = row
    return found


def save_contacts(session: Session, model: type[C], contacts: Sequence[ContactData]) -> Saved:
    """Insert contacts or change them by code, in a fixed number of statements, and record it in the history."""
    known = contacts_by_code(session, model, [data.code for data in contacts])
    missing = [data for data in contacts if data.code not in known]
    rows = [{"code": data.code, "name": data.name, "email": data.email or "", "row_version": 1} for data in missing]
    insert_missing(session, model, rows)
    inserted = contacts_by_code(session, model, [data.code for data in missing])
    # A row that another transaction inserted at the same moment is changed like any other.
    changed = sum([_change(known.get(data.code) or inserted[data.code], data) for data in contacts])
    session.flush()
    record_all(session, [Change(contact.history_subject(), "created") for contact in inserted.values()])
    return Saved(len(missing), changed)


def _change(contact: Any, data: ContactData) -> bool:
    email = contact.email if data.email is None else data.email
    is_changed = (contact.name, contact.email) != (data.name, email)
    contact.name, contact.email = data.name, email
    return is_changed
