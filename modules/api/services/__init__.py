"""What the HTTP interface writes of its own: tokens, counts of requests and kept answers."""

from modules.api.services.answers import forget_answers, keep_answer
from modules.api.services.limits import count_request
from modules.api.services.tokens import add_token, note_use, revoke_token

__all__ = ["add_token", "count_request", "forget_answers", "keep_answer", "note_use", "revoke_token"]
