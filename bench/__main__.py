"""`python -m bench NAME [OPTIONS]`: run one benchmark."""

from __future__ import annotations

import importlib
import sys

NAMES = ("allocate", "emails", "orders", "preview", "quotes", "rebalance", "search", "what-if")


def main() -> int:
    """Run the benchmark that the first argument names."""
    if len(sys.argv) < 2 or sys.argv[1] not in NAMES:
        print(f"usage: python -m bench {'|'.join(NAMES)} [--help]", file=sys.stderr)
        return 2
    importlib.import_module(f"bench.{sys.argv[1].replace('-', '_')}").main(sys.argv[2:])
    return 0


if __name__ == "__main__":
    sys.exit(main())
