"""The state of an unfinished training run on disk, so that a killed run continues to the same net."""

import dataclasses as dc
import os
from pathlib import Path

import numpy as np
import safetensors
import safetensors.numpy

from certify.errors import InvalidInput
from certify.io import files

_IDENTITY = "identity"


@dc.dataclass(frozen=True, slots=True)
class Checkpoint:
    """Where the state is kept, and after how many steps it is replaced; a file that is there is continued.

    Raises:
        InvalidInput: ``every`` is not positive.
    """

    path: str | os.PathLike[str]
    every: int = 1000

    def __post_init__(self) -> None:
        if self.every < 1:
            raise InvalidInput(f"A checkpoint every {self.every} steps has no meaning; give a number >= 1.")

    def save(self, arrays: dict[str, np.ndarray], identity: bytes) -> None:
        """Replaces the file in one step. ``identity`` (32 bytes) says which run the state belongs to.

        Raises:
            InvalidInput: the path cannot be written; the old file then stays.
        """
        whole = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
        whole[_IDENTITY] = np.frombuffer(identity, dtype=np.uint8)
        files.write(self.path, safetensors.numpy.save(whole))

    def load(self, identity: bytes) -> dict[str, np.ndarray] | None:
        """The arrays that were saved, or None when there is no file yet.

        Raises:
            InvalidInput: damaged, no checkpoint, or that of a run with other settings or data.
        """
        if not Path(self.path).exists():
            return None
        try:
            arrays = safetensors.numpy.load(files.read(self.path).data)
        except safetensors.SafetensorError as error:
            raise InvalidInput(f"{self.path} is no training checkpoint: {error}. Name another file.") from error
        if _IDENTITY not in arrays:
            raise InvalidInput(f"{self.path} is a safetensors file but no training checkpoint. Name another file.")
        if arrays.pop(_IDENTITY).tobytes() != identity:
            raise InvalidInput(
                f"The checkpoint {self.path} belongs to a run with other settings or other data. Repeat those, delete "
                f"it, or name another file."
            )
        return arrays
