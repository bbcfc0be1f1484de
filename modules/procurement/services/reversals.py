"""Reverse Receipt: goods that were received go back, and what they had been turned into waits for them again."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

from sqlalchemy.orm import Session

from erp import history
from erp.errors import NotFound
from erp.events import current_run, publish
from erp.numbers import format_quantity
from erp.text import say
from modules.inventory_lots import services as inventory
from modules.inventory_lots.domain import check_quantity
from modules.inventory_lots.errors import NotOnHand
from modules.inventory_lots.hooks import BalanceAllocation
from modules.procurement import queries
from modules.procurement.domain import Loss
from modules.procurement.errors import NothingToReverse, ReasonMissing, ReversedTooMuch
from modules.procurement.events import Freed, ReceiptReversed
from modules.procurement.hooks import ReceiptFall, allocations_of_lines, receipt_will_fall
from modules.procurement.models import PurchaseOrderLine, Receipt, ReceiptReversal
from modules.procurement.services.locking import count_up_versions, lock_lines_and_orders
from modules.procurement.services.states import announce_supply, update_states
from modules.procurement.states import PURCHASE_ORDER


def reverse_receipt(session: Session, receipt_id: int, quantity: Decimal | None = None, *, why: str) -> list[Loss]:
    """Lock the line of a receipt and take goods of it back, by default all that were not taken back yet.

    Unallocated stock goes first, then what this receipt turned into allocations, then other allocations of the
    balance, each latest in the queue first. Returns which sales orders lost how much. Raises NotFound, ReasonMissing,
    NothingToReverse, ReversedTooMuch and NotOnHand.
    """
    receipt = _locked(session, receipt_id)
    line, product_id = receipt.line, receipt.line.product_id
    quantity = receipt.reversible if quantity is None else quantity
    _check(receipt, quantity, why)
    before = _holders(session, receipt), _waiting(session, line)
    with history.because(session, why.strip()):
        freed = _free(session, receipt, quantity)
        inventory.take_back(session, receipt.balance_id, quantity, document=line.order.name, reason=why.strip())
        _write(session, receipt, quantity, why.strip())
        update_states(session, [line.order_id])
        publish(session, ReceiptReversed(receipt_id, line.id, freed))
        announce_supply(session, [product_id])
    return _losses(*before, _holders(session, receipt), _waiting(session, line))


def _locked(session: Session, receipt_id: int) -> Receipt:
    receipt = session.get(Receipt, receipt_id)
    if receipt is None:
        raise NotFound("receipt", receipt_id)
    lock_lines_and_orders(session, [receipt.line_id])
    session.refresh(receipt)
    session.refresh(receipt.balance)
    return receipt


def _check(receipt: Receipt, quantity: Decimal, why: str) -> None:
    if not why.strip():
        raise ReasonMissing(action=say("reverse a receipt"))
    if not receipt.reversible:
        raise NothingToReverse(receipt=str(receipt))
    PURCHASE_ORDER.next(receipt.line.order.state, "reverse_receipt")
    check_quantity(quantity, receipt.line.product.unit_decimals, what=str(receipt))
    if quantity > receipt.reversible:
        raise ReversedTooMuch(receipt=str(receipt), quantity=quantity, reversible=receipt.reversible)
    if quantity > receipt.balance.on_hand:
        raise NotOnHand(what=str(receipt.balance), quantity=quantity, on_hand=receipt.balance.on_hand)


def _free(session: Session, receipt: Receipt, quantity: Decimal) -> tuple[Freed, ...]:
    """Free what the receipt turned into allocations, before its goods leave."""
    answers = receipt_will_fall(session, ReceiptFall(receipt.id, receipt.balance_id, quantity))
    return tuple(freed for answer in answers for freed in answer)


def _write(session: Session, receipt: Receipt, quantity: Decimal, why: str) -> None:
    line, balance = receipt.line, receipt.balance
    goods = say(
        "{quantity} of {lot} at {location}",
        quantity=format_quantity(quantity),
        lot=balance.lot,
        location=balance.location,
    )
    history.record(session, line.history_subject(), "reversed", field="receipt", old=goods)
    count_up_versions(session, [line])
    receipt.reversed += quantity
    line.received -= quantity
    user_name = current_run(session).user_name
    session.add(ReceiptReversal(receipt_id=receipt.id, quantity=quantity, reason=why, user_name=user_name))
    session.flush()


def _holders(session: Session, receipt: Receipt) -> dict[str, BalanceAllocation]:
    """Return how much of the receipt's balance each order has, by its number."""
    holders: dict[str, BalanceAllocation] = {}
    for each in queries.holders(session, receipt.balance_id):
        before = holders[each.document].quantity if each.document in holders else Decimal(0)
        holders[each.document] = BalanceAllocation(
            each.balance_id, each.document, before + each.quantity, each.url, each.customer
        )
    return holders


def _waiting(session: Session, line: PurchaseOrderLine) -> Counter[str]:
    """Return how much of a purchase order line each order has, by its number."""
    waiting: Counter[str] = Counter()
    for each in (each for answer in allocations_of_lines(session, [line.id]) for each in answer):
        waiting[each.document] += each.quantity  # type: ignore[assignment]
    return waiting


def _losses(
    held: dict[str, BalanceAllocation],
    waited: Counter[str],
    holders: dict[str, BalanceAllocation],
    waiting: Counter[str],
) -> list[Loss]:
    losses = []
    for order, before in held.items():
        lost = before.quantity - (holders[order].quantity if order in holders else Decimal(0))
        waits = min(lost, Decimal(waiting[order] - waited[order]))
        losses.append(Loss(order, before.customer, before.url, lost, max(Decimal(0), waits)))
    return [loss for loss in losses if loss.quantity > 0]
