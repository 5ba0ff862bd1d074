"""Kill a process that records events, again and again: prints what was acknowledged and what is there.

Usage: killed.py PLACE KILLS. Each child is forked from this process, which has started no thread, opens the store and
records groups of events as a server does, from several threads whose groups share transactions; what is acknowledged it
says through a pipe. It is killed at a moment of chance.
"""

import os
import random
import signal
import sys
import threading
import time

from serendip.service.record import Recorder
from serendip.store.recording import Fact
from serendip.store.store import Store

GROUP = 7  # events of one request
THREADS = 4


def child(place: str, round_: int, out: int) -> None:
    """Record for ever, and say of each group when it is on the disk."""
    with Store.open(place) as store:
        recorder = Recorder(store)

        def ask(who: int) -> None:
            try:
                for n in range(1_000_000):
                    group = f"{round_}-{who}-{n}"
                    facts = [
                        Fact(f"u{n % 5}", f"i{i}", "view", None, 1_700_000_000_000 + n, True, f"{group}-{i}")
                        for i in range(GROUP)
                    ]
                    assert all(done.status == "recorded" for done in recorder.put(facts).result())
                    os.write(out, f"{group}\n".encode())
            finally:
                os._exit(1)

        threads = [threading.Thread(target=ask, args=(who,)) for who in range(THREADS)]
        for one in threads:
            one.start()
        for one in threads:
            one.join()


def main(place: str, kills: int) -> None:
    chance = random.Random(1)
    acknowledged: set[str] = set()
    for round_ in range(kills):
        reading, writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(reading)
            try:
                child(place, round_, writing)
            finally:
                os._exit(1)
        os.close(writing)
        with os.fdopen(reading, "rb") as said:
            first = said.readline()
            time.sleep(chance.random() * 0.03)
            os.kill(pid, signal.SIGKILL)
            _, status = os.waitpid(pid, 0)
            assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL, "a child ended by itself"
            lines = [first, *said.read().split(b"\n")]
            acknowledged.update(line.strip().decode() for line in lines if line.strip())
    from hashlib import blake2b

    def key(group: str, i: int) -> str:
        return blake2b(f"{group}-{i}".encode(), digest_size=16).hexdigest()

    with Store.open(place) as store:
        events = store.tables().events["event_id"]
    there = set(events.to_list())
    assert len(there) == len(events), "an event is there twice"
    missing = [group for group in acknowledged for i in range(GROUP) if key(group, i) not in there]
    assert not missing, f"acknowledged and lost: {missing[:5]}"
    assert len(there) % GROUP == 0, "a group is torn"
    more = len(there) // GROUP - len(acknowledged)
    assert 0 <= more <= THREADS * kills, "more groups than were under way when a child was killed"
    print(f"{kills} kills, {len(acknowledged)} groups acknowledged, {more} written and not acknowledged")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
