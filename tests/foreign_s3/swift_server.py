"""OpenStack Swift's S3 interface in one process: an S3 that this project did not write.

Runs in a Python that has ``swift`` installed (``pip install swift``; wheels suffice), which need
not be the one the tests run in: Swift brings eventlet, which patches the standard library.

    python tests/foreign_s3/swift_server.py --directory DIRECTORY

prints one line of JSON once requests are answered: ``endpoint_url``, ``access_key``,
``secret_key``, ``region``. Ends on SIGTERM and when standard input ends, so that it cannot outlive
whoever started it. Everything it writes is in DIRECTORY, everything it serves on 127.0.0.1.
"""

# pyright: reportMissingImports=false
# (swift and eventlet are installed where this file runs, not where it is type-checked)

import argparse
import json
import logging
import os
import secrets
import sys
import time
import warnings
from pathlib import Path
from typing import Any

_HOST = "127.0.0.1"
_ACCOUNT, _USER = "test", "tester"
_REGION = "us-east-1"

# Swift's own timeouts between its servers (0.5 s to connect, 3 to 10 s to answer) suit a data
# centre. Here one thread is all four servers, and a busy machine makes it wait for itself. For the
# same reason no number of late answers makes the proxy give its only disk up (it would after ten).
_PATIENCE = {
    "conn_timeout": "60",
    "node_timeout": "120",
    "container_update_timeout": "60",
    "error_suppression_limit": "1000000000",
}

_PROXY = """\
[DEFAULT]
swift_dir = {directory}
log_level = WARNING
log_custom_handlers = {log_hook}

[pipeline:main]
pipeline = catch_errors gatekeeper s3api tempauth bulk slo proxy-server

[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
{patience}

[filter:s3api]
use = egg:swift#s3api
location = {region}

[filter:tempauth]
use = egg:swift#tempauth
user_{account}_{user} = {secret_key} .admin

[filter:catch_errors]
use = egg:swift#catch_errors

[filter:gatekeeper]
use = egg:swift#gatekeeper

[filter:bulk]
use = egg:swift#bulk

[filter:slo]
use = egg:swift#slo
"""


def require_user_xattrs(directory: Path) -> None:
    """Exit with a message unless files in the directory can carry extended user attributes.

    Swift keeps an object's metadata there (Swift deployment guide, "Filesystem considerations").
    """
    probe = directory / "xattr-probe"
    probe.touch()
    try:
        os.setxattr(probe, "user.swift.probe", b"1")
    except OSError as error:
        sys.exit(
            f"{directory}: the file system takes no extended user attributes ({error.strerror}), "
            "which Swift needs; use ext4, xfs, or tmpfs on Linux 6.6 or newer"
        )
    finally:
        probe.unlink()


def log_to_stderr(*hook_arguments: Any) -> None:
    """Send what Swift logs to standard error instead of the machine's syslog.

    Called by Swift for each logger it makes, as ``log_custom_handlers``.
    """
    logger = hook_arguments[5]
    for handler in logger.handlers[:]:
        logger.removeHandler(handler)
        handler.close()
    logger.addHandler(logging.StreamHandler())


def start_servers(directory: Path) -> dict[str, str]:
    """Start the account, container, object and proxy servers; return where and how to reach them.

    They run as green threads, whenever the calling thread waits in eventlet.
    """
    # As Swift's own daemons do (swift.common.wsgi.run_server): the signing dates are UTC.
    os.environ["TZ"] = "UTC+0"
    time.tzset()

    from swift.common import utils

    utils.monkey_patch()  # before the servers' modules are imported

    import eventlet  # type: ignore[import-not-found]
    from swift.account.server import app_factory as account_app
    from swift.common.http_protocol import SwiftHttpProtocol
    from swift.common.ring import RingBuilder
    from swift.common.wsgi import get_socket, loadapp
    from swift.container.server import app_factory as container_app
    from swift.obj.server import app_factory as object_app

    (directory / "swift.conf").write_text("[swift-hash]\nswift_hash_path_suffix = tests\n")
    utils.set_swift_dir(str(directory))
    (directory / "devices" / "disk").mkdir(parents=True, exist_ok=True)
    log_hook = f"{__name__}.{log_to_stderr.__name__}"
    storage = {
        "swift_dir": str(directory),
        "devices": str(directory / "devices"),
        "mount_check": "false",
        "fallocate_reserve": "0",
        "log_level": "WARNING",
        "log_custom_handlers": log_hook,
        **_PATIENCE,
    }

    def listen() -> Any:
        return get_socket({"bind_ip": _HOST, "bind_port": 0})

    def serve(listener: Any, app: Any) -> None:
        eventlet.spawn_n(
            eventlet.wsgi.server,
            listener,
            app,
            utils.NullLogger(),
            protocol=SwiftHttpProtocol,
            # Otherwise "ETag" goes out as "Etag" (swift.common.wsgi.run_server).
            capitalize_response_headers=False,
        )

    warnings.filterwarnings("ignore", message="capitalize_response_headers is disabled")
    listeners = {kind: listen() for kind in ("account", "container", "object")}
    for kind, listener in listeners.items():
        ring = RingBuilder(part_power=1, replicas=1, min_part_hours=0)
        ring.add_dev(
            {
                "region": 1,
                "zone": 1,
                "weight": 1.0,
                "ip": _HOST,
                "port": listener.getsockname()[1],
                "device": "disk",
            }
        )
        ring.rebalance()
        ring.get_ring().save(str(directory / f"{kind}.ring.gz"))
    for kind, app in (
        ("account", account_app),
        ("container", container_app),
        ("object", object_app),
    ):
        serve(listeners[kind], app({}, **storage))

    secret_key = secrets.token_hex(16)
    proxy_conf = directory / "proxy-server.conf"
    proxy_conf.write_text(
        _PROXY.format(
            directory=directory,
            log_hook=log_hook,
            patience="\n".join(f"{name} = {value}" for name, value in _PATIENCE.items()),
            region=_REGION,
            account=_ACCOUNT,
            user=_USER,
            secret_key=secret_key,
        )
    )
    proxy = listen()
    serve(proxy, loadapp(str(proxy_conf)))
    return {
        "endpoint_url": f"http://{_HOST}:{proxy.getsockname()[1]}",
        "access_key": f"{_ACCOUNT}:{_USER}",
        "secret_key": secret_key,
        "region": _REGION,
    }


def main() -> None:
    """Serve until standard input ends."""
    parser = argparse.ArgumentParser(description="OpenStack Swift's S3 interface in one process.")
    parser.add_argument("--directory", type=Path, required=True, help="where everything is kept")
    directory: Path = parser.parse_args().directory.resolve()
    directory.mkdir(parents=True, exist_ok=True)
    require_user_xattrs(directory)
    sys.stdout.write(json.dumps(start_servers(directory)) + "\n")
    sys.stdout.flush()

    from eventlet import tpool

    tpool.execute(sys.stdin.buffer.read)  # in a real thread, while the servers run in this one


if __name__ == "__main__":
    main()
