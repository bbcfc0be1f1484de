"""What if: the page of a purchase order line that says what would happen if it came later, short or never."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import flash, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session
from typing_extensions import override

from erp.admin import FormPage
from erp.admin.access import only_read, screen_session
from erp.admin.declarations import ActionScreen
from erp.admin.fields import read_quantity
from erp.errors import BadNumber, ErpError
from erp.options import options
from erp.text import plural
from modules.preorder import queries, services
from modules.preorder.admin.promise_dates import news_of_dates
from modules.preorder.queries import Answer, Question
from modules.procurement.hooks import NewsPreview
from modules.procurement.models import PurchaseOrderLine

MOST_DAYS = 3650
MOST_SHOWN = 500


class WhatIf(FormPage):
    """Asks what happens to a line, shows whom it concerns, and applies exactly that."""

    name = "what-if"
    title = "What if"
    permission = "preorder.allocate"
    icon = "fa-question-circle-o"
    template = "preorder/what_if.html"
    needs_no_version = "The fingerprint of the answer says whether what was shown would still happen."

    @override
    def __call__(self, screen: ActionScreen, row: Any) -> ResponseReturnValue:
        values = request.form if request.method == "POST" else request.args
        try:
            question = _question(row, values)
            if question and request.method == "POST":
                return self._apply(screen, row, question)
            answer = queries.what_if(screen_session(), question) if question else None
        except ErpError as error:
            only_read()
            flash(str(error), "error")
            return self._page(screen, row, values, None), 409
        return self._page(screen, row, values, answer)

    def _apply(self, screen: ActionScreen, row: PurchaseOrderLine, question: Question) -> ResponseReturnValue:
        fingerprint, rebalance = request.form.get("fingerprint", ""), "rebalance" in request.form
        order_id, name = row.order_id, str(row)

        def work(session: Session) -> str:
            answer = services.apply_what_if(session, question, fingerprint=fingerprint, rebalance=rebalance)
            broken = plural(len(answer.broken), "promise is", "promises are")
            return f"{name} is changed as shown; {broken} broken."

        return screen.done(order_id, screen.do("WhatIf", work))

    def _page(
        self, screen: ActionScreen, row: PurchaseOrderLine, values: Mapping[str, str], answer: Answer | None
    ) -> str:
        return screen.render_page(
            self.template,
            page=self,
            row=row,
            what=values.get("what", "later"),
            amount=values.get("amount", ""),
            answer=answer,
            most=MOST_SHOWN,
            news=_news(screen_session(), answer) if answer else (),
            back=screen.get_url(".details_view", id=row.order_id),
        )


def _question(line: PurchaseOrderLine, values: Mapping[str, str]) -> Question | None:
    """Return what was asked, None where nothing was; raises BadNumber and what `shorten` raises."""
    what, amount = values.get("what", ""), values.get("amount", "").strip()
    if what == "never":
        return queries.shorten(line, None)
    if what == "short":
        try:
            return queries.shorten(line, read_quantity(amount))
        except ValueError as error:
            raise BadNumber(amount, f"is not a quantity: {error}") from None
    if what != "later":
        return None
    if not (amount.isdecimal() and len(amount) < 5 and 0 < int(amount) <= MOST_DAYS):
        raise BadNumber(amount, f"is not a number of days from 1 to {MOST_DAYS}")
    return Question(line.id, days=int(amount))


def _news(session: Session, answer: Answer) -> list[tuple[str, NewsPreview]]:
    """Return whom the promise dates would notify that follow automatically."""
    if options.preorder.sync_dates != "auto":
        return []
    before = {change.line_id: change.before for change in answer.changes}
    after = {change.line_id: change.after for change in answer.changes}
    return [("Promise dates follow", news_of_dates(session, queries.synced_dates(before, after)))]
