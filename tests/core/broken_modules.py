"""Modules of third parties, each broken in one way, and the reason for which each is listed as broken."""

from __future__ import annotations

from dataclasses import dataclass, field

MANIFEST = """
from datetime import timedelta
from decimal import Decimal as Exact

from erp.manifest import Module, Permission
from erp.options import Choice, Decimal, Duration, Integer, Mailbox, Switch, Text
{top}

def setup(core):
    {setup}


MODULE = Module(
    **{{
        **dict(
            name={name!r}, title="Made up", version="1.0", summary="Made up.", setup=setup, depends=("sales",),
            options=(Duration(name="every", default=timedelta(days=1), help="How often."),),
            permissions=(Permission("{name}.see", "See it", ("Auditor",)),),
        ),
        **dict({manifest}),
    }}
)
"""
MODELS = """
from sqlalchemy import Column, ForeignKey, Index, String, Table
from sqlalchemy.orm import Mapped, mapped_column, relationship

from erp.db import BigId, Model
from modules.sales.models import Order as SalesOrder

{models}
"""
SCREEN = """
from erp.admin import Action, Card, ExtraColumn, ExtraField, Page, Panel, Screen
from flask_admin import expose
from modules.sales.models import Customer

class Odd(Page):
    view_name, title, url = "{name}.odd", "Odd", "/{name}"

    @expose("/")
    def index_view(self):
        return "odd"

{admin}
"""
REVISION = '''"""{text}."""
revision, down_revision = "{number}", {before}

def upgrade():
    {body}
'''
ADDED = 'from modules.{name} import admin; core.add_view(admin.Odd, menu="Sales", permission="{name}.see")'


@dataclass(frozen=True)
class Broken:
    """A module, and a part of the reason for which it is broken."""

    reason: str
    setup: str = "pass"
    top: str = ""
    manifest: str = ""
    models: str = ""
    admin: str = ""
    text: str | None = None
    revisions: dict[str, str] = field(default_factory=dict)

    def write(self, folder, name):
        """Write its files below a folder."""
        place = folder / name
        place.mkdir(parents=True)
        setup = self.setup or ADDED
        if self.models:
            setup = f"from modules.{{name}} import models; core.add_models(models); {setup}"
            (place / "models.py").write_text(MODELS.format(models=self.models))
        if self.admin or not self.setup:
            (place / "admin.py").write_text(SCREEN.format(name=name, admin=self.admin.replace("NAME", name)))
        values = {"name": name, "top": self.top, "manifest": self.manifest.replace("NAME", name)}
        text = MANIFEST.format(setup=setup.format(name=name), **values) if self.text is None else self.text
        (place / "module.py").write_text(text)
        for file, revision in self.revisions.items():
            (place / "migrations").mkdir(exist_ok=True)
            (place / "migrations" / file).write_text(revision)


def option(text):
    return f"options=({text},)"


def added(text):
    """Return the setup of a module that adds something with its `admin`."""
    return f"from modules.{{name}} import admin; {text}"


MORE = 'from modules.{name} import admin; core.add_view(admin.More, menu="Sales", permission="{name}.see")'
LISTED = (
    "from erp.admin import QuickFilter\nfrom modules.inventory_lots.models import Product\n"
    'class More(Screen):\n    model = Product\n    view_name, title, url = "NAME.more", "More", "/NAME"\n'
    '    column_list, column_labels = ("is_active", "name"), {"is_active": "Active"}\n'
)
TABLE = (
    "class Thing(Model):\n    __tablename__ = {name!r}\n    id: Mapped[int] = mapped_column(BigId, primary_key=True)\n"
)
JOB = 'def job(session):\n        "Do it."\n    core.add_job(job, every={every!r})'

