"""A third party's module of which every part fails when it is used."""

from __future__ import annotations

MODULE = """
from datetime import timedelta

from erp.manifest import Module, Permission
from erp.options import Duration


def setup(core):
    import click
    from erp.admin import Action, ActionNotes, BulkAction, Card, Chart, ExtraColumn, ExtraField, Page, Panel
    from erp.admin import PaperSection
    from erp.registry import Queue
    from flask_admin import expose
    from modules.sales.events import OrderConfirmed
    from modules.sales.hooks import confirm_refusals, pack_refusals

    def fail(*args, **more):
        raise ZeroDivisionError("frail")

    class Frail(Page):
        view_name, title, url = "frail.page", "Frail", "/frail"

        @expose("/")
        def index_view(self):
            raise SystemExit(4)

    def break_down(session):
        "Break down."
        raise SystemExit(5)

    class NotThere:
        def __eq__(self, other):
            return fail()

    core.add_view(Frail, menu="Sales", permission="frail.see")
    core.extend_view(
        "sales.order",
        columns=[ExtraColumn("frail_column", "Frail", fail)],
        panels=[Panel("Frail", "erp/page.html", fail)],
        actions=[
            Action(name="fail", label="Fail", permission="", run=fail, needs_no_version="None."),
            Action(name="ask", label="Ask", permission="", run=fail, needs_no_version="None.", allowed=fail),
        ],
        notes=[ActionNotes("Frail", fail)],
        list_actions=[
            BulkAction(name="fail-all", label="Fail All", permission="", change=fail, prefill=fail, notes=fail,
                       needs_no_version="None."),
        ],
    )
    core.add_chart(Chart("Frail chart", "", (("bars", "info"),), fail))
    core.extend_view("sales.pack", paper_sections=[PaperSection("slip", "Frail", "erp/page.html", fail)])
    core.extend_view("sales.customer", fields=[ExtraField("frail_field", fail, fail, fail)])
    core.add_dashboard(Card("Frail", "", fail))
    core.add_job(break_down, every="frail.every")
    core.add_command(click.Command("break-down", callback=fail))
    core.add_check(fail)
    core.add_queue(Queue("frail", fail))
    core.extend_export("customers", ("frail",), fail)
    core.before_disable(fail)
    core.subscribe(OrderConfirmed, fail)
    core.implement(pack_refusals, lambda session, lines: None)


MODULE = Module(
    name="frail",
    title="Frail",
    version="1.0",
    setup=setup,
    depends=("sales",),
    options=(Duration(name="every", default=timedelta(days=1), help="How often."),),
    permissions=(Permission("frail.see", "See it"),),
)
"""
