"""What a session of processes is made of, where it listens, and that nothing of it is left."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from askance.executors.sessions import end, members, open_doors

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are found by Linux's /proc")

LISTENS = """
import socket, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], process_group=0)
doors = [socket.create_server((host, 0)) for host in sys.argv[1:]]
print(*(door.getsockname()[1] for door in doors), flush=True)
time.sleep(60)
"""


def started(*hosts: str) -> tuple[subprocess.Popen[str], list[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", LISTENS, *hosts], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdout is not None
    return process, process.stdout.readline().split()


def test_a_session_ends_with_all_that_it_started_even_in_other_groups() -> None:
    process, _ = started()
    assert len(members(process.pid)) == 2
    end(process.pid)
    assert members(process.pid) == []
    process.communicate()
    assert process.returncode == -9


def test_only_what_other_machines_could_reach_is_an_open_door() -> None:
    process, ports = started("127.0.0.1", "0.0.0.0")
    try:
        assert open_doors(process.pid) == [f"0.0.0.0:{ports[1]}"]
    finally:
        end(process.pid)
        process.communicate()
