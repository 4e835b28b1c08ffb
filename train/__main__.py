"""`python -m train`."""

import sys

from train.cli import main

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main())
