"""`python -m erp` is the `erp` command."""

import gc
from importlib import import_module

# Python searches for cycles after each 700 new objects. Neither an import nor a run makes cycles worth a search:
# searching less often makes a command start, and a long allocation end, a sixth sooner.
COLLECT_AFTER = 50_000


def main() -> None:
    """Run the command line of this process."""
    gc.set_threshold(COLLECT_AFTER)
    # Only now: most objects are made by imports.
    import_module("erp.cli").main()


if __name__ == "__main__":
    main()
