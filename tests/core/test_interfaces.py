"""What users type, send and read stays as it was promised: commands, options, files, buttons and addresses."""

from __future__ import annotations

import re

import click
import pytest

from erp.admin.site import current_site
from erp.cli import CORE_COMMANDS
from erp.db import db
from erp.exchange import import_csv
from modules.inventory_lots.models import Product
from modules.procurement.models import PurchaseOrder
from modules.sales.models import Order
from tests.conftest import NOW

# A command, and what may follow it: an argument in capitals, a flag with two dashes.
COMMANDS = """
init --demo
backup FILE
restore FILE --yes
demo
serve --host --port --workers --worker --reload
worker
modules list
modules install NAME --from --why --dry-run
modules enable NAME --why --dry-run
modules disable NAME --release --why --dry-run
modules upgrade NAME --why --dry-run
modules uninstall NAME --yes --export --why --dry-run
modules new NAME FOLDER
modules test NAME --db
options list
options get OPTION
options set OPTION VALUE --why
options unset OPTION --why
options export FILE
options import FILE --why
options example
jobs list
jobs run NAME
jobs history NAME --limit
jobs pause NAME
jobs resume NAME
import KIND FILE --map --update --dry-run --allocate
export KIND FILE
allocate --sku --dry-run
rebalance --sku --dry-run
what-if LINE --days --short --never --count --sku --lot --location --rush --priority
pack NUMBER --serial
unpack PACK --line --why --free
send-emails --limit
check
tokens add USERNAME NAME --right --until
openapi
tokens list
tokens revoke USERNAME NAME
users add USERNAME --role --name --email --password --why
users list
users password USERNAME --password
users deactivate USERNAME --why
users activate USERNAME --why
users roles USERNAME --role --why
users unlock USERNAME
users forget-provider USERNAME --why
users reset-second-factor USERNAME --why
"""

OPTIONS = {
    "erp": {"timezone": "UTC", "company_name": "My Company", "module_path": ""},
    "inventory_lots": {"removal": "fifo"},
    "sales": {
        "backorders": "yes",
        "allocate_on_confirm": "yes",
        "allocate_on_arrival": "yes",
        "allocate_every": "10 min",
        "backorder_cancellation_days": "0",
        "cancel_covered": "no",
    },
    "procurement": {"over_receipt_percent": "0"},
    "preorder": {
        "auto_allocate": "no",
        "insufficient_supply": "skip",
        "default_line_status": "",
        "promise_buffer_days": "0",
        "sync_dates": "manual",
        "atp_horizon_days": "90",
        "on_hand_changes": "yes",
        "past_due_supply_days": "",
        "launch_every": "1 day",
    },
    "returns": {"remind_after_days": "7", "note_on_packing_slips": "yes", "remind_every": "1 day"},
    "backorder_email": {
        "transport": "file",
        "sender": "erp@localhost",
        "reply_to": "",
        "host": "localhost",
        "port": "25",
        "security": "none",
        "user": "",
        "send_interval": "1 min",
        "sending": "automatic",
        "send_after": "10 min",
        "max_attempts": "5",
        "on_link": "yes",
        "on_status": "yes",
        "date_template": "",
        "cancellation_template": "",
    },
    "api": {"requests_per_minute": "600", "keep_answers": "7 days"},
}

IMPORTS = {
    "products": "sku* name* unit unit_decimals tracking list_price preorder_eligible launch_date preorder_limit",
    "stock": "sku* lot location* quantity* received_on expires_on",
    "customers": "code* name* email street postcode city region country",
    "suppliers": "code* name* email street postcode city region country",
    "purchase_orders": "number* supplier* ordered_on sku* quantity* unit_cost expected_on status",
    "sales_orders": "number* customer* ordered_at sku* quantity* unit_price requested_on priority shipping_policy",
    "purchase_line_statuses": "name* position is_default email_template",
    "email_templates": "name* subject* body* html type",
    "receipts": "number* line* quantity* location* lot received_on expires_on",
    "expected_dates": "number* line* expected_on*",
    "promise_dates": "order* line* promise_date*",
    "on_hand_changes": "sku* date* quantity* note",
    "returns": "number* reason* pack* sku* lot* quantity* cause",
}
EXPORTS = {
    "allocations": "order line sku source lot location purchase_order purchase_line quantity packed promise_date",
    "backorders": "order line sku kind quantity open_quantity state purchase_allocated created_at",
    "balances": "sku lot location on_hand allocated available received_on expires_on",
    "emails": "id to subject state order created_at sent_at attempts last_error",
    "atp": "sku date projected available_to_promise",
    "return_lines": "number order reason state pack sku lot quantity received restocked quarantined scrapped cause",
} | {kind: columns.replace("*", "") for kind, columns in IMPORTS.items() if kind not in ("receipts", "returns")}

