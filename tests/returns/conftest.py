"""A browser for the screens of returns."""

from __future__ import annotations

from tests.core.conftest import command as command
from tests.core.conftest import empty_app as empty_app
from tests.core.conftest import make_empty_app as make_empty_app
from tests.sales.conftest import desk as desk
from tests.sales.conftest import desk_of as desk_of
