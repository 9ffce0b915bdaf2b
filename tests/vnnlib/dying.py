"""A worker that misbehaves; alone in a file, because the process that runs it imports it."""

import os
import time
from multiprocessing.connection import Connection


def dying(connection: Connection, _: str) -> None:
    """A worker that answers ``high`` once, hangs on ``hang`` and dies of anything else."""
    connection.send("ready")
    while True:
        instance, _ = connection.recv()
        if instance.onnx == "hang":
            time.sleep(60)
        if "high" not in instance.vnnlib or instance.seconds == 0:
            os._exit(7)
        connection.send(("unsat", "", ()))
