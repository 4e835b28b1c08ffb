"""What a process that only describes pictures does first. It imports nothing above this room, so it starts quickly."""

import gc
import multiprocessing
import os
import signal
import threading


def begin_work() -> None:
    """Leave Ctrl-C to the parent, end when it ends, however it ends, and pass over what lives for ever anyway.

    Remarks of C libraries about one of a million pictures go nowhere: what matters is returned or raised.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    gc.freeze()
    parent = multiprocessing.parent_process()
    if parent is not None:

        def follow() -> None:
            parent.join()
            os._exit(1)

        threading.Thread(target=follow, daemon=True).start()
