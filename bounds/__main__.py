"""``python -m bounds``."""

import sys

from bounds.cli.main import main

sys.exit(main())
