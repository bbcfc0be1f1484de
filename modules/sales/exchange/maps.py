"""Layouts of order and customer files of other systems, as those systems name their columns.

The code of a customer is what the order names it by: the address in a shop, the name or id elsewhere.
"""

from erp.exchange import LeaveOut, Map, join, take

CANCELLED = "cancelled orders"
NO_LOTS = {"tracking": "none"}
# Odoo shows a product as "[SKU] Name".
IN_BRACKETS = r"^\[([^\]]+)\]"
AFTER_BRACKETS = r"^(?:\[[^\]]*\] ?)?(.*)$"

SHOPIFY_ORDERS = Map(
    name="shopify",
    title="Shopify orders",
    kind="sales_orders",
    columns={
        "number": take("Name"),
        "customer": take("Email", "Phone", "Billing Name", "Shipping Name"),
        "ordered_at": take("Created at"),
        "sku": take("Lineitem sku"),
        "quantity": take("Lineitem quantity"),
        "unit_price": take("Lineitem price"),
    },
    leaves_out=(LeaveOut("Cancelled at", CANCELLED),),
    ignored=(
        "Financial Status", "Paid at", "Fulfillment Status", "Fulfilled at", "Accepts Marketing", "Currency",
        "Subtotal", "Shipping", "Taxes", "Total", "Discount Code", "Discount Amount", "Shipping Method",
        "Lineitem compare at price", "Lineitem requires shipping", "Lineitem taxable", "Lineitem fulfillment status",
        "Lineitem discount", "Billing *", "Shipping *", "Notes", "Note Attributes", "Payment *", "Refunded Amount",
        "Vendor", "Outstanding Balance", "Employee", "Location", "Device ID", "Id", "Tags", "Risk Level", "Source",
        "Tax * Name", "Tax * Value", "Receipt Number", "Duties", "Next Payment Due At",
    ),
    key=("Name",),
    carried=("Email", "Phone", "Billing Name", "Shipping Name", "Created at", "Cancelled at"),
    makes={
        "customers": Map(
            "shopify",
            "Shopify customers",
            "customers",
            {
                "code": take("Email", "Phone", "Billing Name", "Shipping Name"),
                "name": take("Billing Name", "Shipping Name", "Email", "Phone"),
                "email": take("Email"),
            },
        ),
        "products": Map(
            "shopify",
            "Shopify products",
            "products",
            {"sku": take("Lineitem sku"), "name": take("Lineitem name", "Lineitem sku")},
            NO_LOTS,
        ),
    },
)  # fmt: skip
SHOPIFY_CUSTOMERS = Map(
    name="shopify",
    title="Shopify customers",
    kind="customers",
    columns={
        "code": take("Email", "Phone", "Default Address Phone", "Customer ID"),
        "name": (*join("First Name", "Last Name"), *take("Default Address Company", "Email", "Phone", "Customer ID")),
        "email": take("Email"),
        "street": take("Default Address Address1", "Address1"),
        "postcode": take("Default Address Zip", "Zip"),
        "city": take("Default Address City", "City"),
        "region": take("Default Address Province Code", "Province"),
        "country": take("Default Address Country Code", "Country"),
    },
    ignored=(
        "Accepts *", "Default Address *", "Address2", "Company", "Province*", "Country*",
        "Total Spent", "Total Orders", "Note", "Tax Exempt", "Tags",
    ),
)  # fmt: skip

