"""Everything that is done to the installation. Each fault is shown to bite before it counts, and is healed before the run goes on.

A fault's `parts` are what it takes out of service: two faults may be in force at once when they have none in common, so that at any time
there is somebody left who could answer.
"""

import signal
import time

from services import GATEWAY_PORT, LEASE, SESSIONS_PORT, wait_until

# How long somebody is out of sight when others are to take over: longer than a lease.
LONG = (LEASE + 1.5, LEASE + 3.5)
# How long one is gone that nobody needs to wait for: from at once to longer than a lease.
ANY = (0.2, LEASE + 2)


class NoBite(Exception):
    """A fault that was done and had no effect: then the run shows nothing."""


class Fault:
    """`strike` and `heal` do it and undo it; `bite` proves that it is so when it begins, and `last` right before it ends."""

    kind = ""
    parts = frozenset()
    hold = ANY

    def __init__(self, world):
        self.world, self.random = world, world.random
        self.victim = ""

    def strike(self):
        raise NotImplementedError

    def bite(self):
        raise NotImplementedError

    def last(self):
        self.bite()

    def heal(self):
        raise NotImplementedError

    def wait(self):
        """For how long the fault stays, in seconds."""
        return self.random.uniform(*self.hold)

    def insist(self, is_so, what):
        if not is_so:
            raise NoBite(f"{self.kind} of {self.victim}: {what}")


class OfService(Fault):
    """A fault of one process of one of the services."""

    def __init__(self, world, is_gateway):
        super().__init__(world)
        self.is_gateway = is_gateway
        services = world.installation.gateways if is_gateway else world.installation.sessions
        self.service = self.random.choice(services)
        # The process that is allowed to break the rules is the one to be looked at.
        preferred = [service for service in services if service.name == world.preferred]
        if preferred and self.hold == LONG:
            self.service = preferred[0]
        self.victim = self.service.name
        self.kind = f"{self.verb}-{'gateway' if is_gateway else 'session'}"
        self.parts = frozenset(["gateway" if is_gateway else "session"])

    def insist_gone(self):
        self.insist(self.service.process.poll() is not None, "the process is still there")
        port = GATEWAY_PORT if self.is_gateway else SESSIONS_PORT
        found = self.world.network.hub.reaches(self.service.place.address, port)
        self.insist(found == "refused", f"its port is not closed but answers {found}")

    def begin(self):
        if self.is_gateway:
            self.world.gateways.strike(self.victim, self.kind, time.monotonic())

    def end(self):
        self.service.wait_until_ready()
        if self.is_gateway:
            balancer = self.world.balancer
            wait_until(lambda: balancer.sees(self.victim), f"that the balancer sees {self.victim}")
            self.world.gateways.heal(self.victim, time.monotonic())


class Kill(OfService):
    """`kill -9`."""

    verb = "kill"

    def strike(self):
        self.begin()
        self.service.kill()

    def bite(self):
        self.insist_gone()

    def heal(self):
        self.service.start()
        self.end()


class Stop(OfService):
    """SIGSTOP, and SIGCONT after longer than a lease."""

    verb = "stop"
    hold = LONG

    def strike(self):
        self.begin()
        self.service.signal(signal.SIGSTOP)

    def bite(self):
        wait_until(lambda: self.service.state == "T", f"that {self.victim} is stopped", 2)
        self.insist(self.service.ask("/healthz", 0.5) is None, "it answers")

    def last(self):
        self.insist(self.service.state == "T", "it is not stopped any more")

    def heal(self):
        self.service.signal(signal.SIGCONT)
        self.end()


class Terminate(OfService):
    """SIGTERM: it ends in good order, and is started again."""

    verb = "term"
    hold = (0.2, 2)

    def strike(self):
        self.begin()
        if self.is_gateway:
            self.world.balancer.stop_checking(self.victim)
        self.status = self.service.terminate()

    def bite(self):
        self.insist_gone()
        if self.status != 0:
            self.world.complain(f"{self.victim} ended with {self.status} on SIGTERM")

    def last(self):
        self.insist_gone()

    def heal(self):
        self.service.start()
        self.service.wait_until_ready()
        if self.is_gateway:
            self.world.balancer.check_again(self.victim)
        self.end()


class Cut(Fault):
    """Nothing passes between two hosts, or one and several; silently, in both directions."""

    hold = LONG

    # The pairs that are cut: from whom, to whom, and a port at which the second listens.
    between = ()

    def strike(self):
        for one, other, port in self.between:
            self.insist(self._reaches(one, other, port) == "yes", f"{one} did not reach {other} before")
        self.before()
        for one, other, _ in self.between:
            self.world.network.cut(one, other)

    def before(self):
        pass

    def after(self):
        pass

    def bite(self):
        for one, other, port in self.between:
            found = self._reaches(one, other, port, 0.5)
            self.insist(found == "silent", f"what {one} sends to {other} is answered: {found}")

    def last(self):
        # One of several, at random: each takes its time.
        one, other, port = self.random.choice(self.between)
        self.insist(self._reaches(one, other, port, 0.3) == "silent", f"what {one} sends to {other} is answered again")

    def heal(self):
        for one, other, _ in self.between:
            self.world.network.mend(one, other)
        for one, other, port in self.between:
            wait_until(lambda: self._reaches(one, other, port) == "yes", f"that {one} reaches {other} again")
        self.after()
        for service in self.world.installation.services:
            if service.is_running and service.state != "T":
                service.wait_until_ready()

    def _reaches(self, one, other, port, timeout=1.0):
        network = self.world.network
        return network[one].reaches(network[other].address, port, timeout)


