"""Kill -9 in the middle of labelling loses and doubles nothing."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from vo_emline.labelling import Label, LabelLog, Queue, QueueItem, Queues

LABELLER = """
import sys
from pathlib import Path
from vo_emline.labelling import Label, LabelLog, Queues

log = LabelLog(Path(sys.argv[1]))
queues = Queues(log)
while items := queues.claim("q", "ann", 5):
    labels = [Label(publisher_did=item.publisher_did, labeller="ann", profile="emission", queue="q",
                    comment=items[0].publisher_did) for item in items]
    for label in labels:
        print("sent", label.label_id, flush=True)
    log.append(labels)
    for label in labels:
        print("kept", label.label_id, flush=True)
"""


def test_kill_9_loses_and_doubles_nothing(tmp_path: Path) -> None:
    path, dice = tmp_path / "labels.sqlite", random.Random(15)
    log = LabelLog(path)
    queues = Queues(log)
    items = [QueueItem(publisher_did=f"ivo://x/{index}") for index in range(20_000)]
    queues.add(Queue(name="q", kind="list"), items)
    acknowledged: set[str] = set()
    rounds = 4
    for _ in range(rounds):
        with subprocess.Popen(
            [sys.executable, "-c", LABELLER, str(path)], stdout=subprocess.PIPE, text=True
        ) as labeller:
            assert labeller.stdout is not None
            said = labeller.stdout.readline()  # it has begun
            time.sleep(dice.uniform(0.0, 0.08))
            labeller.send_signal(signal.SIGKILL)
            said += labeller.stdout.read()
        lines = [line.split() for line in said.splitlines() if len(line) == 41]
        acknowledged |= {identifier for word, identifier in lines if word == "kept"}
        kept = log.labels()
        identifiers = {label.label_id for label in kept}
        assert acknowledged <= identifiers
        assert max(Counter(label.publisher_did for label in kept).values(), default=1) == 1
        # a batch is there wholly or not at all
        assert all(count == 5 for count in Counter(label.comment for label in kept).values())
        assert queues.progress("q", "ann").labelled == len(kept)
    assert acknowledged
    # who does not know whether it arrived sends it again
    again = [Label.from_json(label.to_json()) for label in log.labels()]
    assert log.append(again) == 0
    with log.database.reading() as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
