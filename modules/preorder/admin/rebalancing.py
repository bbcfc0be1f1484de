"""Rebalance: the preview of what earlier orders would gain, its application, and its offer on a purchase order."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from flask import abort, flash, redirect, request
from flask.typing import ResponseReturnValue
from flask_admin import expose
from sqlalchemy.orm import Session

from erp.admin import Page, Panel
from erp.admin.access import may, only_read
from erp.errors import ErpError
from erp.text import plural, say
from modules.inventory_lots.models import Product
from modules.inventory_lots.queries import products_by_sku
from modules.preorder import queries, services
from modules.preorder.admin.promise_dates import news_of_dates
from modules.procurement.models import PurchaseOrder

PERMISSION = "preorder.allocate"
URL = "/preorder/rebalance"
MOST_SHOWN = 500
# A purchase order's page plans no more than so many products each time it is opened.
MOST_OFFERED = 50


class RebalancePage(Page):
    """Previews a rebalance of all products or of one, with ticked lines, and applies it as it was shown."""

    view_name = "preorder.rebalance"
    title = "Rebalance"
    url = URL
    icon = "fa-balance-scale"
    needs_no_version = {"apply_view": "The fingerprint of the preview says whether it would still do what was shown."}

    @expose("/")
    def index_view(self) -> ResponseReturnValue:
        """Show what a rebalance would do now; nothing is locked or kept."""
        return self._show(request.args.get("sku", "").strip(), _ids(request.args.getlist("tick")))

    @expose("/apply/", methods=("POST",))
    def apply_view(self) -> ResponseReturnValue:
        """Do exactly what was shown, or refuse and show what a rebalance would do now."""
        if not may(PERMISSION):
            abort(403)
        sku, ticked = request.form.get("sku", ""), _ids(request.form.getlist("tick"))
        fingerprint = request.form.get("fingerprint", "")
        product_ids = self._product_ids(sku)
        try:
            preview: queries.RebalancePreview = self.do(
                "apply", lambda session: services.apply_rebalance(session, product_ids, ticked, fingerprint=fingerprint)
            )
        except ErpError as error:
            only_read()
            flash(str(error), "error")
            return self._show(sku, ticked), 409
        flash(say("{lines} exchanged supply as previewed.", lines=plural(len(preview.moves), "line")), "success")
        return redirect(self.get_url(".index_view", **({"sku": sku} if sku else {})))

    def _product_ids(self, sku: str) -> list[int]:
        session = self.session()
        product = self._product(sku)
        return [product.id] if product else [] if sku else queries.products_to_rebalance(session)

    def _product(self, sku: str) -> Product | None:
        return products_by_sku(self.session(), [sku]).get(sku) if sku else None

    def _show(self, sku: str, ticked: Collection[int]) -> str:
        session, product_ids = self.session(), self._product_ids(sku)
        preview = queries.preview_rebalance(session, product_ids, ticked)
        return self.render(
            "preorder/rebalance.html",
            sku=sku,
            is_unknown=bool(sku) and not product_ids,
            preview=preview,
            moves=preview.moves[:MOST_SHOWN],
            more=max(0, len(preview.moves) - MOST_SHOWN),
            candidates=queries.rebalance_candidates(session, product_ids) if sku else (),
            ticked=ticked,
            news=[("", news_of_dates(session, preview.dates))] if preview.dates else (),
            may_apply=may(PERMISSION),
        )


def _ids(texts: Sequence[str]) -> frozenset[int]:
    return frozenset(int(text) for text in texts if text.isdecimal() and len(text) < 19)


def _offer(session: Session, order: PurchaseOrder) -> Mapping[str, Any] | None:
    """Return what the first MOST_OFFERED of the order's products would gain by a rebalance; None where nobody would."""
    if not order.is_open:
        return None
    products = {line.product_id: line.product for line in order.lines}
    exchanges = queries.planned_exchanges(session, list(products)[:MOST_OFFERED])
    if not exchanges:
        return None
    gaining = queries.products_of_lines(session, {exchange.line_id for exchange in exchanges})
    return {
        "products": [(products[id_], count) for id_, count in gaining.items()],
        "note": say("Only the first {count} products were looked at.", count=MOST_OFFERED)
        if len(products) > MOST_OFFERED
        else "",
        "url": URL,
    }


PANELS = (Panel("Rebalance", "preorder/rebalance_offer.html", _offer, "preorder.allocate"),)
