"""Answers to requests of programs. What needs flask-smorest is imported when the first of them comes."""

from modules.api.http.endpoint import ENDPOINT, document

__all__ = ["ENDPOINT", "document"]
