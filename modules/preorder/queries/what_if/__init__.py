"""What if: questions about what may happen, and their answers."""

from modules.preorder.queries.what_if.answers import Answer, Candidate, OfferedRemedy, Remedies, read_remedies, what_if
from modules.preorder.queries.what_if.questions import (
    CountQuestion,
    Question,
    RushQuestion,
    SupplyQuestion,
    later_day,
    rush_of,
    shorten,
)

__all__ = [
    "Answer",
    "Candidate",
    "CountQuestion",
    "OfferedRemedy",
    "Question",
    "Remedies",
    "RushQuestion",
    "SupplyQuestion",
    "later_day",
    "read_remedies",
    "rush_of",
    "shorten",
    "what_if",
]
