"""Pulls one URL again and again and lets the kernel drop the bodies: the cheapest client, on the cores of the server.

usage: drop-bytes.py <connections> <seconds> <host> <port> <path> <token>
"""

import json
import socket
import sys
import threading
import time

BUFFER = 1 << 20
HEAD_LIMIT = 1 << 16


def pull(address, request, deadline, counted, failures):
    """One connection: a request after the other until the deadline; the last one is broken off."""
    buffer = bytearray(BUFFER)
    try:
        with socket.create_connection(address) as connection:
            connection.settimeout(30)
            while time.monotonic() < deadline:
                connection.sendall(request)
                head = b""
                while b"\r\n\r\n" not in head:
                    part = connection.recv(HEAD_LIMIT)
                    if not part or len(head) > HEAD_LIMIT:
                        raise ValueError(f"no answer but {head[:200]!r}")
                    head += part
                head, _, body = head.partition(b"\r\n\r\n")
                lines = head.decode("latin-1").lower().split("\r\n")
                if " 200" not in lines[0]:
                    raise ValueError(lines[0])
                length = next(int(line.split(":")[1]) for line in lines if line.startswith("content-length:"))
                left = length - len(body)
                counted[1] += len(body)
                while left > 0 and time.monotonic() < deadline:
                    # https://man7.org/linux/man-pages/man7/tcp.7.html: MSG_TRUNC discards the bytes instead of copying them.
                    dropped = connection.recv_into(buffer, min(BUFFER, left), socket.MSG_TRUNC)
                    if dropped == 0:
                        raise ValueError(f"the answer ends {left} bytes early")
                    left -= dropped
                    counted[1] += dropped
                if left == 0:
                    counted[0] += 1
    except (OSError, ValueError, StopIteration) as failure:
        failures.append(str(failure) or type(failure).__name__)


def main():
    connections, seconds, host, port, path, token = sys.argv[1:]
    request = f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
    started = time.monotonic()
    counts = [[0, 0] for _ in range(int(connections))]
    failures = []
    threads = [
        threading.Thread(target=pull, args=((host, int(port)), request, started + float(seconds), counted, failures))
        for counted in counts
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    json.dump(
        {
            "requests": sum(requests for requests, _ in counts),
            "bytes": sum(count for _, count in counts),
            "seconds": time.monotonic() - started,
            "failures": failures,
        },
        sys.stdout,
    )


main()
