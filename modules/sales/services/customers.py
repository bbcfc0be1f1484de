"""Customers as files bring them."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.orm import Session

from erp.contacts import ContactData, Saved, save_contacts
from modules.sales.models import Customer


def save_customers(session: Session, customers: Sequence[ContactData]) -> Saved:
    """Insert customers or change them by code; return how many are new and how many changed."""
    return save_contacts(session, Customer, customers)