BROKEN = {
    # What it does when it is imported.
    "import_error": Broken("ModuleNotFoundError: No module named 'no_such_library'", top="import no_such_library"),
    "syntax_error": Broken("SyntaxError", text="MODULE = (\n"),
    "exits": Broken("SystemExit: 3 (exits/module.py, line 1)", text="raise SystemExit(3)\n"),
    "generator_exit": Broken("GeneratorExit", text="raise GeneratorExit\n"),
    "base_error": Broken("Odd: no", text="class Odd(BaseException): pass\nraise Odd('no')\n"),
    "no_manifest": Broken("has no attribute 'MODULE'", text="\n"),
    "number_manifest": Broken("MODULE is a int, not a Module", text="MODULE = 42\n"),
    # Its manifest.
    "other_name": Broken("The module in folder other_name calls itself another", manifest='name="another"'),
    "Upper": Broken("A module cannot be called 'Upper'"),
    "erp": Broken("A module cannot be called 'erp'"),
    "no_title": Broken("The title is empty or no text", manifest='title=""'),
    "odd_version": Broken("Version 'one' is refused", manifest='version="one"'),
    "depends_text": Broken("depends is refused: a tuple of names", manifest='depends="sales"'),
    "depends_lost": Broken("needs no_such_module, not found here", manifest='depends=("no_such_module",)'),
    "depends_broken": Broken("needs import_error, not found here", manifest='depends=("import_error",)'),
    "depends_itself": Broken("The module depends on itself", manifest='depends=("NAME",)'),
    "option_twice": Broken(
        "Two options are called a (option_twice/module.py, line",
        manifest='options=(Switch(name="a", default=True, help="A."), Switch(name="a", default=True, help="A."))',
    ),
    "option_as_text": Broken(
        "Option a: the default '5' is refused", manifest=option('Integer(name="a", default="5", help="A.")')
    ),
    "option_above": Broken(
        "Option a: the default 9 is refused; a whole number from 0 to 5 is allowed",
        manifest=option('Integer(name="a", default=9, maximum=5, help="A.")'),
    ),
    "option_bounds": Broken(
        "its minimum 9 is above its maximum 5",
        manifest=option('Integer(name="a", default=5, minimum=9, maximum=5, help="A.")'),
    ),
    "duration_as_text": Broken(
        "Option a: the default '1 day' is refused", manifest=option('Duration(name="a", default="1 day", help="A.")')
    ),
    "choice_of_none": Broken(
        "Option a: the default 'x' is refused",
        manifest=option('Choice(name="a", default="x", choices=("y",), help="A.")'),
    ),
    "option_if_lost": Broken(
        "only_if names 'gone'", manifest=option('Switch(name="a", default=True, only_if="gone", help="A.")')
    ),
    "option_without_help": Broken(
        "Option a has no help text", manifest=option('Switch(name="a", default=True, help="")')
    ),
    "option_name": Broken(
        "An option cannot be called 'A b'", manifest=option('Switch(name="A b", default=True, help="A.")')
    ),
    "options_none": Broken("options is refused", manifest="options=None"),
    "right_of_sales": Broken(
        "Permission 'sales.view' is refused", manifest='permissions=(Permission("sales.view", "See"),)'
    ),
    "right_twice": Broken(
        "Two permissions are called right_twice.see",
        manifest='permissions=(Permission("NAME.see", "See"), Permission("NAME.see", "See"))',
    ),
    "right_of_nobody": Broken(
        "names the role 'Chief'", manifest='permissions=(Permission("NAME.see", "See", ("Chief",)),)'
    ),
    "roles_as_text": Broken(
        "roles is refused: a tuple of roles", manifest='permissions=(Permission("NAME.see", "See", "Auditor"),)'
    ),
    "on_by_default_word": Broken(
        "on_by_default 'no' is refused: True or False is allowed", manifest='on_by_default="no"'
    ),
    "setup_none": Broken("setup is no function", manifest="setup=None"),
    # Its setup.
    "setup_raises": Broken("ValueError: no (setup_raises/module.py, line", setup='raise ValueError("no")'),
    "setup_exits": Broken("SystemExit: 1", setup="raise SystemExit(1)"),
    "setup_lost": Broken("cannot import name 'gone'", setup="from modules.{name} import gone"),
    # Its tables.
    "table_of_sales": Broken("'sales_order' is already defined", models=TABLE.format(name="sales_order")),
    "table_of_nobody": Broken("Table orders must be named table_of_nobody_", models=TABLE.format(name="orders")),
    "table_beside": Broken(
        "Table sales_order_more must be named table_beside_",
        models='Table("sales_order_more", Model.metadata, Column("id", BigId, primary_key=True))',
    ),
    "table_of_versions": Broken("cannot be called so", models=TABLE.format(name="table_of_versions_version")),
    "column_of_sales": Broken(
        "mine cannot be added to table sales_order",
        models='Table("sales_order", Model.metadata, Column("mine", BigId), extend_existing=True)',
    ),
    "index_of_sales": Broken("mine cannot be added to table sales_order", models='Index("mine", SalesOrder.state)'),
    "heir_of_sales": Broken(
        "(heir_of_sales/models.py, line",
        models="class Order(SalesOrder):\n    more: Mapped[str] = mapped_column(String(5))\n",
    ),
    "backref_of_sales": Broken(
        "a backref would add to Order",
        models='class Thing(Model):\n    __tablename__ = "backref_of_sales_thing"\n'
        "    id: Mapped[int] = mapped_column(BigId, primary_key=True)\n"
        '    order_id: Mapped[int] = mapped_column(ForeignKey("sales_order.id"))\n'
        '    order = relationship(SalesOrder, backref="things")\n',
    ),
    "relation_lost": Broken(
        "names 'Gone', which is no model",
        models=TABLE.format(name="relation_lost_thing") + '    gone = relationship("Gone")\n',
    ),
    "no_key": Broken(
        "could not assemble any primary key",
        models='class Thing(Model):\n    __tablename__ = "no_key_thing"\n    a: Mapped[int]\n',
    ),
    # Its screens.
    "address_taken": Broken("The address /sales/orders belongs", setup="", admin='Odd.url = "/sales/orders"'),
    "address_below": Broken("The address /sales/orders/mine belongs", setup="", admin='Odd.url = "/sales/orders/mine"'),
    "address_odd": Broken("the address '' is refused", setup="", admin='Odd.url = ""'),
    "screen_taken": Broken("view_name 'sales.order' is refused", setup="", admin='Odd.view_name = "sales.order"'),
    "screen_nameless": Broken("view_name '' is refused", setup="", admin='Odd.view_name = ""'),
    "screen_no_class": Broken("is no screen", setup='core.add_view(42, menu="Sales", permission="{name}.see")'),
    "screen_exits": Broken(
        "SystemExit", setup="", admin="def stop(self, **names):\n    raise SystemExit\nOdd.__init__ = stop"
    ),
    "screen_column": Broken(
        "nothing",
        setup=MORE,
        admin='class More(Screen):\n    model = Customer\n    view_name, title, url = "NAME.more", "More", "/more"\n'
        '    column_searchable_list = ("nothing",)\n',
    ),
    "screen_right": Broken(
        "declares no permission 'screen_right.go'",
        setup='from modules.{name} import admin; core.add_view(admin.Odd, menu="Sales", permission="{name}.go")',
        admin=" ",
    ),
    "edit_right": Broken("the right 'sales.rule', which no", setup="", admin='Odd.edit_permission = "sales.rule"'),
    "filter_lost": Broken(
        "lost/admin.py: QuickFilter 'On' of screen filter_lost.more: there is no filter is_on_is; there are active_is",
        setup=MORE,
        admin=LISTED + '    quick_filters = (QuickFilter("On", "is_on_is", "1"),)\n',
    ),
    "quick_filter_word": Broken(
        "QuickFilter 'On' of screen quick_filter_word.more: filter active_is cannot be 'yes'; 1, 0 are allowed.",
        setup=MORE,
        admin=LISTED + '    quick_filters = (QuickFilter("On", "active_is", "yes"),)\n',
    ),
    # What it adds to screens of others.
    "quick_filter_added": Broken(
        "QuickFilter 'Gone' of screen sales.order: filter state_is cannot be 'gone'; draft, ",
        setup="from erp.admin import QuickFilter; "
        'core.extend_view("sales.order", quick_filters=[QuickFilter("Gone", "state_is", "gone")])',
    ),
    "work_queue_lost": Broken(
        "WorkQueue 'Gone' of screen sales.order: there is no filter gone_is; there are ",
        setup="from erp.admin import WorkQueue; "
        'core.add_work_queue(WorkQueue("Gone", "sales.order", "sales.view", "gone_is", "yes"))',
    ),
    "screen_lost": Broken("There is no screen sales.ordr", setup='core.extend_view("sales.ordr", columns=())'),
    "screen_not_needed": Broken(
        "preorder.late of preorder, which it does not need", setup='core.extend_view("preorder.late", columns=())'
    ),
    "panel_of_text": Broken("'x' is none of its panels", setup='core.extend_view("sales.order", panels=["x"])'),
    "column_of_text": Broken("'x' is none of its columns", setup='core.extend_view("sales.order", columns=["x"])'),
    "action_taken": Broken(
        "sales.order has confirm already",
        setup=added('core.extend_view("sales.order", actions=[admin.GO])'),
        admin='GO = Action(name="confirm", label="Go", permission="NAME.see", run=print, needs_no_version="None.")',
    ),
    "action_right": Broken(
        "the right 'NAME.go'".replace("NAME", "action_right"),
        setup=added('core.extend_view("sales.order", actions=[admin.GO])'),
        admin='GO = Action(name="go_on", label="Go", permission="NAME.go", run=print, needs_no_version="None.")',
    ),
    "card_of_text": Broken("'x' is no Card", setup='core.add_dashboard("x")'),
    "section_of_text": Broken(
        "'x' is none of its paper_sections", setup='core.extend_view("sales.pack", paper_sections=["x"])'
    ),
    "paper_lost": Broken(
        "sales.pack has no action 'bill' that shows a paper; it has",
        setup=added('core.extend_view("sales.pack", paper_sections=[admin.PART])'),
        admin='from erp.admin import PaperSection\nPART = PaperSection("bill", "Part", "erp/page.html", print)',
    ),
    # Commands, jobs, files, events, hooks.
    "command_of_core": Broken(
        "Command import belongs to the core", setup='import click; core.add_command(click.Command("import"))'
    ),
    "command_of_sales": Broken(
        "Two modules add a command allocate", setup='import click; core.add_command(click.Command("allocate"))'
    ),
    "command_of_text": Broken("'x' is no command", setup='core.add_command("x")'),
    "command_nameless": Broken(
        "A command cannot be called None", setup="import click; core.add_command(click.Command(None))"
    ),
    "job_of_sales": Broken(
        "Two modules add a job allocate-backorders",
        setup='def allocate_backorders(session): "Do."\n    core.add_job(allocate_backorders, every="{name}.every")',
    ),
    "job_by_text": Broken("is no length of time", setup=JOB.format(every="erp.company_name")),
    "job_by_nothing": Broken("There is no option 'gone.every'", setup=JOB.format(every="gone.every")),
    "job_of_text": Broken("'x' cannot be a job", setup='core.add_job("x", every="{name}.every")'),
    "import_of_text": Broken("cannot be called None", setup="core.add_import(42)"),
    "columns_of_nothing": Broken(
        "There is no kind of file gone", setup='core.extend_export("gone", ("a",), lambda session: dict())'
    ),
    "file_of_sales": Broken(
        "Two modules add a import kind customers",
        top="from erp.exchange import ImportKind",
        setup='core.add_import(ImportKind("customers", "Mine", "{name}.see", (), (), print))',
    ),
    "map_lost": Broken(
        "customers has no map 'sap'",
        setup='core.extend_import("customers", (), lambda a, b, c: None, maps=dict(sap=dict()))',
    ),
    "map_of_others": Broken(
        "gets 'name', which is no column that it adds",
        setup='core.extend_import("customers", (), lambda a, b, c: None, maps=dict(shopify=dict(name=())))',
    ),
    "resource_of_sales": Broken(
        "Two modules add a resource orders",
        top="from erp.api import Resource",
        setup='core.add_resource(Resource("orders", "Mine", "order", ()))',
    ),
    "event_none": Broken("str is no event", setup="core.subscribe(str, print)"),
    "handler_of_text": Broken(
        "cannot be a handler of OrderConfirmed",
        setup='from modules.sales.events import OrderConfirmed; core.subscribe(OrderConfirmed, "x")',
    ),
    "handler_of_one": Broken(
        "too many positional arguments",
        setup="from modules.sales.events import OrderConfirmed; core.subscribe(OrderConfirmed, lambda session: None)",
    ),
    "hook_none": Broken("print is no hook", setup="core.implement(print, print)"),
    "answer_of_one": Broken(
        "cannot be an answer to pack_refusals",
        setup="from modules.sales.hooks import pack_refusals; core.implement(pack_refusals, lambda session: dict())",
    ),
    "check_of_text": Broken("'x' cannot be a check", setup='core.add_check("x")'),
    # Its revisions.
    "revision_syntax": Broken("SyntaxError", revisions={"0001_a.py": "def upgrade(:\n"}),
    "revision_exits": Broken("SystemExit", revisions={"0001_a.py": "raise SystemExit(9)\n"}),
    "revision_heads": Broken(
        "the revisions 0001, 0002, 0003 are not one after the other",
        revisions={
            f"000{number}_a.py": REVISION.format(text="A", number=f"000{number}", before=before, body="pass")
            for number, before in ((1, None), (2, "'0001'"), (3, "'0001'"))
        },
    ),
}