# The columns of Advanced Order Export, then those of Customer / Order / Coupon Export with one row an item.
_WOOCOMMERCE_CUSTOMER = take("Email (Billing)", "billing_email", "Phone (Billing)", "billing_phone")
_WOOCOMMERCE_ADDRESS = {
    "street": take("Address 1&2 (Shipping)", "shipping_address_1", "shipping_address", "billing_address_1"),
    "postcode": take("Postcode (Shipping)", "shipping_postcode", "billing_postcode", "Postal Code"),
    "city": take("City (Shipping)", "shipping_city", "billing_city", "City"),
    "region": take("State Code (Shipping)", "shipping_state", "billing_state", "Region"),
    "country": take("Country Code (Shipping)", "shipping_country", "billing_country", "Country / Region"),
}
WOOCOMMERCE_ORDERS = Map(
    name="woocommerce",
    title="WooCommerce orders",
    kind="sales_orders",
    columns={
        "number": take("Order Number", "order_number_formatted", "order_number"),
        "customer": _WOOCOMMERCE_CUSTOMER,
        "ordered_at": take("Order Date", "order_date", "date"),
        "sku": take("SKU", "item_sku"),
        "quantity": take("Quantity (- Refund)", "Quantity", "item_quantity"),
        "unit_price": take("Item Cost", "item_price"),
    },
    leaves_out=(
        LeaveOut("Order Status", CANCELLED, ("cancelled", "refunded", "failed", "wc-cancelled", "trash")),
        LeaveOut("status", CANCELLED, ("cancelled", "refunded", "failed", "wc-cancelled", "trash")),
        LeaveOut("Quantity (- Refund)", "items that were refunded", ("0",)),
    ),
    ignored=(
        "Customer Note", "* (Billing)", "* (Shipping)", "Payment *", "Cart Discount *", "Order *", "Coupon*",
        "Discount *", "Shipping *", "Item #", "Product *", "Image URL", "Total items", "Total products", "Summary *",
        "order_*", "shipping_*", "tax_*", "fees*", "fee_*", "cart_*", "discount_*", "refunded_*", "payment_*",
        "customer_*", "billing_*", "item_*", "line_items", "coupon_*", "coupons", "refunds", "vat_number",
        "download_*", "shipping", "tax", "meta:*",
    ),
    key=("Order Number", "order_number_formatted", "order_number"),
    carried=(
        "Order Status", "Order Date", "Email (Billing)", "Phone (Billing)", "First Name (Billing)",
        "Last Name (Billing)", "status", "order_date", "date", "billing_email", "billing_phone",
    ),
    makes={
        "customers": Map(
            "woocommerce",
            "WooCommerce customers",
            "customers",
            {
                "code": _WOOCOMMERCE_CUSTOMER,
                "name": (
                    *join("First Name (Billing)", "Last Name (Billing)"),
                    *join("billing_first_name", "billing_last_name"),
                    *take("Company (Billing)", "billing_company"),
                    *_WOOCOMMERCE_CUSTOMER,
                ),
                "email": take("Email (Billing)", "billing_email"),
            },
        ),
        "products": Map(
            "woocommerce",
            "WooCommerce products",
            "products",
            {"sku": take("SKU", "item_sku"), "name": take("Item Name", "Name", "item_name", "SKU", "item_sku")},
            NO_LOTS,
        ),
    },
)  # fmt: skip
WOOCOMMERCE_CUSTOMERS = Map(
    name="woocommerce",
    title="WooCommerce customers",
    kind="customers",
    columns={
        "code": take("Email", "billing_email", "email", "user_email", "Username"),
        "name": (
            *join("billing_first_name", "billing_last_name"),
            *join("first_name", "last_name"),
            *take("Name", "Username", "Email", "billing_email", "email", "user_email"),
        ),
        "email": take("Email", "billing_email", "email", "user_email"),
        **_WOOCOMMERCE_ADDRESS,
    },
    ignored=(
        "Last Active", "Sign Up", "Orders", "Total Spend", "AOV", "Country / Region", "City", "Region", "Postal Code",
        "customer_id", "user_*", "display_name", "nickname", "date_registered", "billing_*", "shipping_*", "role*",
        "total_spent", "order_count", "password",
    ),
)  # fmt: skip

_ODOO_PRODUCT = take(
    "Order Lines/Product/Internal Reference",
    "Order Lines/Product",
    "order_line/product_id/default_code",
    "order_line/product_id",
    "Order Lines/Product Variant",
    part=IN_BRACKETS,
)
_ODOO_NOT_ORDERED = ("cancelled", "cancel", "quotation", "draft", "quotation sent", "sent")
ODOO_ORDERS = Map(
    name="odoo",
    title="Odoo sales orders",
    kind="sales_orders",
    columns={
        "number": take("Order Reference", "name"),
        "customer": take("Customer", "partner_id", "Customer/Display Name"),
        "ordered_at": take("Order Date", "date_order", "Creation Date"),
        "sku": _ODOO_PRODUCT,
        "quantity": take("Order Lines/Quantity", "order_line/product_uom_qty"),
        "unit_price": take("Order Lines/Unit Price", "order_line/price_unit"),
        "requested_on": take("Delivery Date", "commitment_date", part=r"^([0-9]{4}-[0-9]{2}-[0-9]{2})"),
    },
    leaves_out=(
        LeaveOut("Status", "cancelled orders and quotations", _ODOO_NOT_ORDERED),
        LeaveOut("state", "cancelled orders and quotations", _ODOO_NOT_ORDERED),
        LeaveOut("Order Lines/Product", "sections and notes", ("",)),
        LeaveOut("order_line/product_id", "sections and notes", ("",)),
    ),
    ignored=(
        "id", "External ID", "Salesperson", "Sales Team", "Company", "Activit*", "Total", "Untaxed Amount", "Taxes",
        "Invoice Status", "Tags", "Pricelist", "Payment Terms", "Customer Reference", "Warehouse", "Website",
        "Invoice Address", "Delivery Address", "Expiration", "Order Lines/Description", "Order Lines/Discount*",
        "Order Lines/*Tax*", "Order Lines/Subtotal", "Order Lines/Total", "Order Lines/Unit of Measure",
        "Order Lines/*Quantity*", "Order Lines/ID", "Order Lines/External ID", "Currency", "Creation Date",
        "Expected Date",
        "order_line/*", "user_id", "team_id", "amount_*", "company_id", "currency_id", "pricelist_id",
    ),
    key=("Order Reference", "name"),
    carried=(
        "Customer", "Order Date", "Creation Date", "Status", "Delivery Date", "partner_id", "date_order", "state",
        "commitment_date", "Customer/Display Name", "Customer/Email", "partner_id/email",
    ),
    makes={
        "customers": Map(
            "odoo",
            "Odoo contacts",
            "customers",
            {
                "code": take("Customer", "partner_id", "Customer/Display Name"),
                "name": take("Customer", "partner_id", "Customer/Display Name"),
                "email": take("Customer/Email", "partner_id/email"),
            },
        ),
        "products": Map(
            "odoo",
            "Odoo products",
            "products",
            {
                "sku": _ODOO_PRODUCT,
                "name": take(
                    "Order Lines/Product/Name",
                    "Order Lines/Product",
                    "order_line/product_id",
                    "Order Lines/Product Variant",
                    "Order Lines/Description",
                    part=AFTER_BRACKETS,
                ),
            },
            NO_LOTS,
        ),
    },
)  # fmt: skip
_ODOO_CONTACT = take("Display Name", "Complete Name", "display_name", "Name", "name")
ODOO_CUSTOMERS = Map(
    name="odoo",
    title="Odoo contacts",
    kind="customers",
    columns={
        "code": _ODOO_CONTACT,
        "name": _ODOO_CONTACT,
        "email": take("Email", "email"),
        "street": take("Street", "street"),
        "postcode": take("Zip", "zip"),
        "city": take("City", "city"),
        "region": take("State", "state_id"),
        "country": take("Country", "country_id"),
    },
    ignored=(
        "id", "External ID", "Phone", "Mobile", "Street2", "Company*", "Tags",
        "Salesperson", "Activit*", "Is a Company", "Tax ID", "Website", "Reference", "Language", "Job Position",
        "Related Company", "Name",
    ),
)  # fmt: skip

