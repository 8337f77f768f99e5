#!/usr/bin/env python3
"""Random crontab texts through taskd, croniter and cronsim, in UTC: what differs is printed.

    python3 -m venv venv && venv/bin/pip install croniter cronsim
    venv/bin/python benches/differential.py target/release/taskd [PATTERNS]

Patterns are compared over their next firings after an instant. cronsim follows Vixie's rule for day of
month and day of week, as taskd does; croniter does with `implement_cron_bug`, else it ORs also where a
field starts with `*` but is not `*` alone.
"""

import collections
import datetime
import json
import random
import subprocess
import sys
import tempfile

import cronsim
from croniter import croniter

FIRINGS = 12
NAMES = {3: "jan feb mar apr may jun jul aug sep oct nov dec".split(), 4: "sun mon tue wed thu fri sat".split()}
BOUNDS = [(0, 59), (0, 23), (1, 31), (1, 12), (0, 6)]


def item(dice, field):
    least, most = BOUNDS[field]
    # A range of one value is left out: `8-8` is 8 by Vixie and here, everything to croniter; `8-8/4` is
    # 8 by Vixie and here, `8/4` (to the end) to cronsim.
    a, b = sorted(dice.sample(range(least, most + 1), 2))
    step = dice.randint(1, 12)
    forms = [str(a), f"{a}-{b}", f"{a}-{b}/{step}", f"*/{step}"]
    if field in NAMES:
        names = NAMES[field]
        forms.append(names[a - least])
    return dice.choice(forms)


def pattern(dice):
    def field(index):
        if dice.random() < 0.4:
            return "*"
        return ",".join(item(dice, index) for _ in range(dice.choice([1, 1, 1, 2])))

    return " ".join(field(index) for index in range(5))


def ours(taskd, patterns, after):
    tasks = "".join(f"t{n} = {{ cron = {json.dumps(text)}, command = 'true' }}\n" for n, text in enumerate(patterns))
    with tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
        file.write(f"timezone = 'UTC'\n[tasks]\n{tasks}")
        file.flush()
        arguments = [taskd, "next", file.name, "--each", "-n", str(FIRINGS), "--after", after.isoformat(), "--json"]
        lines = subprocess.run(arguments, check=True, capture_output=True, text=True).stdout.splitlines()
    found = collections.defaultdict(list)
    for line in lines:
        row = json.loads(line)
        found[int(row["task"][1:])].append(datetime.datetime.fromisoformat(row["due"]))
    return found


def take(firings):
    found = []
    for due in firings:
        found.append(due)
        if len(found) == FIRINGS:
            break
    return found


def main():
    taskd, count = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 2000
    dice = random.Random(20260105)
    after = datetime.datetime(2026, dice.randint(1, 12), dice.randint(1, 28), tzinfo=datetime.timezone.utc)
    texts = []
    while len(texts) < count:
        text = pattern(dice)
        try:
            # What fires in no year is refused by taskd, and searched for long by others.
            next(cronsim.CronSim(text, after))
        except (StopIteration, cronsim.CronSimError):
            continue
        texts.append(text)
    mine = ours(taskd, texts, after)
    differ = collections.Counter()
    for number, text in enumerate(texts):
        answers = {
            "cronsim": lambda: take(cronsim.CronSim(text, after)),
            "croniter": lambda: take(croniter(text, after, implement_cron_bug=True).all_next(datetime.datetime)),
        }
        for peer, ask in answers.items():
            try:
                theirs = ask()
            except Exception as error:  # a peer that gives up is a difference, too
                theirs = [repr(error)]
            if theirs != mine[number]:
                differ[peer] += 1
                if differ[peer] <= 10:
                    print(f"{peer}: `{text}` after {after}\n  taskd {mine[number][:3]}\n  {peer} {theirs[:3]}")
    print(f"{len(texts)} patterns, {FIRINGS} firings each: " + ", ".join(f"{differ[peer]} differ from {peer}" for peer in answers))


main()
