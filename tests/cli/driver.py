"""The command line with a made-up engine: ``python -m tests.cli.driver ARGS``; variables say how it behaves.

``FAKE_PAUSE``: seconds per input. ``FAKE_FAIL``: first coordinates of points that break it, by commas.
"""

import functools
import os
import sys

import certify.radius
from certify.cli.main import main
from tests.run.fakes import FakeCertifier


def engine() -> object:
    """The made-up engine's constructor."""
    settings = {
        "pause": float(os.environ.get("FAKE_PAUSE", "0")),
        "fail": tuple(float(x) for x in os.environ.get("FAKE_FAIL", "").split(",") if x),
    }
    return functools.partial(FakeCertifier, **settings)


if __name__ == "__main__":
    certify.radius.Certifier = engine()  # type: ignore[assignment, misc]
    sys.exit(main())
