"""moto's S3 server on loopback, every answer `DELAY` seconds late: `python -m ... DELAY`; prints its port."""

import sys
import time
from collections.abc import Callable, Iterable
from typing import Any


def main() -> None:
    """Serve until killed."""
    from moto.server import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server

    delay, application = float(sys.argv[1]), DomainDispatcherApplication(create_backend_app)

    def late(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] == "GET":
            time.sleep(delay)
        return application(environ, start)  # type: ignore[no-any-return]

    server = make_server("127.0.0.1", 0, late, threaded=True)
    print(server.server_port, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
