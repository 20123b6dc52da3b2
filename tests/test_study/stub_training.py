"""Writes the log of a training, as told by its config; see ``conftest.py``.

Keys of the config: ``fails``: exit code; ``waits``: seconds between iterations;
``score``: mIoU at the end; ``silent``: no validation.
"""

import json
import pathlib
import signal
import sys
import time

config, folder = map(pathlib.Path, sys.argv[1:])
told: dict = {}
exec(config.read_text(), told)
total = told["train_cfg"]["max_iters"]
saved = folder / "saved.txt"
first = int(saved.read_text()) if saved.exists() else 0
log = folder / f"run{first:04d}" / "vis_data" / "scalars.json"
log.parent.mkdir(parents=True, exist_ok=True)
stopped = []
networks = ["teacher/", "student/"] if told["model"].get("teacher") else [""]
signal.signal(signal.SIGTERM, lambda number, frame: stopped.append(number))


def write(**line):
    with log.open("a") as file:
        file.write(json.dumps(line) + "\n")


print("started", flush=True)
for step in range(first + 1, total + 1):
    time.sleep(told.get("waits", 0))
    write(loss=1.0, time=0.5, iter=step, step=step)
    saved.write_text(str(step))
    if stopped:
        sys.exit(75)
    if told.get("fails") and step >= 2:
        print("error: it went wrong")
        sys.exit(told["fails"])
    if step in (total // 2, total) and not told.get("silent"):
        score = told.get("score", 50.0)
        reached = score + 5 * (step < total)
        for name in networks:
            write(step=step, **{f"{name}mIoU": reached, f"{name}IoU/cat": score})
