"""``python -m constructions``: see ``constructions.cli.main``."""

import sys

from constructions.cli.main import main

sys.exit(main())
