"""Screens of the HTTP interface."""

from modules.api.admin.tokens import TokenScreen

__all__ = ["TokenScreen"]
