"""wandb-core, the process that the SDK of W&B starts: kill it when it hangs, and forget it."""

from __future__ import annotations

import importlib
import logging

logger = logging.getLogger(__name__)

_CORE_NAME = "wandb-core"


def kill_cores() -> None:
    """Kill every wandb-core of this process: a stopped or hanging one blocks its callers."""
    import psutil

    for child in psutil.Process().children():
        try:
            if child.name().startswith(_CORE_NAME):
                child.kill()
        except psutil.NoSuchProcess:
            logger.debug("wandb-core %d is gone already", child.pid)


def forget_core() -> None:
    """Make the SDK start a new wandb-core at its next use; call this only when the old one is dead."""
    try:
        importlib.import_module("wandb").teardown()
    except (Exception, SystemExit) as error:
        # It asks the dead core to end, and would end this process with the core's exit status.
        logger.debug("wandb-core is dead: %s", error)
