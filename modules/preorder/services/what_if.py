"""Applying what-ifs: what was asked becomes true, exactly as it was shown."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal

from sqlalchemy.orm import Session

from erp.db import from_raw, is_one_of
from erp.numbers import sums
from erp.text import say
from modules.inventory_lots.domain import give_back
from modules.inventory_lots.services import Count, adjust, lock_products
from modules.preorder import queries
from modules.preorder.coverage import Coverage
from modules.preorder.errors import RushNotDraft, WhatIfChanged
from modules.preorder.queries import Answer, CountQuestion, Question, RushQuestion, SupplyQuestion
from modules.preorder.services.manual_allocations import allocate_by_hand
from modules.preorder.services.promise_dates import expectations, sync_moved
from modules.preorder.services.rebalancing import rebalance_products
from modules.preorder.services.releases import Part, release_purchase_allocations
from modules.preorder.trial import Remedy, RemedyKind, Served
from modules.procurement.models import PurchaseOrderLine
from modules.procurement.services import close_part, set_expected_dates
from modules.sales.models import Order, OrderLine
from modules.sales.services import Grant, allocate_products, confirm, serve_from_stock, take_from
from modules.sales.states import OrderState

WHY = say("what-if applied")


def apply_what_if(
    session: Session,
    question: Question,
    *,
    fingerprint: str,
    ticked: Collection[Remedy] = frozenset(),
    rebalance: bool = False,
) -> Answer:
    """Lock the products and do what was shown, with the remedies that were `ticked`; then `rebalance` the products.

    A later date is written, a quantity closed short, a count adjusted with release, a draft confirmed and its products
    run. Raises WhatIfChanged where something else would happen now, and the caller rolls back; RushNotDraft where the
    order is not a draft.
    """
    product_ids = question.product_ids(session)
    lock_products(session, product_ids)
    answer = queries.what_if(session, question, ticked)
    if answer.fingerprint != fingerprint:
        raise WhatIfChanged
    before = expectations(session, {change.line_id for change in (*answer.changes, *answer.rebalanced)})
    own = _happen(session, question, product_ids)
    for line_id, amounts in answer.taken.items():
        take_from(session, own[line_id], amounts)
    _serve(session, answer.served)
    if rebalance:
        rebalance_products(session, product_ids)
    sync_moved(session, before, why=WHY)
    _check(session, answer.rebalanced_to if rebalance else answer.after, own)
    return answer


def _happen(session: Session, question: Question, product_ids: Sequence[int]) -> dict[int, int]:
    """Do what was asked; return the ids of a rush order's lines by those that they have in the answer."""
    if isinstance(question, SupplyQuestion):
        line = session.get_one(PurchaseOrderLine, question.purchase_line_id)
        if question.days:
            set_expected_dates(session, {line.id: queries.later_day(line, question.days)})
        if question.short:
            close_part(session, line.id, question.short)
        return {}
    if isinstance(question, CountQuestion):
        balance = question.balance(session)
        count = Count(balance.product_id, balance.location_id, question.quantity, lot_number=balance.lot.number)
        adjust(session, count, reason=WHY, release=True)
        return {}
    return _confirm(session, question, product_ids)


def _confirm(session: Session, question: RushQuestion, product_ids: Sequence[int]) -> dict[int, int]:
    """Confirm a rush order and run its products, whatever the option says of runs at confirmation."""
    found = session.get(Order, question.order_id) if question.order_id else None
    if found is None or found.state != OrderState.draft:
        raise RushNotDraft
    order = confirm(session, found.id)
    allocate_products(session, product_ids)
    return {-place: line.id for place, line in enumerate(order.lines, start=1)}


def _serve(session: Session, served: Sequence[Served]) -> None:
    """Serve lines from what was ticked: they give back what comes too late, and get stock and purchase order lines."""
    given = sums(((each.remedy.line_id, id_), part) for each in served for id_, part in each.given_back)
    release_purchase_allocations(session, _parts(session, given), action="released", why=WHY)
    of_kind = {kind: [each for each in served if each.remedy.kind is kind] for kind in RemedyKind}
    serve_from_stock(
        session, [Grant(each.remedy.line_id, *part) for each in of_kind[RemedyKind.stock] for part in each.parts]
    )
    amounts: dict[tuple[int, int], Decimal] = sums(
        ((each.remedy.line_id, id_), from_raw(part))
        for each in of_kind[RemedyKind.purchase]
        for id_, part in each.parts
    )
    if amounts:
        allocate_by_hand(session, amounts)


def _parts(session: Session, given: Mapping[tuple[int, int], int]) -> list[Part]:
    """Return what purchase allocations give back of pairs: those made automatically first."""
    rows: dict[tuple[int, int], list[tuple[int, int]]] = {pair: [] for pair in given}
    for row in queries.in_shrinking_order(session, {line_id for line_id, _ in given}) if given else ():
        if (row.line_id, row.purchase_line_id) in rows:
            rows[row.line_id, row.purchase_line_id].append((row.id, row.outstanding))
    return [Part(*part) for pair, quantity in given.items() for part in give_back(rows[pair], quantity)]


def _check(session: Session, shown: Mapping[int, Coverage], own: Mapping[int, int]) -> None:
    """Raise WhatIfChanged where a line is covered in another way than was shown: then nothing is applied."""
    session.flush()
    expected = {own.get(line_id, line_id): (each.expected, each.uncovered) for line_id, each in shown.items()}
    found = queries.line_coverage(session, is_one_of(session, OrderLine.id, expected))
    if expected != {line_id: (each.expected, each.uncovered) for line_id, each in found.items()}:
        raise WhatIfChanged
