"""What tests on Ray share: whether it is there, where a cluster of ours listens, and what is left of one."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

from askance.executors import sessions

NEEDS_RAY = pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed: pip install 'askance[ray]'")


def named(session: int, name: str) -> list[int]:
    """Processes of a session whose command holds a name."""
    return [pid for pid in sessions.members(session) if name in Path(f"/proc/{pid}/cmdline").read_text()]


def head_port(session: int) -> int:
    """The port of a cluster's head."""
    (head,) = named(session, "gcs_server")
    own = set(sessions._sockets(head))
    tables = [sessions._PROC / "net" / name for name in ("tcp", "tcp6")]
    (port,) = {place[1] for table in tables for place, inode in sessions._listening(table) if inode in own}
    return port


def clusters(place: Path) -> list[str]:
    """Folders of clusters of ours that are there."""
    return [file.name for file in place.glob("askance-ray-*")]
