"""Watches in the database, from outside of Roost, whether an owner whose lease lapsed still writes, or still works.

Triggers of the test count every write that a process makes as the owner of something, and note those whose owner had no lease at that
moment, by the database's clock. A sweep is no owner's write: anybody may end what a dead owner left. Nor is giving something back.
"""

import bisect
import time

from services import LEASE

# An owner stops a second before its lease ends; only who is later than this was not stopped by anything.
GRACE = 0.5

SQL = f"""
CREATE SCHEMA chaos;
CREATE SEQUENCE chaos.writes;
CREATE TABLE chaos.beats (replica text, epoch bigint, host text, kind text, at bigint, ends boolean);
CREATE TABLE chaos.epochs (replica text, epoch bigint, host text, beat bigint, is_lapsed boolean, PRIMARY KEY (replica, epoch));
CREATE TABLE chaos.owners (session text, replica text, epoch bigint, at bigint);
CREATE TABLE chaos.stale (at bigint, what text, replica text, epoch bigint, late_by bigint, writer inet);

CREATE FUNCTION chaos.now() RETURNS bigint LANGUAGE sql AS $$ SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint $$;

-- Every registration and heartbeat. One that comes too late for its lease may not renew it.
CREATE FUNCTION chaos.note_beat() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = chaos, pg_catalog AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        INSERT INTO chaos.beats VALUES (OLD.id, OLD.epoch, split_part(OLD.address, ':', 1), OLD.kind, chaos.now(), true);
        RETURN NULL;
    END IF;
    INSERT INTO chaos.beats VALUES (NEW.id, NEW.epoch, split_part(NEW.address, ':', 1), NEW.kind, NEW.heartbeat_at, false);
    IF TG_OP = 'UPDATE' AND OLD.epoch = NEW.epoch AND NEW.heartbeat_at - OLD.heartbeat_at > {int((LEASE + GRACE) * 1e6)} THEN
        UPDATE chaos.epochs SET is_lapsed = true WHERE replica = NEW.id AND epoch = NEW.epoch;
        INSERT INTO chaos.stale VALUES (
            chaos.now(), 'renewed a lapsed lease', NEW.id, NEW.epoch, NEW.heartbeat_at - OLD.heartbeat_at - {LEASE * 1000000},
            inet_client_addr());
    END IF;
    INSERT INTO chaos.epochs VALUES (NEW.id, NEW.epoch, split_part(NEW.address, ':', 1), NEW.heartbeat_at, false)
        ON CONFLICT (replica, epoch) DO UPDATE SET beat = excluded.beat;
    RETURN NULL;
END $$;

CREATE FUNCTION chaos.note_write() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = chaos, pg_catalog AS $$
DECLARE
    written jsonb := to_jsonb(NEW);
    before jsonb := CASE WHEN TG_OP = 'UPDATE' THEN to_jsonb(OLD) END;
    owner chaos.epochs%ROWTYPE;
    late bigint;
BEGIN
    -- Given back, or swept, or ended or cancelled by somebody's wish.
    IF written ->> 'owner_replica' IS NULL OR COALESCE(written ->> 'error_code', '') = 'execution_interrupted'
        OR (before IS NOT NULL AND written ->> 'state' = 'closed')
        OR (before ->> 'cancel_requested_at' IS DISTINCT FROM written ->> 'cancel_requested_at' AND before IS NOT NULL) THEN
        RETURN NULL;
    END IF;
    SELECT * INTO owner FROM chaos.epochs e
        WHERE e.replica = written ->> 'owner_replica' AND e.epoch = (written ->> 'owner_epoch')::bigint;
    IF owner.host IS DISTINCT FROM host(inet_client_addr()) THEN
        RETURN NULL;
    END IF;
    PERFORM nextval('chaos.writes');
    late := chaos.now() - owner.beat - {LEASE * 1000000};
    IF owner.is_lapsed OR late > {int(GRACE * 1e6)} THEN
        INSERT INTO chaos.stale VALUES (
            chaos.now(), lower(TG_OP) || ' of ' || TG_TABLE_NAME || ' ' || COALESCE(written ->> 'state', ''), owner.replica, owner.epoch,
            late, inet_client_addr());
    END IF;
    RETURN NULL;
END $$;

-- Who had which session; it tells what a call waited for.
CREATE FUNCTION chaos.note_owner() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = chaos, pg_catalog AS $$
BEGIN
    IF TG_OP = 'INSERT' OR (OLD.owner_replica, OLD.owner_epoch) IS DISTINCT FROM (NEW.owner_replica, NEW.owner_epoch) THEN
        INSERT INTO chaos.owners VALUES (NEW.id, NEW.owner_replica, NEW.owner_epoch, chaos.now());
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER chaos_owner AFTER INSERT OR UPDATE ON sessions FOR EACH ROW EXECUTE FUNCTION chaos.note_owner();

CREATE TRIGGER chaos_beat AFTER INSERT OR UPDATE OR DELETE ON replicas FOR EACH ROW EXECUTE FUNCTION chaos.note_beat();

-- On whatever has owners, whichever tables these are.
DO $$
DECLARE owned name;
BEGIN
    FOR owned IN SELECT table_name FROM information_schema.columns
        WHERE table_schema = current_schema() AND column_name IN ('owner_replica', 'owner_epoch') GROUP BY table_name HAVING COUNT(*) = 2
    LOOP
        EXECUTE format(
            'CREATE TRIGGER chaos_write AFTER INSERT OR UPDATE ON %I FOR EACH ROW EXECUTE FUNCTION chaos.note_write()', owned);
    END LOOP;
END $$;
"""


