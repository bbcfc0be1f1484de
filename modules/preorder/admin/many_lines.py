"""Actions on many sales order lines in the lists of preorder: what changes of each is shown first, then done."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from sqlalchemy.orm import Session

from erp.admin import BulkAction, Facts, change_of_each, document_url
from erp.errors import ErpError
from erp.text import say, verb
from modules.preorder.admin.many_promises import PROMISE_LINES
from modules.sales.queries import Quantities, line_quantities
from modules.sales.services import allocate_lines, hold_many_lines

Service = Callable[[Session, Sequence[int]], Mapping[int, ErpError]]


def _facts(session: Session, line_ids: Sequence[int]) -> Mapping[int, Facts]:
    return {
        id_: {
            say("open of {name}", name=each.name): each.open_quantity,
            say("allocated of {name}", name=each.name): each.allocated,
            say("on purchase orders of {name}", name=each.name): each.on_purchase_orders,
            say("hold of {name}", name=each.name): bool(each.held),
        }
        for id_, each in line_quantities(session, line_ids).items()
    }


def _changing(service: Service, say: Callable[[Quantities, Quantities], str]) -> Any:
    def work(session: Session, ids: Sequence[int], _form: Any) -> Mapping[int, ErpError]:
        return service(session, ids)

    return change_of_each(line_quantities, work, say, lambda line: document_url("sales.order", line.order_id))


ALLOCATE = BulkAction(
    name="allocate",
    label="Allocate",
    permission="sales.allocate",
    icon="fa-cubes",
    depends_on=_facts,
    change=_changing(allocate_lines, Quantities.allocated_since),
    help="They are served now, in order of service among them. One that would take what an earlier order waits for is "
    "left: allocate it on the page of its order.",
)
HOLD = BulkAction(
    name="hold",
    label=verb("to hold"),
    permission="sales.allocate",
    icon="fa-pause",
    depends_on=_facts,
    change=_changing(partial(hold_many_lines, hold=True), Quantities.held_since),
    help="They are kept out of automatic runs until they are released or allocated.",
)
RELEASE = BulkAction(
    name="release",
    label="Release",
    permission="sales.allocate",
    icon="fa-play",
    depends_on=_facts,
    change=_changing(partial(hold_many_lines, hold=False), Quantities.released_since),
    help="They are served at their place in the queue again.",
)
LINE_LIST_ACTIONS = (ALLOCATE, HOLD, RELEASE, PROMISE_LINES)
