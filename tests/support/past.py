"""Years of business that is done, written at once, and how much the database does for something."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import partial
from typing import Any

from sqlalchemy import event, text
from sqlalchemy.orm import Session

from erp.db import db, insert_rows, is_postgresql
from erp.events import current_run, run_once
from erp.models import RunKind
from modules.inventory_lots.models import Balance, Lot, Product, StockMove
from modules.inventory_lots.states import MoveKind
from modules.preorder.models import PurchaseAllocation
from modules.procurement.models import PurchaseOrder, PurchaseOrderLine, Receipt
from modules.procurement.states import PurchaseState
from modules.sales.models import Allocation, Backorder, Order, OrderLine, Pack, PackLine
from modules.sales.states import AllocationSource, BackorderKind, BackorderState, OrderState
from tests.support.inventory_lots import make_location
from tests.support.numbering import next_number
from tests.support.procurement import make_supplier
from tests.support.sales import make_customer

# SQLite tells that it is at work each time that it has carried out so many of its own instructions.
_STEPS = 20

# Autovacuum at some moment decides what PostgreSQL reads of a table: it comes to none of them.
_WITHOUT_AUTOVACUUM = """
    DO $$
    DECLARE name text;
    BEGIN
        FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
            EXECUTE format('ALTER TABLE %I SET (autovacuum_enabled = false)', name);
        END LOOP;
    END $$
"""


def write_past(session: Session, products: Sequence[Product], number: int) -> None:
    """Write orders of one unit in turns of the products: bought, allocated while they came, received and packed."""
    if is_postgresql(session):
        session.execute(text(_WITHOUT_AUTOVACUUM))
        session.commit()
    product_ids = [products[each % len(products)].id for each in range(number)]
    run_once(RunKind.command, "past", "anna", partial(_write, product_ids=product_ids))
    if is_postgresql(session):  # as autovacuum does within a minute
        session.execute(text("ANALYZE"))
        session.commit()


def _write(session: Session, product_ids: Sequence[int]) -> None:
    then, day, one, numbers = datetime(2024, 1, 1, tzinfo=UTC), date(2024, 1, 1), Decimal(1), range(len(product_ids))
    number = next_number("past")
    customer_id, supplier_id = make_customer(session).id, make_supplier(session).id
    location = make_location(session)
    done = {"run_id": current_run(session).id(session), "user_name": "anna", "created_at": then}

    def write(model: Any, *columns: Sequence[Any], **same: Any) -> list[int]:
        names = same.pop("names")
        return insert_rows(
            session, model, [{**dict(zip(names, row, strict=True)), **same} for row in zip(*columns, strict=True)]
        )

    orders = write(
        *(Order, [f"PAST{number}-{each}" for each in numbers]),
        names=["number"],
        customer_id=customer_id,
        ordered_at=then,
        state=OrderState.done,
    )
    same = {"position": 1, "quantity": one}
    lines = write(
        OrderLine, orders, product_ids, names=["order_id", "product_id"], packed=one, promise_date=day, **same
    )
    purchases = write(
        *(PurchaseOrder, [f"BOUGHT{number}-{each}" for each in numbers]),
        names=["number"],
        supplier_id=supplier_id,
        ordered_on=day,
        state=PurchaseState.received,
    )
    bought = write(PurchaseOrderLine, purchases, product_ids, names=["order_id", "product_id"], received=one, **same)
    lots = write(
        Lot,
        product_ids,
        [f"PASTLOT{number}-{each}" for each in numbers],
        names=["product_id", "number"],
        received_on=day,
        expires_on=day,
    )
    balances = write(Balance, lots, product_ids, names=["lot_id", "product_id"], location_id=location.id)
    allocations = write(
        *(Allocation, lines, balances),
        names=["line_id", "balance_id"],
        quantity=one,
        packed=one,
        source=AllocationSource.receipt,
        **done,
    )
    write(
        *(PurchaseAllocation, lines, bought),
        names=["line_id", "purchase_line_id"],
        quantity=one,
        received=one,
        source=AllocationSource.automatic,
        ended_at=then,
        **done,
    )
    write(
        *(Backorder, lines),
        names=["line_id"],
        kind=BackorderKind.backorder,
        state=BackorderState.allocated,
        counts_from=day,
        closed_at=then,
        quantity=one,
        allocated_quantity=one,
        created_at=then,
    )
    signed = {"user_name": "anna"}
    write(Receipt, bought, balances, names=["line_id", "balance_id"], quantity=one, received_at=then, **signed)
    packs = write(
        *(Pack, [f"PASTPACK{number}-{each}" for each in numbers], orders),
        names=["number", "order_id"],
        warehouse_id=location.warehouse_id,
        packed_at=then,
        **signed,
    )
    write(
        *(PackLine, packs, lines, balances, allocations),
        names=["pack_id", "line_id", "balance_id", "allocation_id"],
        quantity=one,
    )
    write(
        *(StockMove, product_ids, lots, [f"PASTPACK{number}-{each}" for each in numbers]),
        names=["product_id", "lot_id", "document"],
        at=then,
        location_id=location.id,
        quantity=-one,
        kind=MoveKind.pack,
        reason="",
        **signed,
    )


@contextmanager
def work_of_the_database() -> Iterator[Counter[str]]:
    """Give what the database does for what is done inside: the rows that PostgreSQL reads, or the steps of SQLite."""
    work: Counter[str] = Counter()
    listening = {
        "before_cursor_execute": lambda connection, *_: _count_steps(connection, work),
        "commit": _report_rows,
        "rollback": _report_rows,
    }
    for name, listener in listening.items():
        event.listen(db.engine, name, listener)
    _report_what_was_read()
    before = _rows_read()
    try:
        yield work
        _report_what_was_read()
        work["done"] += _rows_read() - before
    finally:
        for name, listener in listening.items():
            event.remove(db.engine, name, listener)


def _count_steps(connection: Any, work: Counter[str]) -> None:
    if connection.dialect.name == "sqlite":
        connection.connection.driver_connection.set_progress_handler(lambda: work.update(done=_STEPS), _STEPS)


def _report_what_was_read() -> None:
    """Let the connections that wait in the pool publish what was read before: else it counts for what comes next."""
    with ExitStack() as opened:
        for _ in range(db.engine.pool.checkedin()):  # type: ignore[attr-defined]
            opened.enter_context(db.engine.connect()).execute(text("SELECT 1"))


def _report_rows(connection: Any) -> None:
    """Let PostgreSQL publish at the end of this transaction what it read, and not some time later."""
    if connection.dialect.name == "postgresql":
        connection.connection.driver_connection.execute("SELECT pg_stat_force_next_flush()")


def _rows_read() -> int:
    if db.engine.dialect.name == "sqlite":
        return 0
    read = "SELECT coalesce(sum(seq_tup_read + coalesce(idx_tup_fetch, 0)), 0) FROM pg_stat_user_tables"
    with db.engine.connect() as connection:
        connection.execute(text("SELECT pg_stat_clear_snapshot()"))
        return int(connection.scalar(text(read)) or 0)
