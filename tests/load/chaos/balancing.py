"""Shows that the balancer says which gateway a connection was lost with, when one of two is cut off while clients connect.

Runs before every storm, and by itself: `python3 tests/load/chaos/balancing.py`; needs root, and takes some seconds.
"""

import pathlib
import shutil
import socket
import tempfile
import threading
import time

from balancer import PORT, Balancer
from network import Network
from services import GATEWAY_PORT, Namespace, wait_until

# Over how long clients connect after the cut, which HAProxy needs longer to find, and how many do.
CONNECTING, CLIENTS = 0.8, 12
HEALTHY = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class Gateway:
    """Healthy, and answers everything else at once."""

    def __init__(self, name, place):
        self.name, self.place, self.asked = name, place, 0
        with place.host.entered():
            self.listener = socket.socket()
        self.listener.bind((place.address, GATEWAY_PORT))
        self.listener.listen(64)
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            connection, _ = self.listener.accept()
            threading.Thread(target=self._answer, args=[connection], daemon=True).start()

    def _answer(self, connection):
        with connection:
            asked = connection.recv(4096)
            if asked.startswith(b"call"):
                self.asked += 1
                connection.sendall(b"answer")
                # Until the client leaves.
                connection.recv(1)
            elif asked:
                connection.sendall(HEALTHY)


def ask(network, outcomes):
    with network["cl"].connect(network["lb"].address, PORT, 5) as connection:
        connection.settimeout(10)
        connection.sendall(b"call")
        try:
            answer = connection.recv(64)
        except OSError:
            answer = b""
        outcomes.append((connection.getsockname(), answer))


def rehearse(network, folder):
    first, second = (Gateway(name, Namespace(network[name], network.hub)) for name in ("g1", "g2"))
    balancer = Balancer(network["lb"], [first, second], folder)
    network.cut("lb", "g1")
    outcomes = []
    callers = [threading.Thread(target=ask, args=[network, outcomes]) for _ in range(CLIENTS)]
    for caller in callers:
        caller.start()
        time.sleep(CONNECTING / CLIENTS)
    for caller in callers:
        caller.join()

    def told():
        found = [balancer.connections.get(f"{address}:{port}") for (address, port), _ in outcomes]
        return all(found) and [connections[0] for connections in found]

    for (_, answer), connection in zip(outcomes, wait_until(told, "that HAProxy tells of all connections", 10)):
        if connection.gateway != ("g2" if answer else "g1"):
            raise AssertionError(f"a connection that got {answer!r} is said to have been of {connection}")
    if dropped := balancer.dropped():
        raise AssertionError(f"HAProxy told nothing of {dropped} connections")
    answered = sum(1 for _, answer in outcomes if answer)
    if not 0 < answered < CLIENTS or second.asked != answered:
        raise AssertionError(f"{answered} of {CLIENTS} were answered, and {second.asked} calls came to the gateway that was there")


def main():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="roost-chaos-", dir="/tmp"))
    network = Network(["lb", "cl", "g1", "g2"], folder)
    try:
        rehearse(network, folder)
    finally:
        network.close()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
    print("the balancer says with which gateway each connection was lost")
