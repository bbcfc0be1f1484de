"""What of returns comes in and goes out as CSV."""

from modules.returns.exchange.returns import RETURNS, RETURNS_OUT

__all__ = ["RETURNS", "RETURNS_OUT"]
