"""Runs deploy/compose.yaml on a real Docker engine and tries what has to work there; `run` beside it prepares what it needs.

Exit status 77 says that no engine can be had here; under CI=true that is a failure.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from engine import Engine, Unavailable, run, wait_for  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
HERE = os.path.join(ROOT, "tests", "containers")
WORK = os.path.join(ROOT, ".build", "containers")
NOTES = "10.213.7.1"
URL = "http://127.0.0.1:4400"
STARTED = time.monotonic()


def say(text):
    print(f"{time.monotonic() - STARTED:6.1f} s  {text}", flush=True)


def check(condition, text):
    if not condition:
        raise AssertionError(text)
    say(f"ok: {text}")


# --- Images ---------------------------------------------------------------------------------------------------------------------------


def make_base(engine):
    """The base image under the name that the Dockerfile uses, made of Debian's packages: no registry is needed."""
    if engine.has("debian:bookworm-slim"):
        return
    # In memory where there is enough: it is bound by the disk otherwise.
    memory = "/dev/shm" if os.path.isdir("/dev/shm") and shutil.disk_usage("/dev/shm").free > 1 << 30 else WORK
    archive = os.path.join(WORK, "base.tar")
    run("mmdebstrap", "--quiet", "--variant=minbase", "--include=ca-certificates", "--dpkgopt=force-unsafe-io", "bookworm", archive,
        env=dict(os.environ, TMPDIR=memory))
    engine.docker("import", archive, "debian:bookworm-slim")
    os.remove(archive)


def make_postgres(engine):
    """A stand-in for `postgres:15`: see postgres/Dockerfile."""
    context = os.path.join(WORK, "postgres")
    shutil.rmtree(context, ignore_errors=True)
    folders = ("usr/lib/postgresql/15", "usr/share/postgresql/15")
    if not os.path.isdir(f"/{folders[0]}"):
        raise Unavailable("PostgreSQL 15 is not installed (deploy/install-packages test)")
    # Its just-in-time compiler is large and optional.
    unneeded = shutil.ignore_patterns("bitcode", "llvmjit*", "pgxs", "extension.bak")
    for folder in folders:
        shutil.copytree(f"/{folder}", f"{context}/root/{folder}", symlinks=True, ignore=unneeded)
    libraries = set()
    for program in ("bin/postgres", "bin/initdb", "bin/psql", "lib/plpgsql.so", "lib/dict_snowball.so", "lib/libpqwalreceiver.so"):
        for line in run("ldd", f"/{folders[0]}/{program}").splitlines():
            words = line.split()
            # The base image has the C library itself.
            if len(words) > 2 and words[2].startswith("/") and not words[0].startswith(("libc.", "libm.", "libresolv.", "libpthread.")):
                libraries.add(words[2])
    os.makedirs(f"{context}/root/usr/local/lib")
    for library in libraries:
        shutil.copy(os.path.realpath(library), f"{context}/root/usr/local/lib/{os.path.basename(library)}")
    for name in ("Dockerfile", "entrypoint"):
        shutil.copy(f"{HERE}/postgres/{name}", context)
    engine.docker("build", "--network", "none", "-q", "-t", "postgres:15", context)
    shutil.rmtree(context)
    return "image postgres:15, a stand-in made of this machine's PostgreSQL"


def make_roost(engine):
    engine.docker("build", "--network", "host", "-q", "-f", f"{ROOT}/deploy/Dockerfile", "-t", "roost", ROOT)
    return "image roost, from deploy/Dockerfile and the release build"


def make_images(engine):
    engine.start_for_building()
    make_base(engine)
    say("base image debian:bookworm-slim, a stand-in made by mmdebstrap")
    with ThreadPoolExecutor() as both:
        for image in [both.submit(make_postgres, engine), both.submit(make_roost, engine)]:
            say(image.result())
    # What earlier runs left.
    engine.docker("image", "prune", "-f")
    engine.docker("builder", "prune", "-f", "--keep-storage", "2GB")
    engine.stop()


# --- The installation -----------------------------------------------------------------------------------------------------------------


