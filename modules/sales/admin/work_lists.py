"""Work lists: how much is in each, and the lines of one."""

from __future__ import annotations

from flask import abort
from flask.typing import ResponseReturnValue
from flask_admin import expose

from erp.admin import Page
from erp.text import say
from modules.sales import queries
from modules.sales.states import WorkList

MOST_SHOWN = 500
# What each line waits for is computed: of no more than so many, the first in order of service.
MOST_LOOKED_AT = 3_000

TITLES = {
    WorkList.ready: ("Ready", "Allocated on usable stock: pack it."),
    WorkList.not_yet: ("Ready later", "Allocated on usable stock; it waits for a launch or for its whole order."),
    WorkList.blocked: ("Blocked", "Allocated on stock that may not leave: on hold, expired or in quarantine."),
    WorkList.serial: ("Serial", "Serial numbers are chosen when the order is packed."),
    WorkList.covered: ("Covered", "On purchase orders: it waits for their goods."),
    WorkList.scheduled: ("Scheduled", "Requested too far ahead to be served now."),
    WorkList.held: ("Held", "Kept out of automatic runs until Allocate Order is pressed."),
    WorkList.uncovered: ("Uncovered", "Neither stock nor purchase orders cover it."),
}


class WorkListPage(Page):
    """The work lists: each open unit of a confirmed order is in exactly one."""

    view_name = "sales.work_list"
    title = "Work lists"
    url = "/sales/work-lists"
    icon = "fa-tasks"

    @expose("/")
    def index_view(self) -> ResponseReturnValue:
        """Show how much is in each list."""
        found = queries.read_work_lists(self.session(), most=MOST_LOOKED_AT)
        sizes = [(work_list, *TITLES[work_list], found.size(work_list)) for work_list in WorkList]
        return self.render("sales/work_lists.html", sizes=sizes, note=_note(found))

    @expose("/<name>/")
    def list_view(self, name: str) -> ResponseReturnValue:
        """Show the first lines of one list, in order of service."""
        if name not in {each.value for each in WorkList}:
            abort(404)
        work_list = WorkList(name)
        found = queries.read_work_lists(self.session(), most=MOST_LOOKED_AT)
        heading, meaning = TITLES[work_list]
        return self.render(
            "sales/work_list.html",
            heading=heading,
            meaning=meaning,
            size=found.size(work_list),
            lines=queries.listed_lines(self.session(), found.of(work_list)[:MOST_SHOWN]),
            note=_note(found),
        )


def _note(found: queries.WorkLists) -> str:
    """Say of how many lines the lists were made, where there are more."""
    if not found.is_cut:
        return ""
    return say(
        "Only the orders of the first {count:,} open lines in order of service are counted.", count=MOST_LOOKED_AT
    )
