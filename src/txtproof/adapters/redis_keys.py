"""Every key that txtproof has in Redis, and who lets go of it: what is not here is not ours."""

from dataclasses import dataclass

from txtproof.core.model import Key, Step

PREFIX = "txtproof"


@dataclass(frozen=True, slots=True)
class Keys:
    """Names of keys, all with one prefix."""

    prefix: str = PREFIX

    def row(self, key: Key) -> str:
        """Return the row of a verification: it expires a retention after its end, unless something is left over."""
        return f"{self.prefix}:v:{key}"

    def inbox(self, key: Key) -> str:
        """Return the commands that wait for a row's next visit: a visit removes them, at the latest the last one."""
        return f"{self.prefix}:inbox:{key}"

    def lane(self, step: Step) -> str:
        """Return when each row of a lane is due: a row leaves it when its step is done."""
        return f"{self.prefix}:lane:{step}"

    def held(self, worker: str) -> str:
        """Return what a worker holds, rows and calls: it expires two leases after the worker's last claim."""
        return f"{self.prefix}:held:{worker}"

    def calls(self, credential: str) -> str:
        """Return the calls in flight with a credential: each leaves when it is over, or when its time is up."""
        return f"{self.prefix}:calls:{credential}"

    @property
    def turns(self) -> str:
        """Return how far each credential's line has come: one small field per credential."""
        return f"{self.prefix}:turns"

    @property
    def delays(self) -> str:
        """Return the latest delays of each publisher: a field of at most 256 bytes for each."""
        return f"{self.prefix}:delays"

    @property
    def audited(self) -> str:
        """Return how far the audit has come through all rows (SCAN's cursor): it expires an hour later."""
        return f"{self.prefix}:audited"

    @property
    def parked(self) -> str:
        """Return the rows that were set aside: each leaves at its next commit."""
        return f"{self.prefix}:parked"

    @property
    def left_over(self) -> str:
        """Return the ended rows with values that are to go and that nobody removes: each leaves at its next commit."""
        return f"{self.prefix}:leftovers"

    @property
    def events(self) -> str:
        """Return the outbox: the sweep trims it by age and length."""
        return f"{self.prefix}:events"

    @property
    def commands(self) -> str:
        """Return the stream on which other services ask: a message leaves when it is taken in or refused."""
        return f"{self.prefix}:commands"

    @property
    def rejected(self) -> str:
        """Return what was refused: bounded in length."""
        return f"{self.prefix}:rejected"

    def lock(self, name: str) -> str:
        """Return a lock on a place at a provider: it expires soon after the longest call."""
        return f"{self.prefix}:lock:{name}"

    def chore(self, name: str) -> str:
        """Return when somebody has done a chore last: it expires an hour later."""
        return f"{self.prefix}:chore:{name}"
