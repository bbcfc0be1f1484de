"""What writes take of contacts, such as customers and suppliers."""

from __future__ import annotations

from erp.api.declarations import Input, Values
from erp.contacts import ADDRESS_PARTS, Contact, ContactData


def contact_inputs(*, is_new: bool = False) -> tuple[Input, ...]:
    """Return what a write takes of a contact; of one that exists, what is left out stays as it is."""
    code = (Input("code", is_required=True, longest=60),) if is_new else ()
    address = (Input(part, longest=longest) for part, longest in ADDRESS_PARTS.items())
    return (*code, Input("name", is_required=is_new, longest=200), Input("email", longest=254), *address)


def new_contact(values: Values) -> ContactData:
    """Return what a write says of a contact that is made; raise BadAddress as `contact_data` does."""
    return contact_data(values["code"], values)


def contact_data(code: str, values: Values, contact: Contact | None = None) -> ContactData:
    """Return what a write says of a contact; raise BadAddress for an email that is neither empty nor one address."""
    name = values["name"] or ("" if contact is None else contact.name)
    address = {part: values[part] for part in ADDRESS_PARTS if values[part] is not None}
    return ContactData(code, name, values["email"], address)