def watch(database):
    database.run(SQL)
    watched = database.run("SELECT COUNT(*) FROM pg_trigger WHERE tgname IN ('chaos_beat', 'chaos_write')")
    if int(watched[0][0]) < 3:
        raise RuntimeError("the tables of sessions and executions have no owners any more: the audit sees nothing")


class Leases:
    """When the process at each address certainly had a lease, from the heartbeats that the database took."""

    def __init__(self, beats):
        """`beats` are triples of address, time in seconds, and whether the lease ended there; in the order of time."""
        self.beats, self.ends = {}, {}
        for host, at, is_end in beats:
            self.beats.setdefault(host, []).append(at)
            self.ends.setdefault(host, []).append(is_end)

    def is_held(self, host, at):
        """Whether the process at an address had a lease at a moment, or had it less than the grace before."""
        times = self.beats.get(host, [])
        index = bisect.bisect_right(times, at) - 1
        if index < 0:
            return True
        last = times[index]
        return at <= last + GRACE if self.ends[host][index] else at <= last + LEASE + GRACE


class Audit:
    """What came of it: writes by owners, those of them without a lease, and requests to the upstream without one."""

    def __init__(self, database, seen):
        self.writes = int(database.run("SELECT last_value FROM chaos.writes")[0][0])
        # By the clock of the run's other records.
        offset = time.time() - time.monotonic()
        self.stale = [
            f"{what} by {writer}, epoch {epoch}, {int(late) / 1e6:.2f} s after its lease, at {int(at) / 1e6 - offset:.2f}"
            for what, epoch, late, writer, at in database.run("SELECT what, epoch, late_by, host(writer), at FROM chaos.stale ORDER BY at")]
        beats = database.run("SELECT host, at, ends FROM chaos.beats WHERE kind = 'session-service' ORDER BY at")
        leases = Leases([(host, int(at) / 1e6, ends == "t") for host, at, ends in beats])
        self.requests = len(seen)
        self.stale_requests = [
            f"request {request.id} from {request.peer} at {request.came:.2f} without a lease" for request in seen
            if not leases.is_held(request.peer, request.came)]
