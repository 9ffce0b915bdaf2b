"""Numbers of nodes and cells in messages, however large they are."""

import math


def in_words(count: int) -> str:
    """The number with its digits in groups, or its order of magnitude when that is clearer."""
    return f"{count:,}" if count < 10**15 else f"about 10^{math.floor(math.log10(count))}"
