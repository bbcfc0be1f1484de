"""A browser for the screens of returns."""

from __future__ import annotations

from tests.core.conftest import command as command
from tests.sales.conftest import desk as desk
from tests.sales.conftest import desk_of as desk_of