ERPNEXT_ORDERS = Map(
    name="erpnext",
    title="ERPNext sales orders",
    kind="sales_orders",
    columns={
        "number": take("ID", "Name"),
        "customer": take("Customer"),
        "ordered_at": take("Date", "Transaction Date"),
        "sku": take("Item Code (Items)", "Item Code"),
        "quantity": take("Quantity (Items)", "Qty (Items)", "Quantity", "Qty"),
        "unit_price": take("Rate (Items)", "Rate"),
        "requested_on": take("Delivery Date (Items)", "Delivery Date"),
    },
    leaves_out=(LeaveOut("Status", "cancelled orders and drafts", ("cancelled", "draft", "closed")),),
    ignored=(
        "Series", "Order Type", "Company", "Currency", "Exchange Rate", "Price List*", "Customer *", "Title",
        "Total*", "Grand Total*", "Net Total*", "Base *", "Rounded Total*", "In Words*", "Discount*",
        "Apply Additional *", "Additional Discount *", "*Tax*", "Territory", "Set *", "% *", "Billing *", "Delivery *",
        "Shipping *", "Contact *", "Project", "Cost Center", "Source", "Campaign", "Terms*", "Payment *", "Letter Head",
        "Print *", "Language", "Amended From", "Created On", "Last Updated *", "Tax Id", "* (Items)", "* (Sales Team)",
        "* (Payment Schedule)", "* (Sales Taxes and Charges)", "Ignore *", "Is *", "Has *", "Skip *",
    ),
    key=("ID", "Name"),
    carried=("Customer", "Customer Name", "Date", "Transaction Date", "Status", "Delivery Date", "Contact Email"),
    makes={
        "customers": Map(
            "erpnext",
            "ERPNext customers",
            "customers",
            {
                "code": take("Customer"),
                "name": take("Customer Name", "Customer"),
                "email": take("Contact Email"),
            },
        ),
        "products": Map(
            "erpnext",
            "ERPNext items",
            "products",
            {
                "sku": take("Item Code (Items)", "Item Code"),
                "name": take("Item Name (Items)", "Item Name", "Item Code (Items)", "Item Code"),
            },
            NO_LOTS,
        ),
    },
)  # fmt: skip
ERPNEXT_CUSTOMERS = Map(
    name="erpnext",
    title="ERPNext customers",
    kind="customers",
    columns={
        "code": take("ID", "Customer Name"),
        "name": take("Customer Name", "ID"),
        "email": take("Email Id", "Email ID", "Email Address"),
    },
    ignored=(
        "Series", "Customer Type", "Customer Group", "Territory", "Tax *", "Default *", "Is *", "Disabled", "Gender",
        "Mobile No", "Language", "Website", "Primary *", "Customer Primary *", "Account Manager", "Salutation",
        "Created On", "Last Updated *", "Market Segment", "Industry", "Loyalty *", "Status", "* (*)",
    ),
)  # fmt: skip

ORDER_MAPS = (SHOPIFY_ORDERS, WOOCOMMERCE_ORDERS, ODOO_ORDERS, ERPNEXT_ORDERS)
CUSTOMER_MAPS = (SHOPIFY_CUSTOMERS, WOOCOMMERCE_CUSTOMERS, ODOO_CUSTOMERS, ERPNEXT_CUSTOMERS)
