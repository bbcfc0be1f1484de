"""The pick list: of one order, and of all that is ready to be packed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from flask import request
from flask.typing import ResponseReturnValue
from flask_admin import expose

from erp import clock
from erp.admin import Page
from erp.admin.access import screen_session
from erp.text import say
from modules.sales import queries
from modules.sales.models import Order
from modules.sales.states import WorkList

MOST_PICKS = 500
# Whether a line is ready is computed: of no more than so many with something allocated, the first in order of service.
MOST_LOOKED_AT = 2_000

NOTHING = say("Nothing that is allocated is ready to be packed.")
NOTHING_AMONG = say("None of the first {count:,} lines that are allocated is ready to be packed.", count=MOST_LOOKED_AT)


@dataclass(frozen=True)
class Walk:
    """What is picked in one warehouse, location by location."""

    name: str
    picks: Sequence[Any]


def _walks(picks: Sequence[Any]) -> list[Walk]:
    return [Walk(name, list(found)) for name, found in groupby(picks, key=lambda pick: pick.warehouse)]


def pick_list(screen: Any, order: Order) -> ResponseReturnValue:
    """Show where what is allocated of an order lies."""
    picks = queries.picks_of_order(screen_session(), order.id)
    back = screen.get_url(".details_view", id=order.id)
    return str(
        screen.render(
            "sales/pick_list.html", order=order, at=clock.now(), back=back, walk=_walks(picks), nothing=NOTHING
        )
    )


class PickListPage(Page):
    """What is to be picked of all orders, warehouse by warehouse and location by location."""

    view_name = "sales.pick_list"
    title = "Pick list"
    url = "/sales/pick-list"
    icon = "fa-list-ol"

    @expose("/")
    def index_view(self) -> ResponseReturnValue:
        """Show the lines that are ready, of one warehouse where one is named."""
        session = self.session()
        found = queries.read_work_lists(session, most=MOST_LOOKED_AT, only_allocated=True)
        picks = queries.picks_of_lines(session, [entry.line_id for entry in found.of(WorkList.ready)])
        codes = sorted({pick.warehouse for pick in picks})
        if wanted := request.args.get("warehouse"):
            picks = [pick for pick in picks if pick.warehouse == wanted]
        return self.render(
            "sales/pick_list.html",
            at=clock.now(),
            back=self.get_url("admin.index"),
            walk=_walks(picks[:MOST_PICKS]),
            warehouses=codes if len(codes) > 1 else (),
            is_cut=bool(picks) and (found.is_cut or len(picks) > MOST_PICKS),
            nothing=NOTHING_AMONG if found.is_cut else NOTHING,
            most=min(len(picks), MOST_PICKS),
        )
