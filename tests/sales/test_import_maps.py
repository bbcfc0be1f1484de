"""Exports of other systems come in by their maps, once, and again with what has changed."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from decimal import Decimal

import pytest
from sqlalchemy import func, select

from erp.errors import ErpError
from erp.exchange import ImportRefused, find_map, import_csv, read_csv, recognise
from erp.registry import current_registry
from modules.inventory_lots.models import Product
from modules.inventory_lots.states import Tracking
from modules.sales.models import Allocation, Customer, Order, OrderLine
from tests.support.exports import NAMES, ORDERS, WARES, kept, sales
from tests.support.inventory_lots import make_product
from tests.support.sales import make_customer


def kind(name):
    return current_registry().imports[name].thing


def take_in(session, system, text, **more):
    """Import orders by the map of a system, and commit."""
    used = find_map(session, kind("sales_orders"), system)
    summary = import_csv(session, "sales_orders", text.encode(), used=used, **more)
    session.commit()
    return summary


@pytest.fixture
def shop(session):
    """The products and customers that the invented orders name, by address and by full name."""
    for sku, name, _ in WARES:
        make_product(session, sku=sku, name=name)
    for first, last in NAMES:
        make_customer(session, code=f"{first}.{last}@shop.example".lower(), name=f"{first} {last}")
        make_customer(session, code=f"{first} {last}", name=f"{first} {last}")
    session.commit()


def lines_of(orders):
    return [item for sale in orders for item in sale.items]


@pytest.mark.parametrize("system", ORDERS)
def test_two_hundred_orders_come_in_without_an_edit(session, shop, system):
    orders = sales()
    summary = take_in(session, system, ORDERS[system](orders))
    assert summary.startswith(f"{len(kept(orders))} sales orders with {len(lines_of(kept(orders)))} lines.")
    assert "of cancelled orders" in summary and "not used" not in summary
    assert session.scalar(select(func.count()).select_from(Order)) == len(kept(orders))
    total = sum(item.quantity for item in lines_of(kept(orders)))
    assert session.scalar(select(func.sum(OrderLine.quantity))) == Decimal(total)
    stored = session.scalars(select(Order).order_by(Order.id)).all()
    for order, sale in zip(stored, kept(orders), strict=True):
        assert str(sale.number) in order.number
        found = [(line.product.sku, line.quantity, line.unit_price) for line in order.lines]
        assert found == [(item.sku, Decimal(item.quantity), Decimal(item.price)) for item in sale.items]


@pytest.mark.parametrize("system", ORDERS)
def test_a_second_time_changes_nothing_and_one_other_quantity_is_one_change(session, shop, system):
    orders = sales()
    take_in(session, system, ORDERS[system](orders))
    count = len(kept(orders))
    assert take_in(session, system, ORDERS[system](orders), update=True).startswith(
        f"{count} sales orders: 0 new, 0 changed."
    )
    first = orders[2]
    orders[2] = replace(first, items=(first.items[0], replace(first.items[1], quantity=40), *first.items[2:]))
    summary = take_in(session, system, ORDERS[system](orders), update=True)
    assert summary.startswith(f"{count} sales orders: 0 new, 1 changed. 1 line changed, 0 added.")
    changed = session.scalars(select(OrderLine).where(OrderLine.quantity == 40)).one()
    assert (changed.position, changed.product.sku) == (2, first.items[1].sku)
    assert session.scalar(select(func.count()).select_from(Allocation)) == 0


@pytest.mark.parametrize("system", ORDERS)
def test_an_export_is_recognised_by_its_header(session, system):
    header = ORDERS[system]([]).splitlines()[0].split(",")
    kinds = [owned.thing for owned in current_registry().imports.values()]
    best = recognise(session, header, kinds)[0]
    assert (best.kind.name, best.used.name) == ("sales_orders", system)


OTHER_HEADERS = {
    ("products", "shopify"): "Handle,Title,Body (HTML),Vendor,Product Category,Type,Tags,Published,Option1 Name,"
    "Option1 Value,Option2 Name,Option2 Value,Option3 Name,Option3 Value,Variant SKU,Variant Grams,"
    "Variant Inventory Tracker,Variant Inventory Qty,Variant Inventory Policy,Variant Fulfillment Service,"
    "Variant Price,Variant Compare At Price,Variant Requires Shipping,Variant Taxable,Variant Barcode,Image Src,"
    "Image Position,Image Alt Text,Gift Card,SEO Title,SEO Description,Variant Image,Variant Weight Unit,"
    "Variant Tax Code,Cost per item,Status",
    ("stock", "shopify"): "Handle,Title,Option1 Name,Option1 Value,Option2 Name,Option2 Value,Option3 Name,"
    "Option3 Value,SKU,HS Code,COO,Location,Bin name,Incoming (not editable),Unavailable (not editable),"
    "Committed (not editable),Available (not editable),On hand (current),On hand (new)",
    ("customers", "shopify"): "Customer ID,First Name,Last Name,Email,Accepts Email Marketing,Default Address Company,"
    "Default Address Address1,Default Address Address2,Default Address City,Default Address Province Code,"
    "Default Address Country Code,Default Address Zip,Default Address Phone,Phone,Accepts SMS Marketing,Total Spent,"
    "Total Orders,Note,Tax Exempt,Tags",
    ("products", "woocommerce"): "ID,Type,SKU,Name,Published,Is featured?,Visibility in catalog,Short description,"
    "Description,Tax status,Tax class,In stock?,Backorders allowed?,Sold individually?,Regular price,Categories",
    ("customers", "woocommerce"): "Name,Username,Last Active,Sign Up,Email,Orders,Total Spend,AOV,Country / Region,"
    "City,Region,Postal Code",
    ("products", "odoo"): "External ID,Favorite,Internal Reference,Name,Sales Price,Cost,Quantity On Hand,"
    "Forecasted Quantity,Unit of Measure,Tracking",
    ("stock", "odoo"): "Location,Product,Lot/Serial Number,Quantity,Available Quantity,Unit of Measure,Company",
    ("customers", "odoo"): "External ID,Display Name,Phone,Email,Salesperson,Activities,City,Country,Company",
    ("products", "erpnext"): "ID,Item Code,Item Name,Item Group,Default Unit of Measure,Disabled,Maintain Stock,"
    "Has Batch No,Has Serial No,Has Variants",
    ("stock", "erpnext"): "ID,Item Code,Warehouse,Reserved Quantity,Actual Quantity,Ordered Quantity,"
    "Requested Quantity,Planned Quantity,Projected Quantity,Stock UOM",
    ("customers", "erpnext"): "ID,Customer Name,Customer Type,Customer Group,Territory,Email Id,Mobile No",
    ("sales_orders", "woocommerce"): "order_id,order_number_formatted,order_number,order_date,status,shipping_total,"
    "order_total,payment_method,customer_id,billing_first_name,billing_last_name,billing_email,item_id,item_name,"
    "item_sku,item_quantity,item_total",
    ("sales_orders", "odoo"): "id,name,date_order,partner_id,state,order_line/product_id,order_line/product_uom_qty,"
    "order_line/price_unit",
}  # fmt: skip


@pytest.mark.parametrize(("name", "system"), OTHER_HEADERS)
def test_exports_of_products_stock_and_customers_are_recognised_too(session, name, system):
    kinds = [owned.thing for owned in current_registry().imports.values()]
    best = recognise(session, OTHER_HEADERS[name, system].split(","), kinds)[0]
    assert (best.kind.name, best.used and best.used.name) == (name, system)
    reading = read_csv(name, f"{OTHER_HEADERS[name, system]}\n".encode(), used=best.used)
    assert reading.unused == []


def test_our_own_layout_needs_no_map(session):
    kinds = [owned.thing for owned in current_registry().imports.values()]
    best = recognise(session, ["sku", "name"], kinds)[0]
    assert (best.kind.name, best.used) == ("products", None)
    assert recognise(session, ["one", "other"], kinds) == []


ROWS = {
    ("products", "shopify"): (
        [{"Handle": "shirt", "Title": "Shirt", "Option1 Value": "S", "Variant SKU": "SHIRT-S"},
         {"Handle": "shirt", "Option1 Value": "M", "Variant SKU": "SHIRT-M"},
         {"Handle": "shirt", "Image Src": "https://cdn.example/2.jpg"},
         {"Handle": "mug", "Title": "Mug", "Option1 Value": "Default Title", "Variant SKU": "MUG"}],
        [("SHIRT-S", "Shirt S", Tracking.none), ("SHIRT-M", "Shirt M", Tracking.none), ("MUG", "Mug", Tracking.none)],
    ),
    ("products", "woocommerce"): (
        [{"Type": "variable", "SKU": "SHIRT", "Name": "Shirt"}, {"Type": "variation", "SKU": "S", "Name": "Shirt - S"},
         {"Type": "simple, virtual", "SKU": "CARD", "Name": "Gift card"}],
        [("S", "Shirt - S", Tracking.none), ("CARD", "Gift card", Tracking.none)],
    ),
    ("products", "odoo"): (
        [{"Internal Reference": "LAMP", "Name": "Lamp", "Unit of Measure": "Units", "Tracking": "By Lots"},
         {"Name": "Service"}, {"Internal Reference": "TEA", "Name": "Tea", "Tracking": "No Tracking"}],
        [("LAMP", "Lamp", Tracking.lot), ("TEA", "Tea", Tracking.none)],
    ),
    ("products", "erpnext"): (
        [{"Item Code": "A", "Item Name": "Apple", "Has Batch No": "1", "Has Serial No": "0", "Has Variants": "0"},
         {"Item Code": "B", "Item Name": "Phone", "Has Batch No": "0", "Has Serial No": "1", "Has Variants": "0"},
         {"Item Code": "C", "Item Name": "Cup", "Has Batch No": "0", "Has Serial No": "0", "Has Variants": "0"},
         {"Item Code": "T", "Item Name": "Template", "Has Variants": "1"}],
        [("A", "Apple", Tracking.lot), ("B", "Phone", Tracking.serial), ("C", "Cup", Tracking.none)],
    ),
}  # fmt: skip


def write(name, system, rows):
    text = io.StringIO()
    writer = csv.DictWriter(text, OTHER_HEADERS[name, system].split(","), restval="")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


@pytest.mark.parametrize(("name", "system"), ROWS)
def test_products_come_in_with_their_tracking_and_a_second_time_unchanged(session, name, system):
    rows, wanted = ROWS[name, system]
    data, used = write(name, system, rows).encode(), find_map(session, kind(name), system)
    import_csv(session, name, data, used=used)
    found = session.execute(select(Product.sku, Product.name, Product.tracking).order_by(Product.id)).all()
    assert [tuple(row) for row in found] == wanted
    assert "0 new, 0 changed." in import_csv(session, name, data, used=used)


@pytest.mark.parametrize(
    ("system", "row", "code"),
    [
        ("shopify", {"First Name": "Ada", "Last Name": "Novak", "Email": "ada@x.example"}, "ada@x.example"),
        ("woocommerce", {"Name": "Ada Novak", "Username": "ada", "Email": "ada@x.example"}, "ada@x.example"),
        ("odoo", {"Display Name": "Ada Novak", "Email": "ada@x.example"}, "Ada Novak"),
        ("erpnext", {"ID": "Ada Novak", "Customer Name": "Ada Novak", "Email Id": "ada@x.example"}, "Ada Novak"),
    ],
)
def test_customers_come_in_under_the_code_that_orders_name_them_by(session, system, row, code):
    used = find_map(session, kind("customers"), system)
    import_csv(session, "customers", write("customers", system, [row]).encode(), used=used)
    customer = session.scalars(select(Customer)).one()
    assert (customer.code, customer.name, customer.email) == (code, "Ada Novak", "ada@x.example")


def test_an_unknown_map_is_refused_with_those_that_there_are(session):
    with pytest.raises(ErpError, match="There is no map 'magento' for customers; the maps are shopify, woocommerce"):
        find_map(session, kind("customers"), "magento")


def test_errors_of_a_mapped_file_name_the_columns_of_the_file(session, shop):
    orders = sales(2)
    text = ORDERS["shopify"]([orders[0], replace(orders[1], items=(replace(orders[1].items[0], sku="NEW"),))])
    with pytest.raises(ImportRefused) as refused:
        take_in(session, "shopify", text)
    assert refused.value.lines(10) == ["Row 3, column Lineitem sku: 'NEW' is not the SKU of a product."]


def test_a_column_that_the_map_does_not_know_is_said_and_not_used(session, shop):
    header, *rows = ORDERS["shopify"](sales(1)).splitlines()
    text = "\r\n".join([f"{header},Gift Wrap", *(f"{row}," if "\n" not in row else row for row in rows)])
    text = text.replace("Ring twice\r\nplease,", "Ring twice please,")
    assert read_csv("sales_orders", text.encode(), used=find_map(session, kind("sales_orders"), "shopify")).unused == [
        "Gift Wrap"
    ]


def test_lines_after_a_cancelled_order_do_not_fall_to_the_order_before(session, shop):
    orders = [sale for sale in sales(30) if len(sale.items) > 1][:3]
    orders[1] = replace(orders[1], is_cancelled=True)
    for system, write_orders in ORDERS.items():
        reading = read_csv(
            "sales_orders", write_orders(orders).encode(), used=find_map(session, kind("sales_orders"), system)
        )
        assert len(reading.rows) == len(orders[0].items) + len(orders[2].items)
        assert sum(reading.left_out.values()) >= len(orders[1].items)
