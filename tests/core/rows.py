"""Makes a row for each screen."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from sqlalchemy import select

from erp import clock, history
from erp.models import JobRun, JobRunState, Role, RunEntry, RunKind, User
from modules.api.models import Delivery, Token, Webhook
from modules.api.services import add_token
from modules.inventory_lots.models import Location, Warehouse
from modules.preorder.models import Conversion, PurchaseAllocation
from modules.procurement.models import Receipt
from modules.sales.hooks import WantedQuantity
from modules.sales.models import Allocation, Pack, PackLine
from modules.sales.services import make_quote as make_quote_of
from modules.sales.states import AllocationSource
from tests.support import backorder_email, inventory_lots, preorder, procurement, returns, sales


def make_stock(session):
    inventory_lots.make_stock(session, inventory_lots.make_product(session), 5)


def make_warehouse(session):
    session.add(Warehouse(code=f"W{session.query(Warehouse).count()}"))


def make_location(session):
    inventory_lots.make_location(session, f"WH/L{session.query(Location).count()}")


def make_purchase_order(session):
    product = inventory_lots.make_product(session)
    return procurement.make_purchase_order(session, [(product, 2)])


def make_receipt(session):
    line = make_purchase_order(session).lines[0]
    balance = inventory_lots.make_stock(session, line.product, 1)
    session.add(Receipt(line=line, balance=balance, quantity=Decimal(1)))


def make_draft(session):
    return sales.make_draft(session, [(inventory_lots.make_product(session), 2)])


def make_waiting_order(session):
    order = sales.make_order(session, [(inventory_lots.make_product(session), 2)])
    order.lines[0].promise_date = date(2026, 11, 1)


def make_pack(session):
    order, number = make_draft(session), f"K{session.query(Pack).count()}"
    balance = inventory_lots.make_stock(session, order.lines[0].product, 2)
    pack = Pack(number=number, order=order, warehouse=balance.location.warehouse)
    pack.lines.append(PackLine(line=order.lines[0], balance=balance, quantity=Decimal(2)))
    session.add(pack)


def make_planned_change(session):
    preorder.make_on_hand_change(session, inventory_lots.make_product(session), date(2026, 12, 1), 5)


def make_entry(session):
    history.record(session, history.Subject("erp.test", None, "A"), "made")


def make_role(session):
    session.add(Role(name=f"Role {session.query(Role).count()}"))


def make_user(session):
    session.add(User(username=f"user{session.query(User).count()}", password_hash="!"))


def make_token(session):
    """Make a token of the user who signed in last: others do not see it."""
    owner = select(User).where(User.username.not_like("user%")).order_by(User.id.desc()).limit(1)
    add_token(session, session.scalars(owner).one(), f"token {session.query(Token).count()}")


def make_ready_order(session):
    product = inventory_lots.make_product(session)
    order = sales.make_order(session, [(product, 2)])
    balance = inventory_lots.make_stock(session, product, 2)
    allocate(session, order.lines[0], balance)


def allocate(session, line, balance):
    """Return an allocation of 2 of a balance to a line, written as a run would."""
    run = RunEntry(kind=RunKind.command, name="test")
    allocation = Allocation(line=line, balance=balance, quantity=Decimal(2), source=AllocationSource.automatic)
    session.add(run)
    session.flush()
    allocation.run_id = run.id
    line.allocated = balance.allocated = Decimal(2)
    session.add(allocation)
    session.flush()
    return allocation


def make_held_order(session):
    sales.make_order(session, [(inventory_lots.make_product(session), 2)]).lines[0].hold_allocation = True


def make_order_with_supply(session):
    product = inventory_lots.make_product(session)
    sales.make_order(session, [(product, 2)])
    procurement.make_purchase_order(session, [(product, 2)])


def make_arrival(session):
    line = make_purchase_order(session).lines[0]
    order = sales.make_order(session, [(line.product, 2)])
    balance = inventory_lots.make_stock(session, line.product, 2)
    allocation = allocate(session, order.lines[0], balance)
    receipt = Receipt(line=line, balance=balance, quantity=Decimal(2))
    ended = PurchaseAllocation(
        line=order.lines[0],
        purchase_line=line,
        quantity=Decimal(2),
        received=Decimal(2),
        source=AllocationSource.manual,
        run_id=allocation.run_id,
        ended_at=clock.now(),
    )
    session.add_all([receipt, ended])
    session.flush()
    made = {"purchase_allocation": ended, "allocation": allocation, "quantity": Decimal(2)}
    session.add(Conversion(receipt_id=receipt.id, **made))


def make_quote(session):
    product = inventory_lots.make_product(session)
    inventory_lots.make_stock(session, product, 2)
    session.commit()
    make_quote_of(session, [WantedQuantity(product.id, Decimal(1))])


def make_webhook(session):
    number = session.query(Webhook).count()
    webhook = Webhook(name=f"Shop {number}", url="https://shop.example/", secret="s", events="order-confirmed")
    session.add(webhook)
    session.flush()
    return webhook


def make_delivery(session):
    session.add(Delivery(webhook=make_webhook(session), event="order-confirmed", body="{}", state="failed"))


def make_failed_job(session):
    job = f"job-{session.query(JobRun).count()}"
    session.add(JobRun(job=job, state=JobRunState.failed, worker="w", finished_at=clock.now(), error="No."))


MAKERS = {
    "api.delivery": make_delivery,
    "api.token": make_token,
    "api.webhook": make_webhook,
    "inventory_lots.product": inventory_lots.make_product,
    "sales.quote": make_quote,
    "inventory_lots.balance": make_stock,
    "inventory_lots.lot": make_stock,
    "inventory_lots.location": make_location,
    "inventory_lots.warehouse": make_warehouse,
    "inventory_lots.move": make_stock,
    "procurement.purchase_order": make_purchase_order,
    "procurement.incoming": make_purchase_order,
    "procurement.receipt": make_receipt,
    "procurement.supplier": procurement.make_supplier,
    "procurement.purchase_line_status": procurement.make_status,
    "sales.order": make_draft,
    "sales.customer": sales.make_customer,
    "sales.backorder": make_waiting_order,
    "sales.pack": make_pack,
    "sales.ready": make_ready_order,
    "returns.return": returns.make_return,
    "sales.held": make_held_order,
    "preorder.waiting": make_order_with_supply,
    "preorder.late_or_unpromised": make_waiting_order,
    "preorder.arrived": make_arrival,
    "erp.failed_job": make_failed_job,
    "preorder.demand": preorder.make_preorder_product,
    "preorder.atp": inventory_lots.make_product,
    "preorder.late": make_waiting_order,
    "preorder.unallocated": make_waiting_order,
    "preorder.on_hand_change": make_planned_change,
    "backorder_email.message": backorder_email.make_message,
    "backorder_email.template": backorder_email.make_template,
    "erp.history": make_entry,
    "erp.role": make_role,
    "erp.user": make_user,
}


def make_rows(session, view_name, count):
    for _ in range(count):
        MAKERS[view_name](session)
        session.flush()
    session.commit()
