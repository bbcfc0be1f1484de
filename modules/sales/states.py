"""States of sales documents, and the transitions between them."""

from enum import StrEnum

from erp.states import StateMachine


class OrderState(StrEnum):
    """A sales order's state."""

    draft = "draft"
    confirmed = "confirmed"
    done = "done"
    cancelled = "cancelled"


ORDER = StateMachine(
    OrderState,
    {
        "confirm": {OrderState.draft: OrderState.confirmed},
        "allocate": {OrderState.confirmed: OrderState.confirmed},
        "pack": {OrderState.confirmed: OrderState.confirmed},
        "reverse_pack": {OrderState.confirmed: OrderState.confirmed, OrderState.done: OrderState.confirmed},
        "remove_allocation": {OrderState.confirmed: OrderState.confirmed},
        "change_quantity": {OrderState.confirmed: OrderState.confirmed},
        "change_requested_date": {OrderState.confirmed: OrderState.confirmed},
        "add_line": {OrderState.draft: OrderState.draft, OrderState.confirmed: OrderState.confirmed},
        "complete": {OrderState.confirmed: OrderState.done},
        "cancel": {OrderState.draft: OrderState.cancelled, OrderState.confirmed: OrderState.cancelled},
    },
)


class ShippingPolicy(StrEnum):
    """Whether an order may be packed in parts."""

    partial = "partial"
    complete = "complete"


class AllocationSource(StrEnum):
    """What made an allocation or a purchase allocation: a run, a clerk or a receipt."""

    automatic = "automatic"
    manual = "manual"
    receipt = "receipt"


class BackorderKind(StrEnum):
    """Whether a backorder waits for stock or for its product's launch."""

    backorder = "backorder"
    preorder = "preorder"


class BackorderState(StrEnum):
    """A backorder row's state."""

    open = "open"
    allocated = "allocated"
    cancelled = "cancelled"


class QuoteState(StrEnum):
    """A quote's state. One that is `open` counts until it expires, which no row says."""

    open = "open"
    used = "used"
    released = "released"
    broken = "broken"


QUOTE = StateMachine(
    QuoteState,
    {
        "use": {QuoteState.open: QuoteState.used},
        "release": {QuoteState.open: QuoteState.released},
        "break": {QuoteState.open: QuoteState.broken},
    },
)


class Fulfilment(StrEnum):
    """How far an order or a line is; derived, never stored."""

    unallocated = "unallocated"
    scheduled = "scheduled"
    part_allocated = "part_allocated"
    allocated = "allocated"
    part_packed = "part_packed"
    packed = "packed"
    cancelled = "cancelled"


class WorkList(StrEnum):
    """A work list: each open unit of a confirmed order is in exactly one. Derived, never stored."""

    ready = "ready"
    not_yet = "not_yet"
    blocked = "blocked"
    serial = "serial"
    covered = "covered"
    scheduled = "scheduled"
    held = "held"
    uncovered = "uncovered"
