"""Order, product, customer and stock exports in the layouts of other systems, with invented rows."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

SHOPIFY_ORDER = (
    "Name,Email,Financial Status,Paid at,Fulfillment Status,Fulfilled at,Accepts Marketing,Currency,Subtotal,Shipping,"
    "Taxes,Total,Discount Code,Discount Amount,Shipping Method,Created at,Lineitem quantity,Lineitem name,"
    "Lineitem price,Lineitem compare at price,Lineitem sku,Lineitem requires shipping,Lineitem taxable,"
    "Lineitem fulfillment status,Billing Name,Billing Street,Billing Address1,Billing Address2,Billing Company,"
    "Billing City,Billing Zip,Billing Province,Billing Country,Billing Phone,Shipping Name,Shipping Street,"
    "Shipping Address1,Shipping Address2,Shipping Company,Shipping City,Shipping Zip,Shipping Province,"
    "Shipping Country,Shipping Phone,Notes,Note Attributes,Cancelled at,Payment Method,Payment Reference,"
    "Refunded Amount,Vendor,Outstanding Balance,Employee,Location,Device ID,Id,Tags,Risk Level,Source,"
    "Lineitem discount,Tax 1 Name,Tax 1 Value,Tax 2 Name,Tax 2 Value,Phone,Receipt Number,Duties,"
    "Billing Province Name,Shipping Province Name,Payment ID,Payment Terms Name,Next Payment Due At,Payment References"
)
WOOCOMMERCE_ORDER = (
    "Order Number,Order Status,Order Date,Customer Note,First Name (Billing),Last Name (Billing),Company (Billing),"
    "Address 1&2 (Billing),City (Billing),State Code (Billing),Postcode (Billing),Country Code (Billing),"
    "Email (Billing),Phone (Billing),First Name (Shipping),Last Name (Shipping),Address 1&2 (Shipping),"
    "City (Shipping),State Code (Shipping),Postcode (Shipping),Country Code (Shipping),Payment Method Title,"
    "Cart Discount Amount,Order Subtotal Amount,Shipping Method Title,Order Shipping Amount,Order Refund Amount,"
    "Order Total Amount,Order Total Tax Amount,SKU,Item #,Item Name,Quantity (- Refund),Item Cost,Coupon Code,"
    "Discount Amount,Discount Amount Tax"
)
ODOO_ORDER = (
    "Order Reference,Order Date,Customer,Salesperson,Activities,Company,Total,Invoice Status,Status,"
    "Order Lines/Product,Order Lines/Description,Order Lines/Quantity,Order Lines/Unit of Measure,"
    "Order Lines/Unit Price,Order Lines/Discount (%),Order Lines/Taxes,Order Lines/Subtotal"
)
ERPNEXT_ORDER = (
    "ID,Series,Customer,Customer Name,Order Type,Date,Delivery Date,Company,Currency,Exchange Rate,Price List,"
    "Price List Currency,Price List Exchange Rate,Total Quantity,Total (Company Currency),Grand Total,Status,"
    "ID (Items),Item Code (Items),Item Name (Items),Delivery Date (Items),Quantity (Items),UOM (Items),"
    "UOM Conversion Factor (Items),Rate (Items),Discount (%) on Price List Rate with Margin (Items),Amount (Items)"
)


@dataclass(frozen=True)
class Item:
    """A line of an invented order."""

    sku: str
    name: str
    quantity: int
    price: str
    discount: str = "0.00"


@dataclass(frozen=True)
class Sale:
    """An invented order, as any of the systems may have it."""

    number: int
    first_name: str
    last_name: str
    at: datetime
    items: Sequence[Item] = field(default_factory=tuple)
    is_cancelled: bool = False
    discount: str = "0.00"

    @property
    def customer(self) -> str:
        """The customer's full name."""
        return f"{self.first_name} {self.last_name}"

    @property
    def email(self) -> str:
        """The customer's address."""
        return f"{self.first_name}.{self.last_name}@shop.example".lower()


NAMES = [("Ada", "Novak"), ("Bo", "Lind"), ("Chiara", "Rossi"), ("Dmitri", "Orlov"), ("Elif", "Kaya"), ("Femi", "Ade")]
WARES = [(f"SHIRT-{size}", f"Shirt - {size}", "19.90") for size in ("S", "M", "L")] + [
    ("MUG", "Mug, large", "7.50"),
    ("LAMP-01", 'Lamp "Nord"', "129.00"),
    ("TEA", "Tea", "4.00"),
]


def sales(count: int = 200) -> list[Sale]:
    """Return orders of one to three lines, every tenth one cancelled and every fifth one with a discount."""
    start = datetime(2026, 11, 2, 9, 14, 2, tzinfo=UTC)
    return [
        Sale(
            number=1001 + n,
            first_name=NAMES[n % len(NAMES)][0],
            last_name=NAMES[n % len(NAMES)][1],
            at=start + timedelta(minutes=n),
            items=tuple(_items(n)),
            is_cancelled=n % 10 == 7,
            discount="5.00" if n % 5 == 0 else "0.00",
        )
        for n in range(count)
    ]


def _items(n: int) -> Iterable[Item]:
    for place in range(n % 3 + 1):
        sku, name, price = WARES[(n + place) % len(WARES)]
        yield Item(sku, name, n % 4 + 1, price, "1.00" if n % 5 == 0 else "0.00")


def kept(orders: Iterable[Sale]) -> list[Sale]:
    """Return the orders that are not cancelled."""
    return [sale for sale in orders if not sale.is_cancelled]


