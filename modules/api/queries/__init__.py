"""Reads of the HTTP interface's own tables; they change nothing."""

from modules.api.queries.answers import kept_answer
from modules.api.queries.tokens import TokenUser, key_of, tokens_of, user_of_token
from modules.api.queries.webhooks import event_titles, still_holds

__all__ = ["TokenUser", "event_titles", "kept_answer", "key_of", "still_holds", "tokens_of", "user_of_token"]
