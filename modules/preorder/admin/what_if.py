"""What if: the pages that ask what may happen, show whom it concerns and what else could serve them, and apply it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from flask import abort, flash, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session
from typing_extensions import override

from erp.admin import FormPage
from erp.admin.access import may, only_read, screen_session
from erp.admin.declarations import ActionScreen
from erp.admin.fields import read_quantity
from erp.db import format_quantity, one_moment
from erp.errors import BadNumber, ErpError
from erp.options import options
from erp.text import plural, say
from modules.inventory_lots.models import Balance, Product
from modules.inventory_lots.queries import stock_on_hand
from modules.preorder import queries, services
from modules.preorder.admin.promise_dates import news_of_allocations, news_of_dates
from modules.preorder.errors import WhatIfChanged, WrongSubject
from modules.preorder.queries import Answer, CountQuestion, Question, RushQuestion, SupplyQuestion, read_remedies
from modules.preorder.trial import Remedy, RemedyKind
from modules.procurement.hooks import NewsPreview
from modules.procurement.models import PurchaseOrderLine
from modules.sales.models import Order
from modules.sales.services import lock_order
from modules.sales.states import OrderState

MOST_DAYS = 3650
MOST_SHOWN = 500
RIGHTS_OF_REMEDIES = {
    RemedyKind.purchase: "preorder.allocate",
    RemedyKind.stock: "sales.allocate",
    RemedyKind.take: "sales.allocate",
}
LATER_SHORT_NEVER = (
    ("later", "It arrives so many days later"),
    ("short", "So much of it never arrives"),
    ("never", "Nothing more of it arrives"),
)


class WhatIf(FormPage):
    """Asks what happens to a line, shows whom it concerns, and applies exactly that."""

    name = "what-if"
    title = "What if"
    permission = "preorder.allocate"
    icon = "fa-question-circle-o"
    template = "preorder/what_if.html"
    needs_no_version = "The fingerprint of the answer says whether what was shown would still happen."
    kinds: Sequence[tuple[str, str]] = LATER_SHORT_NEVER
    outcome = say("changed as shown")

    def question(self, session: Session, row: Any, values: Mapping[str, str]) -> Question | None:
        """Return what was asked, None where nothing was; raises what cannot be asked."""
        return about_supply(row, values)

    def subjects(self, session: Session, row: Any) -> list[tuple[str, str]]:
        """Return what can be asked about, where it is not the row alone: value and label."""
        return []

    @override
    def __call__(self, screen: ActionScreen, row: Any) -> ResponseReturnValue:
        values: Any = request.form if request.method == "POST" else request.args
        ticked = read_remedies(values.getlist("tick"))
        try:
            if request.method == "POST" and "show" not in values and set(values.getlist("tick")) == _shown(values):
                return self._apply(screen, row, values, ticked)
            if request.method == "POST":
                only_read()
                if "show" not in values:
                    flash("What you ticked changes the answer. Check it, then apply it.", "info")
            return self._page(screen, row, values, self._answer(row, values, ticked))
        except ErpError as error:
            only_read()
            flash(str(error), "error")
            answer = self._answer(row, values, ticked) if isinstance(error, WhatIfChanged) else None
            return self._page(screen, row, values, answer), 409

    def _answer(self, row: Any, values: Mapping[str, str], ticked: Collection[Remedy]) -> Answer | None:
        session = screen_session()
        question = self.question(session, row, values)
        return ask(session, question, ticked) if question else None

    def _apply(
        self, screen: ActionScreen, row: Any, values: Mapping[str, str], ticked: Collection[Remedy]
    ) -> ResponseReturnValue:
        fingerprint, rebalance = values.get("fingerprint", ""), "rebalance" in values
        document_id, name = self.document_id(row), str(row)

        def work(session: Session) -> str:
            self.lock(session, row)
            question = self.question(session, row, values)
            if question is None:
                raise WhatIfChanged
            if not all(may(right) for right in rights(question, ticked, rebalance=rebalance)):
                abort(403)
            answer = services.apply_what_if(
                session, question, fingerprint=fingerprint, ticked=ticked, rebalance=rebalance
            )
            broken = plural(len(answer.broken), "promise is", "promises are")
            return say(
                "{session} is {outcome}; {broken} broken.",
                session=self.named(session, row) or name,
                outcome=self.outcome,
                broken=broken,
            )

        return screen.done(document_id, screen.do("WhatIf", work))

    def named(self, session: Session, row: Any) -> str:
        """Return the name of what was changed, where it got another one."""
        return ""

    def lock(self, session: Session, row: Any) -> None:
        """Lock what the question is read from, where that is more than the products concerned."""

    def _page(self, screen: ActionScreen, row: Any, values: Mapping[str, str], answer: Answer | None) -> str:
        session = screen_session()
        return screen.render_page(
            self.template,
            page=self,
            row=row,
            subjects=self.subjects(session, row),
            asked={name: values.get(name, "") for name in ("about", "what", "amount")},
            back=screen.get_url(".details_view", id=self.document_id(row)),
            **shown_answer(session, answer),
        )


def ask(session: Session, question: Question, ticked: Collection[Remedy] = frozenset()) -> Answer:
    """Answer a question from what the database says at one moment; nothing is locked or written."""
    with one_moment(session):
        return queries.what_if(session, question, ticked)


def shown_answer(session: Session, answer: Answer | None) -> dict[str, Any]:
    """Return what the template of an answer shows."""
    if answer is None:
        return {"answer": None}
    return {
        "answer": answer,
        "most": MOST_SHOWN,
        "news": _news(session, answer),
        "may_tick": {kind.value: may(right) for kind, right in RIGHTS_OF_REMEDIES.items()},
        "may_rebalance": may("preorder.allocate"),
        "may_apply": all(may(right) for right in rights(answer.question, (), rebalance=False)),
    }


def rights(question: Question, ticked: Collection[Remedy], *, rebalance: bool) -> set[str]:
    """Return the rights that applying an answer asks for."""
    needed = {RIGHTS_OF_REMEDIES[each.kind] for each in ticked}
    match question:
        case SupplyQuestion():
            needed.add("preorder.allocate")
        case CountQuestion():
            needed.add("inventory_lots.adjust")
        case RushQuestion():
            needed |= {"sales.edit", "sales.allocate"}
    return needed | ({"preorder.allocate"} if rebalance else set())


def _shown(values: Mapping[str, str]) -> set[str]:
    """Return the remedies that were ticked when the page was shown."""
    return set(filter(None, values.get("shown", "").split(" ")))


def about_supply(line: PurchaseOrderLine, values: Mapping[str, str]) -> SupplyQuestion | None:
    """Return what was asked about a purchase order line; raises BadNumber and what `shorten` raises."""
    what, amount = values.get("what", ""), values.get("amount", "").strip()
    if what == "never":
        return queries.shorten(line, None)
    if what == "short":
        return queries.shorten(line, _quantity(amount))
    if what != "later":
        return None
    if not (amount.isdecimal() and len(amount) < 5 and 0 < int(amount) <= MOST_DAYS):
        raise BadNumber(amount, say("is not a number of days from 1 to {MOST_DAYS}", MOST_DAYS=MOST_DAYS))
    return SupplyQuestion(line.id, days=int(amount))


def _quantity(text: str) -> Decimal:
    try:
        return read_quantity(text)
    except ValueError as error:
        raise BadNumber(text, say("is not a quantity: {error}", error=error)) from None


class WhatIfOfProduct(WhatIf):
    """Asks the same of a purchase order line of a product, or what happens if a count finds less of its stock."""

    kinds = (*LATER_SHORT_NEVER, ("less", "A count finds only this much"))

    @override
    def document_id(self, row: Any) -> int:
        return int(row.id)

    @override
    def subjects(self, session: Session, row: Product) -> list[tuple[str, str]]:
        supply = [
            (f"supply-{each.id}", f"{each.number}/{each.position}: {_outstanding(each.outstanding, each.expected_on)}")
            for each in queries.purchase_lines_of(session, row.id)
        ]
        stock = [
            (
                f"stock-{each.balance_id}",
                say(
                    "lot {lot} at {location}: {on_hand} on hand",
                    lot=each.lot,
                    location=each.location,
                    on_hand=format_quantity(each.on_hand),
                ),
            )
            for each in stock_on_hand(session, Balance.product_id == row.id)
        ]
        return supply + stock

    @override
    def question(self, session: Session, row: Product, values: Mapping[str, str]) -> Question | None:
        kind, _, text = values.get("about", "").partition("-")
        if not (text.isdecimal() and len(text) < 19):
            return None
        if (kind == "stock") != (values.get("what") == "less"):
            raise WrongSubject
        if kind == "stock":
            found = CountQuestion(int(text), _quantity(values.get("amount", "").strip()))
            return found if found.product_ids(session) == [row.id] else None
        line = session.get(PurchaseOrderLine, int(text))
        return about_supply(line, values) if line is not None and line.product_id == row.id else None


def _outstanding(quantity: Decimal, expected_on: date | None) -> str:
    return say(
        "{quantity} outstanding, {when_expected}",
        quantity=format_quantity(quantity),
        when_expected=queries.when_expected(expected_on),
    )


class WhatIfOrder(WhatIf):
    """Says what a draft would get if it were confirmed and run now, and what it could take from others."""

    permission = "sales.allocate"
    kinds = ()
    outcome = say("confirmed and allocated as shown")

    @override
    def document_id(self, row: Any) -> int:
        return int(row.id)

    @override
    def named(self, session: Session, row: Order) -> str:
        return session.get_one(Order, row.id).name

    @override
    def lock(self, session: Session, row: Order) -> None:
        lock_order(session, row.id)

    @override
    def question(self, session: Session, row: Order, values: Mapping[str, str]) -> Question | None:
        order = session.get_one(Order, row.id)
        return queries.rush_of(order) if order.lines else None


def is_draft(order: Order) -> bool:
    """Return whether an order can still come as a rush order."""
    return order.state == OrderState.draft


def _news(session: Session, answer: Answer) -> list[tuple[str, NewsPreview]]:
    """Return whom it would notify: of new purchase allocations, and of promise dates that follow automatically."""
    found = news_of_allocations(session, answer.gained) if answer.gained else []
    if options.preorder.sync_dates == "auto":
        before = {change.line_id: change.before for change in answer.changes}
        after = {change.line_id: change.after for change in answer.changes}
        found.append(("Promise dates follow", news_of_dates(session, queries.synced_dates(before, after))))
    return found
