"""Waiting for conditions, never for times."""
import random
import socket
import time


class TimedOut(AssertionError):
    pass


def wait_until(condition, timeout=60, what=None, interval=0.05):
    """Polls until condition() is true and returns its value."""
    end = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            described = what() if callable(what) else what or condition
            raise TimedOut(f"not within {timeout} s: {described}")
        time.sleep(interval)


def free_port():
    """A port nobody listens on, outside the range from which clients get theirs, so that it is still free after a restart."""
    while True:
        port = random.randint(15000, 31000)
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                s.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
