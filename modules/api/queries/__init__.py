"""Reads of the HTTP interface's own tables; they change nothing."""

from modules.api.queries.answers import kept_answer
from modules.api.queries.tokens import TokenUser, key_of, token_of, tokens_of

__all__ = ["TokenUser", "kept_answer", "key_of", "token_of", "tokens_of"]
