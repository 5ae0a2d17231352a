"""What the calls that took longest waited for: the gateways that had them, the session's owners, the execution, and how they ended."""

import collections

# How much of an error's message is shown.
MAX_MESSAGE = 110

OWNERS = """
SELECT o.session, COALESCE(e.host, ''), o.at FROM chaos.owners o LEFT JOIN chaos.epochs e ON (e.replica, e.epoch) = (o.replica, o.epoch)
ORDER BY o.at"""
EXECUTIONS = """
SELECT x.code_hash, COALESCE(x.session_id, ''), COALESCE(e.host, ''), x.state, COALESCE(x.error_code, ''), x.started_at,
    COALESCE(x.ended_at, 0)
FROM executions x LEFT JOIN chaos.epochs e ON (e.replica, e.epoch) = (x.owner_replica, x.owner_epoch)"""


class Waits:
    """Reads what the database knows once, and tells it of attempts."""

    def __init__(self, database, names, offset):
        """`names` has the services by their addresses; `offset` is the machine's clock less its monotonic one, in seconds."""
        self.names, self.offset = names, offset
        # Of each session: who owned it since when. Of each program: its execution.
        self.owners, self.executions = collections.defaultdict(list), {}
        for session, host, at in database.run(OWNERS):
            self.owners[session].append((self._moment(at), names.get(host, host) or "nobody"))
        for code, session, host, state, error, started, ended in database.run(EXECUTIONS):
            self.executions[code] = session, names.get(host, host), state, error, self._moment(started), int(ended) and self._moment(ended)

    def _moment(self, microseconds):
        return int(microseconds) / 1e6 - self.offset

    def sessions(self, attempts):
        """The sessions that each client had, as the programs that it ran in them tell."""
        found = collections.defaultdict(set)
        for attempt in attempts:
            if execution := self.executions.get(attempt["code_hash"]):
                found[attempt["session"]].add(execution[0])
        return found

    def describe(self, attempt, sessions, connection_of):
        """All of one attempt in one line; seconds count from when it was sent."""
        since, until = attempt["sent"], attempt["ended"]
        parts = []
        for exchange in attempt["exchanges"]:
            connection = connection_of(exchange["address"], exchange["started"], float("inf"))
            words = ["back" if exchange["is_resumption"] else exchange["method"], f"{exchange['started'] - since:+.1f}"]
            words += [f"by {connection.gateway}" if connection else "by ?", str(exchange["status"] or exchange["broken"])]
            words += [f"{(exchange['ended'] or until) - since:+.1f}"]
            if connection and exchange["broken"]:
                words.append(f"({connection.termination})")
            parts.append(" ".join(words))
        for session in sessions.get(attempt["session"], ()):
            history = self.owners[session]
            first = max((index for index, (at, _) in enumerate(history) if at <= since), default=0)
            parts.append("owner " + ", ".join(f"{who} {at - since:+.1f}" for at, who in history[first:] if at <= until + 5))
        if execution := self.executions.get(attempt["code_hash"]):
            _, who, state, error, started, ended = execution
            parts.append(f"execution by {who} {started - since:+.1f} {state} {error} {f'{ended - since:+.1f}' if ended else 'not ended'}")
        elif attempt["code_hash"]:
            parts.append("no execution")
        error = attempt["error"] or {}
        if error.get("message"):
            parts.append(error["message"][:MAX_MESSAGE])
        return "; ".join(parts)
