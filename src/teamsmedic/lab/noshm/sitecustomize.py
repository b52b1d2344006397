"""Lets Ansible's queues do without semaphores, on machines where nobody but root can make one.

Python imports this at start where its folder is in PYTHONPATH; only the demo puts it there, where a lock cannot
be made: semaphores live in /dev/shm, which an ordinary user cannot write on some small machines and in containers.
Ansible takes only locks, and the bounds of queues that have none, from them; a byte in a pipe serves as well, since its
workers are forked.
"""

from __future__ import annotations

import multiprocessing
import multiprocessing.synchronize
import os
from typing import Any


class PipeLock:
    """A lock that is one byte in a pipe: whoever has read it holds the lock."""

    def __init__(self, *_: Any, **__: Any) -> None:
        self._take, self._give = os.pipe()
        os.write(self._give, b"1")

    def acquire(self, block: bool = True, timeout: float | None = None) -> bool:  # noqa: ARG002 - Lock's signature
        """Takes the lock; waits for it."""
        return bool(os.read(self._take, 1))

    def release(self) -> None:
        """Gives it back."""
        os.write(self._give, b"1")

    def __enter__(self) -> bool:
        """Takes the lock."""
        return self.acquire()

    def __exit__(self, *_: object) -> None:
        """Gives it back."""
        self.release()


class Unbounded(PipeLock):
    """The bound of a queue that has none."""

    def acquire(self, block: bool = True, timeout: float | None = None) -> bool:  # noqa: ARG002 - Lock's signature
        """There is always room."""
        return True

    def release(self) -> None:
        """Nothing was taken."""


try:
    multiprocessing.get_context("fork").Lock()
except OSError:
    multiprocessing.synchronize.Lock = PipeLock  # type: ignore[assignment,misc]  # Lock's part that Ansible uses
    multiprocessing.synchronize.BoundedSemaphore = Unbounded  # type: ignore[assignment,misc]  # ditto