class CutGatewaySession(Cut):
    """One gateway and one session-service, or all of the other kind with one."""

    kind = "cut-gateway-session"
    parts = frozenset(["gateway", "session"])

    def __init__(self, world):
        super().__init__(world)
        gateways, sessions = world.installation.gateways, world.installation.sessions
        shape = self.random.choice(("pair", "session", "gateway"))
        if shape != "session":
            gateways = [self.random.choice(gateways)]
        if shape != "gateway":
            sessions = [self.random.choice(sessions)]
        if shape == "gateway":
            # One that reaches no session-service at all is of no use: leave it one.
            sessions = self.random.sample(sessions, 2)
        self.between = [(gateway.name, session.name, SESSIONS_PORT) for gateway in gateways for session in sessions]
        self.victim = " ".join(f"{one}/{other}" for one, other, _ in self.between)


class CutDatabase(Cut):
    """One process and the database."""

    def __init__(self, world, is_gateway):
        super().__init__(world)
        self.kind = f"cut-{'gateway' if is_gateway else 'session'}-database"
        self.parts = frozenset(["gateway" if is_gateway else "session", "database"])
        services = world.installation.gateways if is_gateway else world.installation.sessions
        preferred = [service for service in services if service.name == world.preferred]
        self.victim = (preferred[0] if preferred else self.random.choice(services)).name
        self.between = [(self.victim, "db", world.installation.database.port)]


class CutClient(Cut):
    """The balancer, through which all clients come, and one gateway."""

    kind = "cut-client"
    parts = frozenset(["gateway"])

    def __init__(self, world):
        super().__init__(world)
        self.victim = self.random.choice(world.installation.gateways).name
        self.between = [("lb", self.victim, GATEWAY_PORT)]

    def before(self):
        self.world.gateways.strike(self.victim, self.kind, time.monotonic())

    def after(self):
        wait_until(lambda: self.world.balancer.sees(self.victim), f"that the balancer sees {self.victim}")
        self.world.gateways.heal(self.victim, time.monotonic())


class RestartDatabase(Fault):
    """PostgreSQL ends, in good order or as in a crash, and is started again."""

    parts = frozenset(["database"])

    def __init__(self, world, how):
        super().__init__(world)
        self.how, self.kind, self.victim = how, f"database-{how}", "db"

    def strike(self):
        self.world.installation.database.stop(self.how)

    def bite(self):
        database = self.world.installation.database
        found = self.world.network.hub.reaches(database.host.address, database.port)
        self.insist(found == "refused", f"its port is not closed but answers {found}")

    def heal(self):
        self.world.installation.database.start()
        for service in self.world.installation.services:
            if service.is_running and service.state != "T":
                service.wait_until_ready()


class Roll(Fault):
    """All services of a kind are replaced, one after the other, as a new version is rolled out."""

    parts = frozenset(["gateway", "session", "database"])
    hold = (0, 0)

    def __init__(self, world, is_gateway):
        super().__init__(world)
        self.kind = f"roll-{'gateways' if is_gateway else 'sessions'}"
        services = world.installation.gateways if is_gateway else world.installation.sessions
        self.victim = " ".join(service.name for service in services)
        self.steps = [Terminate(world, is_gateway) for _ in services]
        for step, service in zip(self.steps, services):
            step.service, step.victim, step.kind = service, service.name, self.kind

    def strike(self):
        for step in self.steps:
            pid = step.service.pid
            step.strike()
            step.bite()
            step.heal()
            self.insist(step.service.pid != pid, f"{step.victim} was not replaced")

    def bite(self):
        # Every step of it has bitten.
        pass

    def heal(self):
        pass


# Every kind of fault, as what makes one.
KINDS = {
    "kill-session": lambda world: Kill(world, False),
    "kill-gateway": lambda world: Kill(world, True),
    "stop-session": lambda world: Stop(world, False),
    "stop-gateway": lambda world: Stop(world, True),
    "term-session": lambda world: Terminate(world, False),
    "term-gateway": lambda world: Terminate(world, True),
    "cut-gateway-session": CutGatewaySession,
    "cut-session-database": lambda world: CutDatabase(world, False),
    "cut-gateway-database": lambda world: CutDatabase(world, True),
    "cut-client": CutClient,
    "database-fast": lambda world: RestartDatabase(world, "fast"),
    "database-immediate": lambda world: RestartDatabase(world, "immediate"),
    "roll-sessions": lambda world: Roll(world, False),
    "roll-gateways": lambda world: Roll(world, True),
}
