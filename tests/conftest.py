"""What every test shares: Hypothesis profiles, the folder of real data, one torch thread."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import jaxtyping
import pytest
import torch

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # started in the background; children would never see Ctrl-C
    signal.signal(signal.SIGINT, signal.default_int_handler)

torch.set_num_threads(1)  # tiny matrices gain nothing from threads

_QUIET = (hypothesis.HealthCheck.too_slow,)  # run-time shape checks slow the first examples of a cold process down
hypothesis.settings.register_profile(
    "default", max_examples=25, derandomize=True, deadline=None, suppress_health_check=_QUIET
)
hypothesis.settings.register_profile(
    "nightly", max_examples=10_000, deadline=None, suppress_health_check=_QUIET, print_blob=True
)
hypothesis.settings.load_profile("default")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--data-dir", metavar="DIR", help="folder of real data sets and nets (default: $RELUCERT_DATA)")


@pytest.fixture
def unchecked_shapes() -> Iterator[None]:
    """Turns run-time shape checks off, as they are for users, so that our own refusal of a wrong shape is reached."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


@pytest.fixture(scope="session")
def data_dir(request: pytest.FixtureRequest) -> Path:
    """The folder of real data sets and nets; the test is skipped when none was named."""
    named = request.config.getoption("--data-dir") or os.environ.get("RELUCERT_DATA")
    if not named:
        pytest.skip("needs --data-dir DIR (or the variable RELUCERT_DATA)")
    folder = Path(named)
    if not folder.is_dir():
        pytest.fail(f"the data folder {folder} does not exist")
    return folder
