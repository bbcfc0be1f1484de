"""Rendering templates in a process of their own, while no transaction is held.

That process imports this package, so the package itself imports nothing.
"""
