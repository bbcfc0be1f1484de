"""Contacts, such as customers and suppliers: each has a code, a name, an email address and a postal address."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from sqlalchemy import String
from sqlalchemy.orm import Mapped, Session, declared_attr, mapped_column
from typing_extensions import override

from erp.addresses import check_address
from erp.creation import create_named
from erp.db import BigId, Model, insert_missing, key_column, rows_named
from erp.errors import ErpError
from erp.history import Change, Subject, Tracked, record_all
from erp.identity import ByKey, identity_key
from erp.search import EXACT, Found, Searchable, Sought, refresh, rows_by_words

C = TypeVar("C", bound="Contact")

# The parts of a postal address in the order of a form, each with its greatest length.
ADDRESS_PARTS: Mapping[str, int] = {"street": 200, "postcode": 20, "city": 100, "region": 100, "country": 100}


class Contact(Searchable, Tracked, Model):
    """The base of a table of contacts."""

    __abstract__ = True

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    code: Mapped[str] = mapped_column(String(60), unique=True)
    code_key: Mapped[str] = key_column("code")
    name: Mapped[str] = mapped_column(String(200), index=True)
    email: Mapped[str] = mapped_column(String(254), default="")
    street: Mapped[str] = mapped_column(String(ADDRESS_PARTS["street"]), default="")
    postcode: Mapped[str] = mapped_column(String(ADDRESS_PARTS["postcode"]), default="")
    city: Mapped[str] = mapped_column(String(ADDRESS_PARTS["city"]), default="")
    region: Mapped[str] = mapped_column(String(ADDRESS_PARTS["region"]), default="")
    country: Mapped[str] = mapped_column(String(ADDRESS_PARTS["country"]), default="")
    row_version: Mapped[int] = mapped_column(default=1)

    history_fields = ("code", "name", "email", *ADDRESS_PARTS)
    search_fields = ("code", "name", "email")

    @declared_attr.directive
    @classmethod
    def __mapper_args__(cls) -> dict[str, Any]:
        return {"version_id_col": cls.row_version}

    @property
    def address_lines(self) -> list[str]:
        """The postal address below the name, line by line; a part that is empty is left out."""
        place = " ".join(part for part in (self.postcode, self.city) if part)
        return [line for line in (self.street, place, self.region, self.country) if line]

    @override
    def history_subject(self) -> Subject:
        return Subject(self.history_document, self.id, self.code)

    def __str__(self) -> str:
        return f"{self.name} ({self.code})"


@dataclass(frozen=True)
class ContactData:
    """What a file or a form says of a contact; an email that is None stays as it is.

    `address` has those parts of the postal address that it says, by their names in ADDRESS_PARTS; others stay.
    Raises BadAddress for an email that is neither empty nor one address.
    """

    code: str
    name: str
    email: str | None = None
    address: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.email:
            check_address(self.email)


def address(*parts: str) -> dict[str, str]:
    """Return a whole postal address, given its parts in the order of ADDRESS_PARTS."""
    return dict(zip(ADDRESS_PARTS, parts, strict=True))


@dataclass(frozen=True)
class Saved:
    """How many rows are new, and how many others changed."""

    new: int
    changed: int


def contacts_by_code(session: Session, model: type[C], codes: Iterable[str]) -> ByKey[str, C]:
    """Return the contacts of these codes; one that does not exist is left out."""
    return rows_named(session, model, "code", codes)


def save_contacts(session: Session, model: type[C], contacts: Sequence[ContactData]) -> Saved:
    """Insert contacts or change them by code, in a fixed number of statements, and record it in the history."""
    known = contacts_by_code(session, model, [data.code for data in contacts])
    missing = [data for data in contacts if data.code not in known]
    insert_missing(session, model, [_row(data) for data in missing])
    inserted = contacts_by_code(session, model, [data.code for data in missing])
    # A row that another transaction inserted at the same moment is changed like any other.
    changed = sum([_change(known.get(data.code) or inserted[data.code], data) for data in contacts])
    refresh(session, inserted.values())
    record_all(session, [Change(contact.history_subject(), "created") for contact in inserted.values()])
    return Saved(len(missing), changed)


def create_contacts(
    session: Session, model: type[C], contacts: Sequence[ContactData], *, noun: str
) -> list[int | ErpError]:
    """Insert contacts as `create_named` does; return the id of each, or why it is refused."""
    return create_named(session, model, "code", [_row(data) for data in contacts], noun=noun)


def _row(data: ContactData) -> dict[str, Any]:
    address = {part: data.address.get(part, "") for part in ADDRESS_PARTS}
    return {"code": data.code, "name": data.name, "email": data.email or "", **address, "row_version": 1}


def find_contacts(session: Session, model: type[C], sought: Sought, limit: int) -> list[Found]:
    """Return the contacts that have every word of what is sought in their code, name or email address."""
    key = identity_key(sought.text)
    found = rows_by_words(session, model, sought, limit)
    return [Found(each.id, each.name, _about(each), EXACT if each.code_key == key else rank) for each, rank in found]


def _about(contact: Contact) -> str:
    return " · ".join(filter(None, (contact.code, contact.email)))


def _change(contact: Any, data: ContactData) -> bool:
    email = contact.email if data.email is None else data.email
    said = {"name": data.name, "email": email, **data.address}
    is_changed = any(getattr(contact, name) != value for name, value in said.items())
    for name, value in said.items():
        setattr(contact, name, value)
    return is_changed
