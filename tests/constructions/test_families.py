"""What every family promises: the same network twice, claims that are proved, and proofs that read the weights."""

from pathlib import Path

import numpy as np
import pytest

import bounds
from certify.errors import InvalidInput
from certify.network import Affine, Network
from constructions import catalogue, files
from constructions.sameness import difference
from constructions.theorem import Proved
from constructions.wiring import series
from tests.constructions.examples import EXAMPLES, construction

NAMES = sorted(EXAMPLES)
RIGHT = ("robust-radius", "centre-radius", "clean-error")


def test_every_family_has_an_example() -> None:
    assert set(catalogue.names()) == set(EXAMPLES)


@pytest.mark.parametrize("name", NAMES)
def test_building_twice_gives_the_same_network(name: str) -> None:
    assert construction(name).network.digest == construction(name).network.digest


@pytest.mark.parametrize("name", NAMES)
def test_every_claim_is_proved_and_tied_to_what_predicts_it(name: str) -> None:
    made = construction(name)
    assert len(made.claims) >= 3
    for claim in made.claims:
        found = claim.check()
        assert isinstance(found, Proved), (claim.name, found)
        assert found.method
        assert found.found
        if claim.entry:
            assert bounds.catalogue[claim.entry].id == claim.entry


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"cgro"}))
def test_a_network_that_answers_the_opposite_is_not_proved_right(name: str) -> None:
    made = construction(name)
    outputs = made.network.output_width
    wrong = series(made.network, Network.chain([Affine(-np.eye(outputs), np.zeros(outputs))]))
    right = [claim for claim in made.family.claims(wrong, made.data) if claim.name.startswith(RIGHT)]
    assert right
    assert not any(isinstance(claim.check(), Proved) for claim in right)


def test_a_network_of_another_shape_is_no_extension_of_a_clean_one() -> None:
    made = construction("cgro")
    with pytest.raises(InvalidInput, match="no classifier with a branch for covered points"):
        made.family.claims(series(made.network, Network.chain([Affine(-np.eye(1), np.zeros(1))])), made.data)


def test_a_graph_is_no_state_dict(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="state dict describes only"):
        files.save(construction("cgro"), tmp_path / "net.pt")


@pytest.mark.parametrize("extension", ["safetensors", "onnx", "onnx.gz", "pt"])
@pytest.mark.parametrize("name", NAMES)
def test_claims_travel_with_the_file_and_are_proved_again(name: str, extension: str, tmp_path: Path) -> None:
    if (name, extension) == ("cgro", "pt"):
        extension = "safetensors"  # no chain, see above
    made, path = construction(name), tmp_path / f"net.{extension}"
    files.save(made, path)
    back = files.load(path)
    assert difference(back.network, made.network) is None
    assert [(c.name, c.statement, c.value) for c in back.claims] == [
        (c.name, c.statement, c.value) for c in made.claims
    ]
    assert all(isinstance(claim.check(), Proved) for claim in back.claims)
