"""Applying what-ifs: what was asked about a purchase order line becomes true, exactly as it was shown."""

from __future__ import annotations

from sqlalchemy.orm import Session

from modules.preorder import queries
from modules.preorder.errors import WhatIfChanged
from modules.preorder.queries import Answer, Question
from modules.preorder.services.promise_dates import expectations, sync_moved
from modules.preorder.services.rebalancing import rebalance_products
from modules.procurement.services import close_part, lock_lines, set_expected_dates


def apply_what_if(session: Session, question: Question, *, fingerprint: str, rebalance: bool = False) -> Answer:
    """Lock the product and do what was shown: a later date, or a quantity that is closed short.

    With `rebalance` the product is rebalanced then. Raises WhatIfChanged where something else would happen now, and
    changes nothing then.
    """
    (line,) = lock_lines(session, [question.purchase_line_id])
    answer = queries.what_if(session, question)
    if answer.fingerprint != fingerprint:
        raise WhatIfChanged
    before = expectations(session, {change.line_id for change in (*answer.changes, *answer.rebalanced)})
    product_id = line.product_id
    if question.days:
        set_expected_dates(session, {line.id: answer.expected_on})
    if question.short:
        close_part(session, line.id, question.short)
    if rebalance:
        rebalance_products(session, [product_id])
    sync_moved(session, before, why="what-if applied")
    return answer