BUTTONS = {
    "sales.order": {"Allocate Order", "Pack Allocated Order", "Remove Allocation Lines"},
    "sales.order lines": {"Allocate Sales Order", "Order Item Change History"},
    "procurement.purchase_order lines": {
        "Review Allocations",
        "Allocate Sales Order",
        "Sync Date with SO",
        "Remove Allocation",
    },
}
ADDRESSES = {
    "/sales/orders/",
    "/sales/customers/",
    "/procurement/purchase-orders/",
    "/procurement/suppliers/",
    "/inventory/products/",
    "/inventory/lots/",
    "/emails/pending/",
}


@pytest.fixture
def registry(app):
    return app.extensions["erp"]


def leaves(command, path, app):
    """Yield each command below a group with what may follow it."""
    if isinstance(command, click.Group):
        for name, below in command.commands.items():
            yield from leaves(below, f"{path} {name}", app)
        return
    words = []
    for parameter in command.get_params(click.Context(command, obj=app)):
        is_flag = isinstance(parameter, click.Option)
        words.append(max(parameter.opts, key=len) if is_flag else (parameter.metavar or parameter.name).upper())
    yield path, {word for word in words if word != "--help"}


def test_commands_take_what_was_promised(app, registry):
    commands = CORE_COMMANDS | {name: owned.thing for name, owned in registry.commands.items()}
    found = dict(leaf for name, command in commands.items() for leaf in leaves(command, name, app))
    promised = {}
    for line in COMMANDS.strip().splitlines():
        path, *words = re.split(r" (?=[A-Z]|--)", line)
        promised[path] = set(words)
    assert found == promised


def test_options_have_the_names_and_defaults_that_were_promised(registry):
    found = {
        section: {option.name: option.format(option.default) for option in declared}
        for section, declared in registry.option_table.by_section().items()
    }
    assert {section: found[section] | promised for section, promised in OPTIONS.items()} == found


def test_import_files_have_the_columns_that_were_promised(registry):
    found = {}
    for kind, owned in registry.imports.items():
        extensions = [column for each in registry.import_extensions[kind] for column in each.thing.columns]
        columns = [*owned.thing.columns, *extensions]
        found[kind] = " ".join(f"{column.name}{'*' * column.required}" for column in columns)
    assert found == IMPORTS


def test_export_files_have_the_columns_that_were_promised_in_order(registry):
    found = {}
    for kind, owned in registry.exports.items():
        extensions = [column for each in registry.export_extensions[kind] for column in each.thing.columns]
        found[kind] = " ".join([*owned.thing.columns, *extensions])
    assert found == EXPORTS


@pytest.mark.parametrize("place", BUTTONS)
def test_buttons_carry_the_words_that_were_promised(app, registry, place):
    name, _, lines = place.partition(" ")
    kind = "line_actions" if lines else "actions"
    actions = [*getattr(current_site().view(name), kind), *registry.contributed(name, kind)]
    assert {action.label for action in actions} >= BUTTONS[place]


def test_pages_and_menu_entries_carry_the_words_that_were_promised(app, registry):
    buttons = {
        getattr(action.page, "button", "")
        for view in registry.views
        for kind in ("actions", "line_actions")
        for action in [*getattr(view.thing.view, kind, ()), *registry.contributed(view.thing.view.view_name, kind)]
    }
    assert buttons >= {"Remove All/Selected", "Remove Allocations"}
    assert "Pending Emails" in {view.thing.view.title for view in registry.views}


def test_documents_are_at_the_addresses_that_were_promised(app):
    rules = {re.sub(r"<[^>]+>", "<id>", rule.rule) for rule in app.url_map.iter_rules()}
    assert rules >= {"/", "/login", *ADDRESSES}
    below = {f"{address}{page}" for address in ADDRESSES for page in ("new/", "<id>/", "<id>/edit/")}
    assert below <= rules


def test_the_sign_in_form_has_the_fields_that_were_promised(app):
    fields = re.findall(r'<input[^>]* name="([^"]+)"', app.test_client().get("/login").text)
    assert set(fields) == {"username", "password", "csrf_token"}


def test_what_a_file_leaves_out_has_the_defaults_that_were_promised(app):
    for kind, text in {
        "products": "sku,name\nBOLT,Bolt\n",
        "customers": "code,name\nACME,Acme\n",
        "suppliers": "code,name\nS1,Supplier\n",
        "sales_orders": "number,customer,sku,quantity\nSO-1,ACME,BOLT,4\n",
        "purchase_orders": "number,supplier,sku,quantity\nPO-1,S1,BOLT,4\n",
    }.items():
        import_csv(db.session(), kind, text.encode())
    product = db.session.query(Product).one()
    assert (product.unit, product.unit_decimals, product.tracking, product.is_active) == ("pcs", 0, "lot", True)
    order = db.session.query(Order).one()
    assert (order.priority, order.shipping_policy, order.lines[0].unit_price) == (0, "partial", None)
    assert f"{order.ordered_at:%Y-%m-%dT%H:%M:%S}Z" == NOW
    purchase = db.session.query(PurchaseOrder).one()
    assert (f"{purchase.ordered_on}", purchase.lines[0].unit_cost) == (NOW[:10], None)
