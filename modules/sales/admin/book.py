"""The whole book: the preview of a run over all open demand, and its application."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, request
from flask.typing import ResponseReturnValue
from flask_admin import expose
from sqlalchemy.orm import Session

from erp.admin import Page
from erp.errors import ErpError
from modules.sales import queries, services
from modules.sales.services import Preview

MOST_SHOWN = 500


def _preview(session: Session) -> Preview:
    preview = services.preview_book(session)
    session.rollback()
    return preview


class BookPage(Page):
    """Previews a run over all open demand, and applies it as it was shown."""

    view_name = "sales.book"
    title = "Whole book"
    url = "/sales/book"
    icon = "fa-book"
    needs_no_version = {
        "preview_view": "It changes nothing.",
        "apply_view": "The fingerprint of the preview says whether a run would still do what was shown.",
    }

    @expose("/")
    def index_view(self) -> ResponseReturnValue:
        """Offer a preview."""
        return self.render("sales/book.html", preview=None)

    @expose("/preview/", methods=("POST",))
    def preview_view(self) -> ResponseReturnValue:
        """Show what each order would get and lose; nothing is kept."""
        return self._show(self.do("preview", _preview))

    @expose("/apply/", methods=("POST",))
    def apply_view(self) -> ResponseReturnValue:
        """Do exactly what was shown, or refuse and show what a run would do now."""
        fingerprint = request.form.get("fingerprint", "")
        try:
            preview: Preview = self.do("apply", lambda session: services.apply_preview(session, fingerprint))
        except ErpError as error:
            flash(str(error), "error")
            return self._show(self.do("preview", _preview)), 409
        flash(f"{len(preview.lines)} lines were served as previewed.", "success")
        return redirect(self.get_url(".index_view"))

    def _show(self, preview: Preview) -> str:
        shown: dict[str, list[Any]] = {}
        for line in preview.lines[:MOST_SHOWN]:
            shown.setdefault(line.order, []).append(line)
        more = max(0, len(preview.lines) - MOST_SHOWN)
        return self.render(
            "sales/book.html",
            preview=preview,
            orders=shown,
            more=more,
            covers_from_purchases=queries.covers_from_purchases(),
        )
