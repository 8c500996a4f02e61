import errno
import os
import signal
from pathlib import Path

import psutil
import pytest

from .conftest import swift_process
from .swift_server import require_user_xattrs


def test_it_serves_on_loopback_and_ends_with_standard_input(
    swift_python: str, tmp_path: Path
) -> None:
    with swift_process(swift_python, tmp_path) as (process, access):
        listening = {
            connection.laddr
            for connection in psutil.Process(process.pid).net_connections("inet")
            if connection.status == psutil.CONN_LISTEN
        }
        assert {address.ip for address in listening} == {"127.0.0.1"}
        assert len(listening) == 4  # account, container, object, proxy
        assert access["endpoint_url"] in {f"http://127.0.0.1:{port}" for _, port in listening}

        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(timeout=60) == 0


def test_it_ends_on_sigterm(swift_python: str, tmp_path: Path) -> None:
    with swift_process(swift_python, tmp_path) as (process, _):
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == -signal.SIGTERM


def test_a_file_system_without_user_xattrs_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_arguments: object) -> None:
        raise OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP))

    monkeypatch.setattr(os, "setxattr", refuse, raising=False)
    with pytest.raises(SystemExit) as exit_info:
        require_user_xattrs(tmp_path)
    assert str(exit_info.value).startswith(f"{tmp_path}: the file system takes no extended user")
    assert list(tmp_path.iterdir()) == []
