"""The whole book: the preview of a run over all open demand, and its application product by product."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from flask import flash, redirect, request
from flask.typing import ResponseReturnValue
from flask_admin import expose

from erp.admin import Page
from erp.admin.access import flash_sentence
from erp.db import one_moment
from erp.errors import ErpError
from erp.text import say
from modules.sales import queries, services
from modules.sales.hooks import gain_notes

MOST_SHOWN = 500
# The form of a preview names every product that would change.
MOST_BYTES = 50_000_000
_FINGERPRINT = re.compile(r"\b([0-9]{1,18}):([0-9a-f]+)\b")


def _written(fingerprints: Mapping[int, str]) -> str:
    return " ".join(f"{product_id}:{text}" for product_id, text in fingerprints.items())


def _read(text: str) -> dict[int, str]:
    """Return the fingerprints that a form says; a part that is none is left out."""
    return {int(product_id): shown for product_id, shown in _FINGERPRINT.findall(text)}


class BookPage(Page):
    """Previews a run over all open demand, and applies it as it was shown."""

    view_name = "sales.book"
    title = "Whole book"
    url = "/sales/book"
    icon = "fa-book"
    needs_no_version = {
        "preview_view": "It changes nothing.",
        "apply_view": "The fingerprints of the preview say whether a run would still do what was shown.",
    }

    @expose("/")
    def index_view(self) -> ResponseReturnValue:
        """Offer a preview."""
        return self.render("sales/book.html", preview=None)

    @expose("/preview/", methods=("POST",))
    def preview_view(self) -> ResponseReturnValue:
        """Show what each order would get and lose; nothing is locked or written."""
        return self._show()

    @expose("/apply/", methods=("POST",))
    def apply_view(self) -> ResponseReturnValue:
        """Do what was shown, product by product; show what a run would do now where something is left."""
        request.max_form_memory_size = MOST_BYTES
        shown, whole = _read(request.form.get("fingerprints", "")), "all_or_nothing" in request.form
        try:
            summary, left = self.do_in_parts(
                "apply", lambda session: services.apply_preview(session, shown, all_or_nothing=whole)
            )
        except ErpError as error:
            flash_sentence(str(error), "error")
            return self._show(), 409
        flash(summary, "success")
        if not left:
            return redirect(self.get_url(".index_view"))
        names = ", ".join(map(str, left))
        flash_sentence(
            say("Left as they were, because something changed since the preview: {names}.", names=names), "error"
        )
        return self._show(), 409

    def _show(self) -> str:
        session = self.session()
        with one_moment(session):
            preview = queries.preview_book(session, queries.waiting_product_ids(session))
            notes = [note for answer in gain_notes(session, preview.gained) for note in answer]
            lines = queries.line_plans(session, preview.changes, most=MOST_SHOWN)
        orders: dict[str, list[Any]] = {}
        for line in lines:
            orders.setdefault(line.order, []).append(line)
        return self.render(
            "sales/book.html",
            preview=preview,
            fingerprints=_written(preview.fingerprints),
            orders=orders,
            notes=notes,
            more=len(preview.changes) - len(lines),
            covers_from_purchases=queries.covers_from_purchases(),
        )
