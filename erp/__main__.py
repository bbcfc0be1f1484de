"""`python -m erp` is the `erp` command."""

import gc
from importlib import import_module


def main() -> None:
    """Run the command line of this process."""
    # Imports make most objects, and no cycle worth a search: the application turns this on when it is made.
    gc.disable()
    import_module("erp.cli").main()


if __name__ == "__main__":
    main()
