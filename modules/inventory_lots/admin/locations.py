"""The screens of warehouses and locations."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session
from typing_extensions import override
from wtforms import Form

from erp.admin import ExtraColumn, Screen, by_ids
from modules.inventory_lots import queries, services
from modules.inventory_lots.admin.counting import CountLocation
from modules.inventory_lots.admin.filters import LOCATION_FILTERS
from modules.inventory_lots.models import Location, Warehouse


class LocationScreen(Screen):
    """Where stock is stored."""

    model = Location
    view_name = "inventory_lots.location"
    title = "Locations"
    noun = "location"
    url = "/inventory/locations"
    icon = "fa-map-marker"
    edit_permission = "inventory_lots.edit"
    column_list = ("path", "kind")
    column_labels = {"path": "Location"}
    column_searchable_list = ("path",)
    column_filters = ("path", "kind", *LOCATION_FILTERS)
    column_default_sort = "path"
    computed_columns = (ExtraColumn("lots", "Lots in it", by_ids(queries.lot_counts)),)
    form_columns = ("path", "kind")
    form_args = {
        "path": {"description": "WAREHOUSE/LOCATION, such as WH/STOCK. A new warehouse is added with it."},
        "kind": {"description": "Stock in quarantine is neither allocated nor packed."},
    }
    header_fields = (("Warehouse", "warehouse.code"), ("Kind", "kind"))
    actions = (CountLocation.action(style="primary"),)
    empty_message = "There are no locations yet. Stock needs at least one, such as WH/STOCK."

    @override
    def save(self, session: Session, form: Form, row: Any) -> Any:
        path, kind = form["path"].data, form["kind"].data
        if row is None:
            return services.make_location(session, path, kind=kind)
        services.change_kind(session, row.id, kind)
        return services.rename_location(session, row.id, path)

    @override
    def delete(self, session: Session, row: Any) -> None:
        services.delete_location(session, row.id)


class WarehouseScreen(Screen):
    """The buildings that hold locations."""

    model = Warehouse
    view_name = "inventory_lots.warehouse"
    title = "Warehouses"
    noun = "warehouse"
    url = "/inventory/warehouses"
    icon = "fa-building-o"
    edit_permission = "inventory_lots.edit"
    column_list = ("code", "name")
    column_searchable_list = ("code", "name")
    column_default_sort = "code"
    form_columns = ("code", "name")
    form_args = {"code": {"description": "The first part of each of its locations."}}
    form_widths = {"code": 3}
    empty_message = "There are no warehouses yet."

    @override
    def save(self, session: Session, form: Form, row: Any) -> Any:
        row = super().save(session, form, row)
        services.rename_locations(session, row.id)
        return row
