"""What one order costs: a fixed number of statements for each operation, whatever the number of its lines.

They include the locks, the run, the history and the numbering.
"""

from __future__ import annotations

from decimal import Decimal

import pytest

from erp.events import run_once
from erp.models import RunKind
from modules.procurement.domain import Delivery
from modules.procurement.services import receive_many
from modules.sales import services
from tests.support.inventory_lots import make_location, make_product, make_stock
from tests.support.procurement import make_purchase_order
from tests.support.sales import make_draft

# SQLite writes one table in a statement: to pack an order, nine change. It needs no round trips.
MOST = {
    "postgresql": {"confirm": 6, "allocate": 4, "pack": 5, "remove": 4, "receive": 7},
    "sqlite": {"confirm": 11, "allocate": 8, "pack": 12, "remove": 7, "receive": 13},
}


@pytest.fixture
def counts(session, count_statements):
    """Return a function that gives the statements of each operation on orders with that many lines."""

    def count(name, work):
        session.commit()
        session.expire_all()
        with count_statements() as sent:
            run_once(RunKind.screen, name, "anna", work)
        return len([statement for statement in sent if not statement.startswith("BEGIN")])

    def of(lines):
        products = [make_product(session) for _ in range(lines)]
        first, second = (make_draft(session, [(product, 2) for product in products]).id for _ in range(2))
        location = make_location(session, "WH/STOCK").id
        bought = [line.id for line in make_purchase_order(session, [(product, 20) for product in products]).lines]
        for product in products:
            make_stock(session, product, 10)
        deliveries = [Delivery(id_, Decimal(5), location, f"R{id_}") for id_ in bought]
        found = {"confirm": count("confirm", lambda session: services.confirm(session, first))}
        services.confirm(session, second)
        services.remove_allocations(session, second)
        found["allocate"] = count("allocate", lambda session: services.allocate_order(session, second, agreed=""))
        found["pack"] = count("pack", lambda session: services.pack_order(session, first))
        found["remove"] = count("remove", lambda session: services.remove_allocations(session, second))
        found["receive"] = count("receive", lambda session: receive_many(session, deliveries))
        return found

    return of


def test_an_operation_on_one_order_takes_a_fixed_number_of_statements(counts, session):
    counts(1)  # the first document of its kind makes a sequence
    few, most = counts(3), MOST[session.get_bind().dialect.name]
    assert counts(12) == few
    assert {name: number for name, number in few.items() if number > most[name]} == {}
