"""What modules show and take at the HTTP interface, declared as data: the module `api` answers with it.

A resource is a list of rows of one model with the fields of a row and the writes that change it. The writes call the
services that screens call.
"""

from erp.api.contacts import contact_data, contact_inputs, new_contact
from erp.api.declarations import (
    BIGGEST,
    WHY,
    Announced,
    Announcement,
    Change,
    Computed,
    Create,
    Effect,
    Field,
    File,
    Input,
    Kind,
    Lines,
    MakeMany,
    Planned,
    Report,
    Resource,
    Said,
    Task,
    Values,
    announcements,
    announcing,
)
from erp.api.rows import UnknownName, all_but_refused, make_many, make_one, name_in, raise_only

__all__ = [
    "BIGGEST",
    "WHY",
    "Announced",
    "Announcement",
    "Change",
    "Computed",
    "Create",
    "Effect",
    "Field",
    "File",
    "Input",
    "Kind",
    "Lines",
    "MakeMany",
    "Planned",
    "Report",
    "Resource",
    "Said",
    "Task",
    "UnknownName",
    "Values",
    "all_but_refused",
    "announcements",
    "announcing",
    "contact_data",
    "contact_inputs",
    "make_many",
    "make_one",
    "name_in",
    "new_contact",
    "raise_only",
]