def _file(header: str, rows: Iterable[dict[str, object]], *, delimiter: str = ",") -> str:
    names = header.split(",")
    text = io.StringIO()
    writer = csv.DictWriter(text, names, restval="", delimiter=delimiter, lineterminator="\r\n")
    writer.writeheader()
    for row in rows:
        writer.writerow(row)
    return text.getvalue()


def shopify(orders: Iterable[Sale]) -> str:
    """Return an order export of Shopify: what is of the order stands in its first row only, but for its name."""
    return _file(SHOPIFY_ORDER, (row for sale in orders for row in _shopify(sale)))


def _shopify(sale: Sale) -> Iterable[dict[str, object]]:
    at = f"{sale.at:%Y-%m-%d %H:%M:%S} +0100"
    for place, item in enumerate(sale.items):
        row: dict[str, object] = {
            "Name": f"#{sale.number}", "Email": sale.email, "Created at": at, "Lineitem quantity": item.quantity,
            "Lineitem name": item.name, "Lineitem price": item.price, "Lineitem sku": item.sku,
            "Lineitem requires shipping": "true", "Lineitem taxable": "true", "Vendor": "Invented Goods",
            "Lineitem fulfillment status": "pending", "Lineitem discount": item.discount,
        }  # fmt: skip
        if not place:
            row |= {
                "Financial Status": "refunded" if sale.is_cancelled else "paid", "Paid at": at, "Currency": "EUR",
                "Fulfillment Status": "unfulfilled", "Accepts Marketing": "no", "Subtotal": "40.00", "Total": "45.00",
                "Discount Amount": sale.discount, "Discount Code": "FALL" if sale.discount != "0.00" else "",
                "Billing Name": sale.customer, "Shipping Name": sale.customer, "Billing Zip": "'04109",
                "Notes": "Ring twice\nplease", "Cancelled at": at if sale.is_cancelled else "",
                "Id": 5550000000000 + sale.number, "Risk Level": "Low", "Source": "web",
            }  # fmt: skip
        yield row


def woocommerce(orders: Iterable[Sale]) -> str:
    """Return an order export of WooCommerce: what is of the order stands in each row."""
    rows = (
        {
            "Order Number": sale.number, "Order Status": "Cancelled" if sale.is_cancelled else "Processing",
            "Order Date": f"{sale.at:%Y-%m-%d %H:%M}", "First Name (Billing)": sale.first_name,
            "Last Name (Billing)": sale.last_name, "Email (Billing)": sale.email, "Cart Discount Amount": sale.discount,
            "Payment Method Title": "Invoice", "Order Total Amount": "45.00", "SKU": item.sku, "Item #": place,
            "Item Name": item.name, "Quantity (- Refund)": item.quantity, "Item Cost": item.price,
            "Discount Amount": item.discount,
        }
        for sale in orders
        for place, item in enumerate(sale.items, start=1)
    )  # fmt: skip
    return _file(WOOCOMMERCE_ORDER, rows)


def odoo(orders: Iterable[Sale]) -> str:
    """Return an order export of Odoo: cells of the order are empty from its second row on, a note has no product."""
    return _file(ODOO_ORDER, (row for sale in orders for row in _odoo(sale)))


def _odoo(sale: Sale) -> Iterable[dict[str, object]]:
    of_order: dict[str, object] = {
        "Order Reference": f"S{sale.number:05}", "Order Date": f"{sale.at:%Y-%m-%d %H:%M:%S}",
        "Customer": sale.customer, "Salesperson": "Mitchell", "Company": "My Company",
        "Total": "45.0", "Invoice Status": "To Invoice",
        "Status": "Cancelled" if sale.is_cancelled else "Sales Order",
    }  # fmt: skip
    for item in sale.items:
        yield of_order | {
            "Order Lines/Product": f"[{item.sku}] {item.name}", "Order Lines/Description": item.name,
            "Order Lines/Quantity": f"{item.quantity}.0", "Order Lines/Unit of Measure": "Units",
            "Order Lines/Unit Price": item.price,
            "Order Lines/Discount (%)": "5.0" if sale.discount != "0.00" else "0.0",
        }  # fmt: skip
        of_order = {}
    if sale.number % 4 == 0:
        yield {"Order Lines/Description": "Delivered by van", "Order Lines/Quantity": "0.0"}


def erpnext(orders: Iterable[Sale]) -> str:
    """Return an order export of ERPNext: cells of the order are empty from its second row on."""
    return _file(ERPNEXT_ORDER, (row for sale in orders for row in _erpnext(sale)))


def _erpnext(sale: Sale) -> Iterable[dict[str, object]]:
    of_order: dict[str, object] = {
        "ID": f"SAL-ORD-2026-{sale.number:05}", "Customer": sale.customer, "Customer Name": sale.customer,
        "Order Type": "Sales", "Date": f"{sale.at:%Y-%m-%d}", "Delivery Date": "2026-12-01", "Currency": "EUR",
        "Status": "Cancelled" if sale.is_cancelled else "To Deliver and Bill",
    }  # fmt: skip
    for place, item in enumerate(sale.items):
        yield of_order | {
            "ID (Items)": f"{sale.number:x}{place}", "Item Code (Items)": item.sku, "Item Name (Items)": item.name,
            "Delivery Date (Items)": "2026-12-01", "Quantity (Items)": f"{item.quantity}.0", "UOM (Items)": "Nos",
            "Rate (Items)": item.price, "Discount (%) on Price List Rate with Margin (Items)": "0.0",
        }  # fmt: skip
        of_order = {}


ORDERS: dict[str, Callable[[Iterable[Sale]], str]] = {
    "shopify": shopify,
    "woocommerce": woocommerce,
    "odoo": odoo,
    "erpnext": erpnext,
}
