"""Returns from draft to received, and their cancellation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from sqlalchemy.orm import Session

from erp import clock
from erp.db import insert_rows
from erp.errors import StaleRecord
from erp.events import current_run
from erp.history import Change, Subject, record_all
from erp.sequence import next_numbers
from modules.inventory_lots.domain import check_quantity, join_path
from modules.inventory_lots.models import Location
from modules.inventory_lots.services import Movement, find_or_make_location, lock_products, move
from modules.inventory_lots.states import LocationKind, MoveKind
from modules.returns import queries
from modules.returns.domain import ANNOUNCE_RECEIVED, RETURNS, NewReturn, Packed, check_return
from modules.returns.errors import MoreThanExpected, MoreThanPacked, NotForInspection, NothingReturned, NumberTaken
from modules.returns.models import Return, ReturnLine
from modules.returns.services.announcements import announce
from modules.returns.states import RETURN, ReturnState


def create_returns(session: Session, new_returns: Sequence[NewReturn]) -> list[int]:
    """Make drafts of returns, in a fixed number of statements; locks the products. Returns their ids.

    Raises ReasonNeeded, NothingReturned, OrdersDiffer, MoreThanPacked, NumberTaken and BadQuantity.
    """
    wanted = [goods for new in new_returns for goods in new.goods]
    ids = {goods.pack_line_id for goods in wanted}
    locked = queries.product_ids(session, ids)
    lock_products(session, locked)
    packed = queries.packed_lines(session, ids)
    _check(new_returns, packed)
    numbers = _numbers(session, new_returns)
    user_name = current_run(session).user_name
    rows = [
        {
            "number": number,
            "order_id": packed[new.goods[0].pack_line_id].order_id,
            "reason": new.reason.strip(),
            "cause": new.cause,
            "user_name": user_name,
        }
        for number, new in zip(numbers, new_returns, strict=True)
    ]
    return_ids = insert_rows(session, Return, rows)
    lines = [
        {
            "return_id": return_id,
            "position": position,
            "pack_line_id": goods.pack_line_id,
            "quantity": goods.quantity,
        }
        for return_id, new in zip(return_ids, new_returns, strict=True)
        for position, goods in enumerate(new.goods, start=1)
    ]
    insert_rows(session, ReturnLine, lines)
    subjects = [Subject("returns.return", id_, number) for id_, number in zip(return_ids, numbers, strict=True)]
    record_all(session, [Change(subject, "created", "state", new=ReturnState.draft) for subject in subjects])
    return return_ids


def _check(new_returns: Sequence[NewReturn], packed: Mapping[int, Packed]) -> None:
    """Raise what is wrong with returns, each by itself and all of one pack line together."""
    left = {id_: line.left for id_, line in packed.items()}
    for new in new_returns:
        if any(goods.pack_line_id not in packed for goods in new.goods):
            raise StaleRecord
        check_return(new, [packed[goods.pack_line_id] for goods in new.goods])
        for goods in new.goods:
            line = packed[goods.pack_line_id]
            check_quantity(goods.quantity, line.decimals, what=line.what)
            if goods.quantity > left[line.pack_line_id]:
                raise MoreThanPacked(what=line.what, quantity=goods.quantity, left=left[line.pack_line_id])
            left[line.pack_line_id] -= goods.quantity


def _numbers(session: Session, new_returns: Sequence[NewReturn]) -> list[str]:
    for number in queries.numbers_in_use(session, [new.number for new in new_returns if new.number]):
        raise NumberTaken(number=number)
    missing = sum(1 for new in new_returns if not new.number)
    made = iter(next_numbers(session, "returns.return", "RT", Return.number, count=missing) if missing else ())
    return [new.number or next(made) for new in new_returns]


def lock_return(session: Session, return_id: int) -> Return:
    """Lock the products of a return's goods, then the return; return it as it is now. Raises NotFound."""
    lock_products(session, queries.products_of(session, return_id))
    return queries.fresh_return(session, return_id)


def receive(
    session: Session, return_id: int, quantities: Mapping[int, Decimal], *, location_id: int | None = None
) -> Return:
    """Bring what came of a return into stock, by line id, at a quarantine location, where it waits for inspection.

    Without a location it is RETURNS of the warehouse that the first goods left; that is made where it is missing. What
    did not come is not expected any more. Raises InvalidTransition, NothingReturned, MoreThanExpected, NotForInspection
    and SerialInStock.
    """
    document = lock_return(session, return_id)
    state = RETURN.next(document.state, "receive")
    came = [(line, quantities[line.id]) for line in document.lines if quantities.get(line.id)]
    if not came:
        raise NothingReturned
    for line, quantity in came:
        check_quantity(quantity, line.pack_line.line.product.unit_decimals, what=line.what)
        if quantity > line.quantity:
            raise MoreThanExpected(what=line.what, quantity=quantity, most=line.quantity)
    location = _location(session, document, location_id)
    movements = [_coming(line, quantity, location, document.number) for line, quantity in came]
    for line, quantity in came:
        line.received = quantity
    document.state, document.location, document.received_at = state, location, clock.now()
    session.flush()
    announce(session, ANNOUNCE_RECEIVED, document)
    # Those who hear of the moves may read everything again: nothing of the return is read after them.
    move(session, movements, MoveKind.customer_return, reason=document.reason)
    return document


def _coming(line: ReturnLine, quantity: Decimal, location: Location, number: str) -> Movement:
    balance = line.pack_line.balance
    return Movement(balance.product_id, balance.lot_id, location.id, quantity, number)


def _location(session: Session, document: Return, location_id: int | None) -> Location:
    if location_id is None:
        warehouse = document.lines[0].pack_line.pack.warehouse
        path = join_path(warehouse.code, RETURNS)
        location, _ = find_or_make_location(session, path, kind=LocationKind.quarantine)
    else:
        location = session.get_one(Location, location_id)
    if location.kind is not LocationKind.quarantine:
        raise NotForInspection(location=location.path)
    return location


def cancel_return(session: Session, return_id: int) -> Return:
    """Cancel a draft, so that its goods are not expected any more. Raises InvalidTransition."""
    document = lock_return(session, return_id)
    document.state = RETURN.next(document.state, "cancel")
    session.flush()
    return document
