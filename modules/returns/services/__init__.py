"""What returns can do: the only writers of their tables. They flush; the caller that opened the transaction commits.

Each locks the products of the goods first, then the return, and decides on what it reads under these locks.
"""

from modules.returns.services.demo import load_demo
from modules.returns.services.inspections import inspect
from modules.returns.services.reminders import release_or_refuse, remind
from modules.returns.services.replacements import replace
from modules.returns.services.returns import cancel_return, create_returns, lock_return, receive

__all__ = [
    "cancel_return",
    "create_returns",
    "inspect",
    "load_demo",
    "lock_return",
    "receive",
    "release_or_refuse",
    "remind",
    "replace",
]
