"""What the sample refuses."""

from __future__ import annotations

from erp.errors import ErpError


class WishTooLong(ErpError):
    """A wish is longer than the option allows."""

    def __init__(self, *, longest: int) -> None:
        super().__init__(f"A wish has at most {longest} letters. Say it in fewer.")


class WishWaits(ErpError):
    """A line cannot be packed until a wish is granted."""

    def __init__(self, *, wish: str, signature: str) -> None:
        by = f" by {signature}" if signature else ""
        super().__init__(f"The wish “{wish}” has to be granted{by} first.")


class WishesWait(ErpError):
    """The module has wishes that are not granted yet."""

    def __init__(self, *, count: int) -> None:
        super().__init__(f"{count} wishes were not granted yet.")