class Installation:
    """deploy/compose.yaml, running."""

    def __init__(self, engine, program):
        self.engine = engine
        self.secrets = os.path.join(WORK, "secrets")
        run(f"{ROOT}/deploy/make-secrets", self.secrets)
        self.environment = dict(
            engine.environment, ROOST_SECRETS=self.secrets, ROOST_EGRESS_ALLOW=f"{NOTES}:9100", COMPOSE_PROJECT_NAME="roost-test")
        self.command = [program, "-f", f"{ROOT}/deploy/compose.yaml", "-f", f"{HERE}/compose.test.yaml"]
        self.keys = {}

    def compose(self, *arguments, **options):
        return run(*self.command, *arguments, env=self.environment, **options)

    def pipe(self, *arguments, source=os.devnull, into=os.devnull):
        """A command whose input comes from a file and whose output goes to one."""
        with open(source, "rb") as standard_input, open(into, "wb") as standard_output:
            done = subprocess.run(
                [*self.command, *arguments], env=self.environment, stdin=standard_input, stdout=standard_output, stderr=subprocess.PIPE,
                timeout=120)
        if done.returncode != 0:
            raise AssertionError(f"{' '.join(arguments)}: {done.stderr.decode(errors='replace')[-2000:]}")

    def up(self, replicas):
        self.compose(
            "up", "-d", "--no-build", "--pull", "never", "--wait", "--wait-timeout", "120", "--no-recreate", "--scale",
            f"session-service={replicas}")

    def read_keys(self):
        text = self.compose("run", "--rm", "-T", "--no-deps", "bootstrap", "cat", "api-keys/keys.json")
        self.keys = json.loads(text[text.index("{"):text.rindex("}") + 1])

    def containers(self, service):
        return self.compose("ps", "-q", service).split()

    def inspect(self, container):
        return json.loads(self.engine.docker("inspect", container))[0]

    def call(self, path, body):
        request = urllib.request.Request(
            f"{URL}/api/v1{path}", json.dumps(body).encode(),
            {"Authorization": f"Bearer {self.keys['admin_key']}", "Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def refuses(self, url):
        """Whether no document is read from an address."""
        try:
            self.call("/integrations", {"slug": "refused", "url": url})
            return False
        except urllib.error.HTTPError as error:
            return error.code in (400, 422) and "address" in error.read().decode()

    def fails(self, program):
        """Runs a program that fails, and returns what its agent is told."""
        try:
            self.execute(program)
        except AssertionError as failure:
            return str(failure)
        return "it did not fail"

    def execute(self, program):
        """Runs a program over MCP with the official client, and returns what it returned."""
        text = run(sys.executable, f"{ROOT}/tests/clients/run_program.py", f"{URL}/mcp", self.keys["agent_key"], program, timeout=120)
        result = json.loads(text)["results"][0]
        if result["isError"]:
            raise AssertionError(f"the program failed: {result['text']}")
        return result


def check_sandbox(installation):
    """The limits of one program hold without any privilege, and nobody else notices."""
    told = installation.fails("for (;;) {}")
    check("processor time" in told, f"an endless loop is ended: {told}")
    told = installation.fails("const all: number[][] = []; for (;;) all.push(new Array(1e5).fill(all.length));")
    check("memory" in told, f"a program that fills its memory is ended: {told}")
    state = installation.inspect(installation.containers("session-service")[0])
    check(
        "From a container" in json.dumps(installation.execute(PROGRAM)) and not state["State"]["OOMKilled"] and state["RestartCount"] == 0,
        "the session-service goes on")


def check_doctor(installation):
    """The tool finds nothing broken from inside of a service's container."""
    report = json.loads(installation.engine.docker("exec", installation.containers("session-service")[0], "roost", "doctor", "--json"))
    faults = [finding["message"] for finding in report["findings"] if finding["status"] != "ok"]
    check(report["healthy"], f"roost doctor: {faults or 'all well'}")


def check_confinement(installation):
    """Every process of every service has no user but its number, no capability, a filter, and nowhere to write."""
    for service, user in (("api-gateway", "65532"), ("session-service", "65532"), ("postgres", "999")):
        container = installation.containers(service)[0]
        status = installation.engine.docker("exec", container, "sh", "-c", "cat /proc/[0-9]*/status")
        fields = {}
        for line in status.splitlines():
            name, _, value = line.partition(":")
            fields.setdefault(name, set()).add(" ".join(value.split()))
        none = {"0" * 16}
        check(
            fields["Uid"] == {" ".join([user] * 4)} and fields["Gid"] == {" ".join([user] * 4)}
            and fields["CapEff"] == fields["CapPrm"] == fields["CapBnd"] == none
            and fields["NoNewPrivs"] == {"1"} and fields["Seccomp"] == {"2"},
            f"{service}: all {status.count('Name:')} processes are user {user}, without capabilities, with no_new_privs and seccomp")
        write = "for folder in / /etc /usr/lib /var/lib; do touch $folder/x 2>/dev/null && echo $folder; done; true"
        check(installation.engine.docker("exec", container, "sh", "-c", write) == "", f"{service}: the root file system is read-only")
        inspected = installation.inspect(container)
        secrets = [open(os.path.join(installation.secrets, name)).read() for name in os.listdir(installation.secrets)]
        check(
            not any(secret in json.dumps(inspected) for secret in secrets)
            and not any(option.startswith("seccomp") for option in inspected["HostConfig"]["SecurityOpt"]),
            f"{service}: no password in its description, and the engine's own seccomp profile")
        published = [port for ports in inspected["NetworkSettings"]["Ports"].values() for port in ports or []]
        check(len(published) == (1 if service == "api-gateway" else 0), f"{service}: publishes {len(published)} ports")
    unwritable = "! touch keys/x 2>/dev/null && ! ls api-keys/keys.json 2>/dev/null"
    installation.engine.docker("exec", installation.containers("api-gateway")[0], "sh", "-c", unwritable)
    say("ok: api-gateway: cannot change the installation's keys and does not see the API keys")


PROGRAM = """
    interface Note { id: number; text: string }
    const made = await tools.notes.org.main.notes.create({ body: { text: "From a container" } });
    const notes = (await tools.notes.org.main.notes.list({})).data as Note[];
    const policies = await tools.roost.org.main.policies.list({});
    return { notes: notes.length, last: notes[notes.length - 1].text, policies: policies.data.items.length };"""


def try_everything(installation):
    engine = installation.engine
    installation.up(1)
    say("up: postgres, migrate, bootstrap, one session-service, api-gateway")
    installation.read_keys()
    notes = subprocess.Popen([sys.executable, f"{ROOT}/tests/apis/notes.py", "--host", NOTES, "--port", "9100"], stdout=subprocess.PIPE)
    try:
        notes.stdout.readline()
        installation.call("/integrations", {"slug": "notes", "url": f"http://{NOTES}:9100/openapi.json"})
        installation.call("/integrations/notes/connections", {"name": "main", "method": "token", "values": {"token": "notes-token"}})
        installation.call("/policies", {"pattern": "notes.*.*.notes.create", "action": "allow"})
        answer = installation.execute(PROGRAM)
        check("From a container" in json.dumps(answer), "execute over MCP writes and reads through the API, and asks Roost itself")
        for url in (f"http://{NOTES}:9101/openapi.json", "http://postgres:5432/", "http://127.0.0.1:4401/readyz"):
            check(installation.refuses(url), f"nothing reaches {url}")
        check_sandbox(installation)
        check_doctor(installation)
        check_confinement(installation)

        installation.up(2)
        first, second = installation.containers("session-service")
        say("scaled session-service to 2")
        engine.docker("kill", first)
        check("From a container" in json.dumps(installation.execute(PROGRAM)), "execute works after one of two was killed")
        # As the kernel kills for want of memory: the engine starts it again, unlike after `docker kill`.
        run("kill", "-9", str(installation.inspect(second)["State"]["Pid"]))
        wait_for(lambda: installation.inspect(second)["State"].get("Health", {}).get("Status") == "healthy"
                 and installation.inspect(second)["RestartCount"] == 1, 60, "a restart of the killed session-service")
        check("From a container" in json.dumps(installation.execute(PROGRAM)), "execute works after a crash and a restart")

        # An upgrade: the jobs run again and change nothing, the services are made anew.
        printed = installation.compose("run", "--rm", "-T", "migrate")
        check("up to date" in printed, "a second migration finds nothing to do")
        installation.compose(
            "up", "-d", "--no-build", "--pull", "never", "--wait", "--wait-timeout", "120", "--force-recreate", "--no-deps", "api-gateway",
            "session-service")
        check("From a container" in json.dumps(installation.execute(PROGRAM)), "execute works with new containers on the same volumes")
        installation.compose("stop", "-t", "30", "api-gateway", "session-service")
        for service in ("api-gateway", "session-service"):
            container = installation.compose("ps", "-a", "-q", service).split()[0]
            check(installation.inspect(container)["State"]["ExitCode"] == 0, f"{service}: ends with 0 on SIGTERM")
        restore_a_backup(installation)
    finally:
        notes.kill()
        notes.wait()


def restore_a_backup(installation):
    """The commands of docs/deploy.md."""
    dump, keys = os.path.join(WORK, "roost.dump"), os.path.join(WORK, "roost-keys.tar")
    database, files = ("exec", "-T", "postgres"), ("run", "--rm", "--no-deps", "-T", "bootstrap")
    installation.pipe(*database, "pg_dump", "-U", "postgres", "-Fc", "roost", into=dump)
    installation.pipe(*files, "tar", "-c", "keys", "api-keys", into=keys)
    installation.compose("down", "-v")
    installation.compose("up", "-d", "--no-build", "--pull", "never", "--wait", "postgres")
    installation.pipe(*database, "pg_restore", "-U", "postgres", "-d", "roost", "--exit-on-error", source=dump)
    installation.pipe(*files, "tar", "-x", source=keys)
    installation.up(1)
    check("From a container" in json.dumps(installation.execute(PROGRAM)), "execute works with a restored backup, credentials included")


def main():
    os.makedirs(WORK, exist_ok=True)
    engine = Engine(os.path.join(WORK, "engine"))
    try:
        program = engine.compose_program(sys.prefix)
        make_images(engine)
        engine.start_for_running()
        version = engine.docker("version", "--format", "{{.Server.Version}}").strip()
        say(f"Docker engine {version}; {run(program, 'version', env=engine.environment).strip()}")
        installation = Installation(engine, program)
        try:
            installation.compose("down", "-v")
            try_everything(installation)
        except BaseException:
            print(installation.compose("ps", "-a", quiet=True), file=sys.stderr)
            print(installation.compose("logs", "--no-color", "--tail", "60", quiet=True), file=sys.stderr)
            raise
        finally:
            if "--keep" not in sys.argv:
                installation.compose("down", "-v", "-t", "5")
        say("down -v")
    finally:
        engine.close()


if __name__ == "__main__":
    # Ends in good order when it is told to.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        main()
    except Unavailable as reason:
        print(f"containers: {'FAILED' if os.environ.get('CI') == 'true' else 'SKIPPED'}: {reason}", file=sys.stderr)
        sys.exit(1 if os.environ.get("CI") == "true" else 77)
