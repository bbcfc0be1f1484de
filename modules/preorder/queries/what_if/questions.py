"""What can be asked: supply that comes later or short, a count that finds less, an order that comes in a rush."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from sqlalchemy import and_
from sqlalchemy.orm import Session

from erp.db import to_raw
from erp.errors import NotFound
from erp.numbers import sums
from erp.text import say
from modules.inventory_lots.domain import check_quantity, give_back
from modules.inventory_lots.models import Balance
from modules.inventory_lots.states import Tracking
from modules.preorder.errors import NoArrivalDate, NothingLess, NothingToFall, SerialsCounted
from modules.preorder.queries.arrivals import arrivals_now
from modules.preorder.queries.coverage import usable_serials
from modules.preorder.queries.hints import (
    AskedLine,
    AskedOrder,
    open_lines_of,
    order_as_asked,
    refusals_of,
    served_lines,
)
from modules.preorder.queries.purchase_allocations import in_order_of_service
from modules.preorder.queries.what_if.reading import read_trial
from modules.preorder.trial import Trial
from modules.procurement.models import PurchaseOrderLine
from modules.sales.errors import LinesRefused, OrderWithoutLines
from modules.sales.models import Allocation, Order
from modules.sales.queries import held_because, held_stock, places_of, rules_of_runs
from modules.sales.states import ShippingPolicy


@dataclass(frozen=True)
class SupplyQuestion:
    """What happens if a purchase order line comes `days` later, or `short` of it never comes."""

    purchase_line_id: int
    days: int = 0
    short: Decimal = Decimal(0)

    def product_ids(self, session: Session) -> list[int]:
        """Return the ids of the products concerned."""
        return [session.get_one(PurchaseOrderLine, self.purchase_line_id).product_id]

    def begin(self, session: Session) -> Trial:
        """Return the product as it is now."""
        return read_trial(session, self.product_ids(session), supply_ids=[self.purchase_line_id])

    def happen(self, session: Session, trial: Trial) -> None:
        """Let it come later, or short: then what is released is offered to the queue. Raises NoArrivalDate."""
        line = session.get_one(PurchaseOrderLine, self.purchase_line_id)
        if self.days:
            trial.arrive(line.product_id, line.id, later_day(line, self.days), to_raw(line.unallocated))
        if self.short:
            trial.shorten(line.product_id, line.id, to_raw(self.short), self._lost(session, line))
            rules = rules_of_runs(session, serves_stock=False)
            if rules.allocates_incoming:
                trial.run(line.product_id, rules)

    def _lost(self, session: Session, line: PurchaseOrderLine) -> list[tuple[int, int]]:
        """Return what sales order lines lose, by id: the last in the queue first."""
        queue = in_order_of_service(session, [line.id])
        excess = sum(each.outstanding for each in queue) - to_raw(line.outstanding - self.short)
        lost = sums(give_back([(each.line_id, each.outstanding) for each in reversed(queue)], excess))
        return list(lost.items())


def shorten(line: PurchaseOrderLine, short: Decimal | None) -> SupplyQuestion:
    """Return the question what happens if `short` of a line never comes; None: all that is outstanding.

    Raises NothingToFall where nothing or less is outstanding, and BadQuantity.
    """
    quantity = line.outstanding if short is None else short
    check_quantity(quantity, line.product.unit_decimals, what=str(line))
    if not 0 < quantity <= line.outstanding:
        raise NothingToFall(line=str(line), outstanding=line.outstanding)
    return SupplyQuestion(line.id, short=quantity)


def later_day(line: PurchaseOrderLine, days: int) -> date:
    """Return when a line is expected if it comes so many days later than it counts now; raises NoArrivalDate."""
    counted = arrivals_now().arrival(line.expected_on) or line.expected_on
    if counted is None:
        raise NoArrivalDate(line=str(line))
    return counted + timedelta(days)


@dataclass(frozen=True)
class CountQuestion:
    """What happens if a count of a balance finds `quantity`, less than is on hand."""

    balance_id: int
    quantity: Decimal

    def product_ids(self, session: Session) -> list[int]:
        """Return the ids of the products concerned."""
        return [self.balance(session).product_id]

    def balance(self, session: Session) -> Balance:
        """Return the balance; raises NotFound."""
        found = session.get(Balance, self.balance_id)
        if found is None:
            raise NotFound("stock", self.balance_id)
        return found

    def begin(self, session: Session) -> Trial:
        """Return the product as it is now."""
        return read_trial(session, self.product_ids(session))

    def happen(self, session: Session, trial: Trial) -> None:
        """Let the last in the queue lose what is not there. Raises NothingLess, SerialsCounted and BadQuantity."""
        balance = self.balance(session)
        what = say(
            "{product} lot {lot} at {path}",
            product=balance.product.sku,
            lot=balance.lot.number,
            path=balance.location.path,
        )
        if balance.product.tracking is Tracking.serial:
            raise SerialsCounted(sku=balance.product.sku)
        if self.quantity:
            check_quantity(self.quantity, balance.product.unit_decimals, what=what)
        if not 0 <= self.quantity < balance.on_hand:
            raise NothingLess(what=what, on_hand=balance.on_hand)
        held = held_stock(session, and_(Allocation.balance_id == balance.id))
        counted, allocated, quoted = map(to_raw, (self.quantity, balance.allocated, balance.held))
        lost = give_back([(each.line_id, each.quantity) for each in reversed(held)], allocated - counted)
        left = max(0, counted - allocated - quoted)
        trial.lose_stock(balance.product_id, balance.id, left, sums(lost).items())


@dataclass(frozen=True)
class RushQuestion:
    """What happens if an order comes now and its products are run; `order_id` is that of a draft, where it is one."""

    asked: AskedOrder
    order_id: int | None = None

    def product_ids(self, session: Session) -> list[int]:
        """Return the ids of the products concerned."""
        return sorted({line.product_id for line in self.asked.lines})

    def begin(self, session: Session) -> Trial:
        """Return the products as they are, with the order's lines in their places: the first has id -1, and so on.

        Raises OrderWithoutLines, and LinesRefused with every reason why it could not be confirmed.
        """
        order = order_as_asked(session, self.asked)
        if not order.lines:
            raise OrderWithoutLines(order=say("The order"))
        refusals = refusals_of(session, order.lines)
        if refusals:
            reasons = [
                say("Line {line}: {refusals}", line=line.position, refusals=refusals[line.id])
                for line in order.lines
                if line.id in refusals
            ]
            raise LinesRefused(order=say("The order"), reasons=reasons)
        stored = self._stored(session)
        reasons_to_hold = held_because(session, list(stored.values()))
        held = {line_id for line_id, id_ in stored.items() if id_ in reasons_to_hold}
        served = [line for line in served_lines(order.lines) if line.id not in held]
        trial = read_trial(session, self.product_ids(session), served, stored=stored)
        trial.places = places_of(session, order.lines, stored=stored)
        serial = {line.product_id for line in order.lines if line.product.tracking is Tracking.serial}
        trial.serials = {**trial.serials, **usable_serials(session, serial)}
        for line in open_lines_of(session, order.lines, ships_complete=self.asked.ships_complete):
            trial.lines[line.line_id] = line
            trial.chosen.add(line.line_id)
        return trial

    def _stored(self, session: Session) -> dict[int, int]:
        """Return the lines of the draft for which the lines of the question stand, by the ids of these."""
        draft = session.get(Order, self.order_id) if self.order_id is not None else None
        return {-place: line.id for place, line in enumerate(draft.lines, start=1)} if draft else {}

    def happen(self, session: Session, trial: Trial) -> None:
        """Run the products."""
        rules = rules_of_runs(session)
        for product_id in list(trial.snapshots):
            trial.run(product_id, rules)


def rush_of(order: Order) -> RushQuestion:
    """Return the question what happens if a draft is confirmed now and its products are run."""
    lines = [AskedLine(line.product_id, line.quantity, line.requested_on) for line in order.lines]
    is_complete = order.shipping_policy is ShippingPolicy.complete
    return RushQuestion(AskedOrder(lines, order.ordered_at, order.priority, is_complete), order.id)


Question = SupplyQuestion | CountQuestion | RushQuestion
