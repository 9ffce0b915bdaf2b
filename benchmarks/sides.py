"""The two sides of a comparison of bounders."""

import enum

from certify.bounders.alpha import AlphaBounder, Ascent
from certify.bounders.auto_lirpa import AutoLirpaBounder
from certify.bounders.base import AbstractBounder
from certify.bounders.crown import CrownBounder
from certify.network import Network

EQUAL_MARGIN = Ascent(margin_steps=20, hidden_steps=12, rate=1.0, decay=0.9)
"""Enough ascent to reach the mean margin of the peer's joint optimisation of all intermediate bounds."""


class Side(enum.Enum):
    """A method and whose it is."""

    OUR_CROWN = "our CROWN"
    PEER_CROWN = "auto_LiRPA CROWN"
    OUR_ALPHA = "our alpha-CROWN"
    PEER_ALPHA = "auto_LiRPA CROWN-Optimized"


def bounder(side: Side, network: Network) -> AbstractBounder:
    """The bounder of a side, in float32; the peer's alpha-CROWN takes 10 iterations on all intermediate bounds."""
    match side:
        case Side.OUR_CROWN:
            return CrownBounder(network)
        case Side.OUR_ALPHA:
            return AlphaBounder(network, ascent=EQUAL_MARGIN)
        case Side.PEER_CROWN:
            return AutoLirpaBounder(network, network.input_shape, method="CROWN")
        case Side.PEER_ALPHA:
            return AutoLirpaBounder(network, network.input_shape, method="CROWN-Optimized")
