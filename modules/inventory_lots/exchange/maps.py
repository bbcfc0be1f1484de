"""Layouts of product and stock files of other systems, as those systems name their columns.

A shop keeps no lots, so what comes from one is kept with tracking `none`.
"""

from erp.exchange import LeaveOut, Map, Source, take

PIECES = {"Nos": "pcs", "Unit": "pcs", "Units": "pcs", "Unit(s)": "pcs"}
NO_LOTS = {"tracking": "none"}
# Odoo shows a product as "[SKU] Name".
IN_BRACKETS = r"^\[([^\]]+)\]"
WITHOUT_SKU = "products without a SKU"

SHOPIFY_PRODUCTS = Map(
    name="shopify",
    title="Shopify products",
    kind="products",
    columns={
        "sku": take("Variant SKU", "SKU"),
        "name": (
            Source(
                ("Title", "Option1 Value", "Option2 Value", "Option3 Value"),
                values={"Default Title": ""},
            ),
        ),
    },
    constants=NO_LOTS,
    leaves_out=(LeaveOut("Variant SKU", WITHOUT_SKU, ("",)), LeaveOut("SKU", WITHOUT_SKU, ("",))),
    ignored=(
        "Body*", "Description", "Vendor", "*Category", "Type", "Tags", "Published*", "Option*", "Variant *", "Image *",
        "*image*", "Gift Card", "SEO *", "Google Shopping *", "*(product.metafields.*", "Cost per item", "Status",
        "Price*", "*price*", "Compare-at*", "Barcode", "Inventory *", "Weight*", "Requires shipping",
        "Fulfillment service", "Charge tax", "Included *", "Unit price *", "Continue selling *", "*template*",
        "Collection", "International *", "URL handle", "Handle",
    ),
    key=("Handle", "URL handle"),
    carried=("Title",),
)  # fmt: skip
SHOPIFY_STOCK = Map(
    name="shopify",
    title="Shopify inventory",
    kind="stock",
    columns={
        "sku": take("SKU"),
        "location": take("Location", form="{}/STOCK"),
        "quantity": take("On hand (current)", "On hand"),
    },
    leaves_out=(
        LeaveOut("SKU", WITHOUT_SKU, ("",)),
        LeaveOut("On hand (current)", "products not stocked at a location", ("", "not stocked")),
        LeaveOut("On hand", "products not stocked at a location", ("", "not stocked")),
    ),
    ignored=(
        "Handle", "Title", "Option*", "HS Code", "COO", "Bin name", "Barcode", "Incoming*", "Unavailable*",
        "Committed*", "Available*", "On hand (new)",
    ),
    makes={
        "products": Map(
            "shopify",
            "Shopify products",
            "products",
            {
                "sku": take("SKU"),
                "name": (
                    Source(("Title", "Option1 Value", "Option2 Value", "Option3 Value"), values={"Default Title": ""}),
                ),
            },
            NO_LOTS,
        )
    },
)  # fmt: skip
# The products that WooCommerce itself exports; a product with variations is not sold itself.
_WOOCOMMERCE_LEFT_OUT = (
    LeaveOut("Type", "products that only group others", ("variable", "grouped", "external")),
    LeaveOut("SKU", WITHOUT_SKU, ("",)),
)
_WOOCOMMERCE_IGNORED = (
    "ID", "GTIN*", "Published", "Is featured?", "Visibility in *", "Short description", "Description", "Date sale *",
    "Tax *", "In stock?", "Low stock amount", "Backorders allowed?", "Sold individually?", "Weight *", "Length *",
    "Width *", "Height *", "Allow customer reviews?", "Purchase note", "Sale price", "Regular price", "Categories",
    "Tags", "Shipping class", "Images", "Download *", "Parent", "Grouped products", "Upsells", "Cross-sells",
    "External URL", "Button text", "Position", "Brands", "Attribute *", "Meta: *", "Swatches *", "Manage stock?",
)  # fmt: skip
_WOOCOMMERCE_PRODUCT = {"sku": take("SKU"), "name": take("Name")}
WOOCOMMERCE_PRODUCTS = Map(
    name="woocommerce",
    title="WooCommerce products",
    kind="products",
    columns=_WOOCOMMERCE_PRODUCT,
    constants=NO_LOTS,
    leaves_out=_WOOCOMMERCE_LEFT_OUT,
    ignored=("Stock", *_WOOCOMMERCE_IGNORED),
)
WOOCOMMERCE_STOCK = Map(
    name="woocommerce",
    title="WooCommerce stock",
    kind="stock",
    columns={"sku": take("SKU"), "quantity": take("Stock")},
    constants={"location": "WH/STOCK"},
    leaves_out=(*_WOOCOMMERCE_LEFT_OUT, LeaveOut("Stock", "products whose stock the shop does not manage", ("",))),
    ignored=("Name", *_WOOCOMMERCE_IGNORED),
    makes={"products": Map("woocommerce", "WooCommerce products", "products", _WOOCOMMERCE_PRODUCT, NO_LOTS)},
)
ODOO_PRODUCTS = Map(
    name="odoo",
    title="Odoo products",
    kind="products",
    columns={
        "sku": take("Internal Reference", "default_code"),
        "name": take("Name", "name", "Display Name", part=r"^(?:\[[^\]]*\] ?)?(.*)$"),
        "unit": take("Unit of Measure", "Unit", "uom_id", values=PIECES),
        "tracking": take(
            "Tracking",
            "tracking",
            values={
                "By Lots": "lot",
                "By Unique Serial Number": "serial",
                "No Tracking": "none",
                "By Quantity": "none",
            },
        ),
    },
    constants=NO_LOTS,
    leaves_out=(
        LeaveOut("Internal Reference", WITHOUT_SKU, ("",)),
        LeaveOut("default_code", WITHOUT_SKU, ("",)),
    ),
    ignored=(
        "id", "External ID", "*Price*", "Cost*", "Quantity On Hand", "Forecasted Quantity", "Product Type", "Type",
        "*Category*", "*Tax*", "Barcode", "Responsible*", "Favorite", "Can be *", "Track Inventory", "*Activity*",
        "Weight", "Volume", "Description*", "Active", "Display Name", "Show *", "# *", "Image*",
    ),
)  # fmt: skip
ODOO_STOCK = Map(
    name="odoo",
    title="Odoo stock",
    kind="stock",
    columns={
        "sku": take("Product/Internal Reference", "Product", "product_id", part=IN_BRACKETS),
        "lot": take("Lot/Serial Number", "lot_id"),
        "location": take("Location", "location_id"),
        "quantity": take("Quantity", "Inventoried Quantity", "On Hand Quantity", "quantity"),
    },
    ignored=(
        "id", "External ID", "Available Quantity", "Reserved Quantity", "Counted Quantity", "Difference", "*Unit*",
        "Scheduled Date", "Assigned To", "Company", "Package", "Owner", "Value", "Product Category",
    ),
    makes={
        "products": Map(
            "odoo",
            "Odoo products",
            "products",
            {
                "sku": take("Product/Internal Reference", "Product", "product_id", part=IN_BRACKETS),
                "name": take("Product/Name", "Product", "product_id", part=r"^(?:\[[^\]]*\] ?)?(.*)$"),
            },
        )
    },
)  # fmt: skip
ERPNEXT_PRODUCTS = Map(
    name="erpnext",
    title="ERPNext items",
    kind="products",
    columns={
        "sku": take("Item Code", "ID"),
        "name": take("Item Name", "Item Code"),
        "unit": take("Default Unit of Measure", "Stock UOM", values=PIECES),
        "tracking": (
            *take("Has Serial No", values={"1": "serial", "Yes": "serial", "0": "", "No": ""}),
            *take("Has Batch No", values={"1": "lot", "Yes": "lot", "0": "", "No": ""}),
        ),
    },
    constants=NO_LOTS,
    leaves_out=(
        LeaveOut("Has Variants", "items that are templates", ("1", "Yes")),
        LeaveOut("Maintain Stock", "items without stock", ("0", "No")),
    ),
    ignored=(
        "ID", "Item Group", "Disabled", "Description", "*Rate*", "Brand", "Allow *", "Is *", "Valuation *", "Opening *",
        "Over *", "Series", "Shelf *", "End of *", "Weight*", "Warranty*", "Country*", "Customs*", "Lead *", "Safety *",
        "Minimum *", "Default *", "Auto *", "Created On", "Last Updated *", "Image", "Status",
    ),
)  # fmt: skip
ERPNEXT_STOCK = Map(
    name="erpnext",
    title="ERPNext stock",
    kind="stock",
    columns={
        "sku": take("Item Code", "Item"),
        "lot": take("Batch", "Batch No"),
        "location": take("Warehouse", form="{}/STOCK"),
        "quantity": take("Actual Quantity", "Actual Qty", "Balance Qty"),
    },
    ignored=(
        "ID", "Item Name", "Item Group", "Stock UOM", "UOM", "*Value*", "Valuation Rate", "Reserved *", "Ordered *",
        "Requested *", "Planned *", "Projected *", "Opening *", "In Qty", "Out Qty", "Company", "Re-order *", "*Rate",
        "Average Age", "Earliest Age", "Latest Age", "Created On", "Last Updated *", "FCFS Rate",
    ),
    makes={
        "products": Map(
            "erpnext",
            "ERPNext items",
            "products",
            {"sku": take("Item Code", "Item"), "name": take("Item Name", "Item Code", "Item")},
            NO_LOTS,
        )
    },
)  # fmt: skip

PRODUCT_MAPS = (SHOPIFY_PRODUCTS, WOOCOMMERCE_PRODUCTS, ODOO_PRODUCTS, ERPNEXT_PRODUCTS)
STOCK_MAPS = (SHOPIFY_STOCK, WOOCOMMERCE_STOCK, ODOO_STOCK, ERPNEXT_STOCK)
