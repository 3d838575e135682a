"""Waiting for conditions, never for times."""
import random
import socket
import time


class TimedOut(AssertionError):
    pass


def wait_until(condition, timeout=60, what=None, interval=0.05, progress=None):
    """Polls until condition() is true and returns its value. The time begins anew whenever progress() is another value."""
    end = time.monotonic() + timeout
    reached = progress and progress()
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            # before it is given up, and not at each poll: it may cost something
            now = progress and progress()
            if now != reached:
                reached, end = now, time.monotonic() + timeout
                continue
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
