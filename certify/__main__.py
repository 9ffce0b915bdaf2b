"""``python -m certify``: see ``certify.cli.main``."""

import sys

from certify.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
