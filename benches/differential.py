#!/usr/bin/env python3
"""Random schedules through taskd and through other engines; what differs is told by kind, with an example.

    python3 -m venv venv && venv/bin/pip install croniter cronsim apscheduler
    venv/bin/python benches/differential.py target/release/taskd [QUESTIONS]

Crontab texts go to cronsim, croniter (with `implement_cron_bug`, Vixie's rule for the two fields of days)
and systemd-analyze; fields, intervals and calendar intervals to APScheduler 3.11, fields to
systemd-analyze, too. Each is asked in UTC, and in zones from a day before a change of the clocks to a day
after it. systemd-analyze is a process a question, so it gets every fifth. Who is right where they differ,
and why, stands in `benches/README.md`.
"""

import collections
import datetime
import itertools
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import zoneinfo

import cronsim
from apscheduler.triggers.calendarinterval import CalendarIntervalTrigger
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger
from croniter import croniter

UTC = datetime.timezone.utc
DAY = datetime.timedelta(days=1)
SECOND = datetime.timedelta(seconds=1)
FIRINGS = 40
MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()
WEEKDAYS = "mon tue wed thu fri sat sun".split()
BOUNDS = {
    "second": (0, 59), "minute": (0, 59), "hour": (0, 23), "day": (1, 31),
    "month": (1, 12), "day_of_week": (0, 6), "week": (1, 53), "year": (2020, 2040),
}
CRONTAB = ["minute", "hour", "day", "month", "day_of_week"]
ZONES = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Santiago", "Asia/Beirut"]


class Question:
    """A task of taskd (its keys as TOML), the same for others, and the stretch that is asked about."""

    def __init__(self, kind, shown, keys, zone, after, until=None, change=None, peers=None):
        self.kind, self.shown, self.keys, self.zone = kind, shown, keys, zone
        self.after, self.until, self.change, self.peers = after, until, change, peers or {}


# --- what is asked -----------------------------------------------------------------------------------

def plain_item(dice, field):
    # A range of one value is left out: `8-8` is 8 by Vixie and here, everything to croniter; `8-8/4` is
    # 8 by Vixie and here, `8/4` (to the end) to cronsim. A step wider than its range is refused by
    # APScheduler.
    least, most = BOUNDS[field]
    a, b = sorted(dice.sample(range(least, most + 1), 2))
    step = dice.randint(1, min(12, b - a))
    return dice.choice([str(a), f"{a}-{b}", f"{a}-{b}/{step}", f"*/{dice.randint(1, min(12, most - least))}"])


def crontab_field(dice, field):
    if dice.random() < 0.4:
        return "*"
    names = {"month": MONTHS, "day_of_week": WEEKDAYS[-1:] + WEEKDAYS[:-1]}.get(field)
    forms = [lambda: plain_item(dice, field)] * 4
    if names:
        forms.append(lambda: dice.choice(names))
    return ",".join(dice.choice(forms)() for _ in range(dice.choice([1, 1, 1, 2])))


def crontab_text(dice):
    return " ".join(crontab_field(dice, field) for field in CRONTAB)


def fields_table(dice):
    def item(field):
        if field == "day_of_week":
            a, b = sorted(dice.sample(range(7), 2))
            return dice.choice([WEEKDAYS[a], f"{WEEKDAYS[a]}-{WEEKDAYS[b]}", f"{WEEKDAYS[a]},{WEEKDAYS[b]}"])
        special = {
            "day": ["last", f"{dice.choice(['1st', '2nd', '3rd', '4th', 'last'])} {dice.choice(WEEKDAYS)}"],
            "month": [dice.choice(MONTHS)],
        }.get(field, [])
        return dice.choice([plain_item(dice, field)] * 4 + special)

    chosen = [field for field in BOUNDS if dice.random() < 0.35] or ["hour"]
    return {field: item(field) for field in chosen}


def changes(zone):
    """The changes of the clocks in `zone` in 2026: the instant, and whether it is a gap or a fold."""
    hours = [datetime.datetime(2026, 1, 1, tzinfo=UTC) + datetime.timedelta(minutes=30 * n) for n in range(48 * 365)]
    offset = lambda at: at.astimezone(zone).utcoffset()
    pairs = itertools.pairwise(hours)
    return [(b, "gap" if offset(b) > offset(a) else "fold") for a, b in pairs if offset(a) != offset(b)]


def near_change(dice, zone, change, fields):
    """Moves hour and minute of a pattern, more often than not, to where the clock jumps."""
    if dice.random() < 0.8:
        hour = (change.astimezone(zone) - datetime.timedelta(hours=1)).hour
        fields["hour"] = dice.choice([str((hour + dice.choice([0, 0, 1, 23])) % 24), "*", "*/2", "0-5"])
        fields["minute"] = dice.choice(["0", "15", "30", "45", "*/15", "*/30", "10-50/20"])
    return fields


# --- who is asked ------------------------------------------------------------------------------------

def take(question, firings):
    found = []
    for due in firings:
        due = due.astimezone(UTC)
        if question.until and due > question.until or len(found) == FIRINGS:
            break
        found.append(due)
    return found


def taskd_answers(taskd, questions):
    """All questions of one zone and stretch in one call."""
    tasks = "".join(f"t{n} = {{ {question.keys}, command = 'true' }}\n" for n, question in enumerate(questions))
    first = questions[0]
    with tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
        file.write(f"timezone = '{first.zone}'\n[tasks]\n{tasks}")
        file.flush()
        arguments = [taskd, "next", file.name, "--each", "-n", str(FIRINGS), "--after", first.after.isoformat(), "--json"]
        if first.until:
            arguments += ["--until", first.until.isoformat()]
        done = subprocess.run(arguments, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(done.stderr)
    found = collections.defaultdict(list)
    for line in done.stdout.splitlines():
        row = json.loads(line)
        found[int(row["task"][1:])].append(datetime.datetime.fromisoformat(row["due"]).astimezone(UTC))
    return [found[n] for n in range(len(questions))]


def from_cronsim(text):
    return lambda question: take(question, cronsim.CronSim(text, question.after.astimezone(question.zone)))


def from_croniter(text):
    def ask(question):
        after = question.after.astimezone(question.zone)
        return take(question, croniter(text, after, implement_cron_bug=True).all_next(datetime.datetime))
    return ask


def from_apscheduler(make):
    def ask(question):
        def firings():
            trigger, previous, now = make(question.zone), None, question.after + SECOND
            while due := trigger.get_next_fire_time(previous, now.astimezone(question.zone)):
                yield due
                previous = now = due
        return take(question, firings())
    return ask


def from_systemd(spec):
    def ask(question):
        arguments = ["systemd-analyze", "calendar", f"--iterations={FIRINGS}"]
        base = question.after.strftime("%Y-%m-%d %H:%M:%S UTC")
        environment = {**os.environ, "TZ": "UTC", "LC_ALL": "C"}
        done = subprocess.run([*arguments, f"--base-time={base}", f"{spec} {question.zone}"], capture_output=True, text=True, env=environment)
        if done.returncode != 0:
            raise ValueError(done.stderr.strip())
        found = re.findall(r"(?:Next elapse|Iter\. #\d+): \w+ (\S+ \S+) UTC", done.stdout)
        dues = (datetime.datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC) for text in found)
        return take(question, dues)
    return ask


def systemd_spec(fields, filled):
    """`Mon..Fri *-*-01 09:30:00`, or None for what systemd cannot say."""
    def part(field):
        least = BOUNDS[field][0] if field != "year" else 1970
        items = (fields.get(field) or filled[field]).split(",")
        out = []
        for item in items:
            if item.lower() in MONTHS:
                item = str(MONTHS.index(item) + 1)
            if not re.fullmatch(r"(\*|\d+(-\d+)?)(/\d+)?", item):
                return None
            out.append(re.sub(r"^\*/", f"{least}/", item).replace("-", ".."))
        return ",".join(out)

    if "week" in fields:
        return None
    weekdays = fields.get("day_of_week", "*")
    if weekdays != "*":
        if "/" in weekdays:
            return None
        names = lambda match: WEEKDAYS[(int(match[0]) - 1) % 7]
        weekdays = re.sub(r"\d+", names, weekdays).replace("-", "..")
        if "sun.." in weekdays:  # systemd's week begins on Monday
            return None
    parts = [part(field) for field in ["year", "month", "day", "hour", "minute", "second"]]
    if None in parts:
        return None
    date, time = "-".join(parts[:3]), ":".join(parts[3:])
    return f"{weekdays if weekdays != '*' else ''} {date} {time}".strip()


# --- the groups --------------------------------------------------------------------------------------

def crontab_question(text, number, **stretch):
    fields = dict(zip(CRONTAB, text.split()))
    peers = {"cronsim": from_cronsim(text), "croniter": from_croniter(text)}
    joins = fields["day"].startswith("*") or fields["day_of_week"].startswith("*")
    spec = systemd_spec(fields, {"year": "*", "second": "0"}) if joins and number % 5 == 0 else None
    if spec:
        peers["systemd"] = from_systemd(spec)
    fixed = "wildcard" if text.startswith("*") or fields["hour"].startswith("*") else "fixed"
    return Question(f"crontab {fixed}", text, f"cron = {json.dumps(text)}", peers=peers, **stretch)


def fields_question(fields, number, **stretch):
    order = ["year", "month", "day", "hour", "minute", "second"]
    given = [order.index(field) for field in fields if field in order]
    finest = max([*given, 2] if fields.keys() & {"week", "day_of_week"} else given)
    filled = {field: "*" if place <= finest else str(BOUNDS[field][0]) for place, field in enumerate(order)}
    peers = {"APScheduler": from_apscheduler(lambda zone: CronTrigger(**fields, timezone=zone))}
    spec = systemd_spec(fields, filled) if number % 5 == 0 else None
    if spec:
        peers["systemd"] = from_systemd(spec)
    table = ", ".join(f"{field} = {json.dumps(text)}" for field, text in fields.items())
    wild = any(fields.get(field, filled[field]).startswith("*") for field in ["hour", "minute"])
    return Question(f"fields {'wildcard' if wild else 'fixed'}", table, f"cron = {{ {table} }}", peers=peers, **stretch)


def fires(question):
    """What fires in no year is refused by taskd, and searched for long by others."""
    peer = question.peers.get("cronsim") or question.peers["APScheduler"]
    try:
        return bool(peer(Question("", "", "", question.zone, question.after)))
    except (StopIteration, cronsim.CronSimError, ValueError, OverflowError):
        return False


def patterns(dice, count):
    utc = {"zone": zoneinfo.ZoneInfo("UTC"), "after": datetime.datetime(2026, 5, 17, tzinfo=UTC)}
    for make, draw in [(crontab_question, crontab_text), (fields_question, fields_table)]:
        drawn = (make(draw(dice), number, **utc) for number in itertools.count())
        yield list(itertools.islice(filter(fires, drawn), count))


def patterns_near_changes(dice, count):
    for name in ZONES:
        zone = zoneinfo.ZoneInfo(name)
        for change, what in changes(zone):
            stretch = {"zone": zone, "after": change - DAY, "until": change + DAY, "change": what}
            for make in [crontab_question, fields_question]:
                questions = []
                for number in range(count // 20):
                    fields = near_change(dice, zone, change, {"hour": "*", "minute": "0"})
                    shown = f"{fields['minute']} {fields['hour']} * * *" if make is crontab_question else fields
                    questions.append(make(shown, number, **stretch))
                yield questions


def intervals(dice, count):
    zone = zoneinfo.ZoneInfo("Europe/Berlin")
    for after in [datetime.datetime(2026, 3, 28, 11, tzinfo=UTC), datetime.datetime(2026, 10, 24, 11, tzinfo=UTC)]:
        questions = []
        for _ in range(count // 10):
            start = (after - datetime.timedelta(seconds=dice.randint(1, 10**6))).astimezone(zone)
            units = {unit: dice.randint(1, 40) for unit in dice.sample(["minutes", "hours", "seconds", "days"], 2)}
            keys = f"interval = {{ {', '.join(f'{unit} = {n}' for unit, n in units.items())} }}, start = {start.isoformat()}"
            peer = from_apscheduler(lambda zone, units=units, start=start: IntervalTrigger(**units, start_date=start, timezone=zone))
            questions.append(Question("interval", keys, keys, zone, after, peers={"APScheduler": peer}))
        yield questions


def calendars(dice, count):
    for name in ["UTC", "Europe/Berlin"]:
        zone = zoneinfo.ZoneInfo(name)
        questions = []
        after = datetime.datetime(2026, 1, 1, tzinfo=UTC)
        for _ in range(count // 10):
            unit = dice.choice([{"months": dice.randint(1, 7)}, {"years": 1}, {"weeks": dice.randint(1, 3)}, {"days": dice.randint(1, 9)}])
            start = datetime.date(2026, 1, 2) + dice.randint(0, 60) * DAY
            hour, minute = dice.choice([2, 2, dice.randint(0, 23)]), dice.choice([0, 30])
            shown = ", ".join(f"{key} = {n}" for key, n in unit.items())
            keys = f"calendar = {{ {shown}, at = '{hour:02}:{minute:02}' }}, start = {start}"
            peer = from_apscheduler(lambda zone, unit=unit, start=start, hour=hour, minute=minute:
                                    CalendarIntervalTrigger(**unit, hour=hour, minute=minute, start_date=start, timezone=zone))
            questions.append(Question("calendar", keys, keys, zone, after, peers={"APScheduler": peer}))
        yield questions


def main():
    taskd, count = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 1000
    dice = random.Random(20260105)
    if not shutil.which("systemd-analyze"):
        print("systemd-analyze is not here: it is not asked")
    asked, differ, examples = collections.Counter(), collections.Counter(), {}
    for questions in itertools.chain(*(group(dice, count) for group in [patterns, patterns_near_changes, intervals, calendars])):
        for question, mine in zip(questions, taskd_answers(taskd, questions)):
            for peer, ask in question.peers.items():
                if peer == "systemd" and not shutil.which("systemd-analyze"):
                    continue
                where = f"at a {question.change}" if question.change else f"in {question.zone}"
                kind = (peer, question.kind, where)
                asked[kind] += 1
                try:
                    theirs = ask(question)
                except Exception as error:  # a peer that gives up is a difference, too
                    theirs = [repr(error)]
                if theirs != mine:
                    differ[kind] += 1
                    examples.setdefault(kind, []).append((question, mine, theirs))
    for kind in sorted(asked):
        print(f"{kind[0]:<12} {kind[1]:<17} {kind[2]:<20} {differ[kind]:>5} of {asked[kind]} differ")
        for question, mine, theirs in examples.get(kind, [])[:1]:
            print(f"    {question.shown} in {question.zone} after {question.after:%F %T}")
            first = next((n for n, pair in enumerate(itertools.zip_longest(mine, theirs)) if pair[0] != pair[1]), 0)
            for name, found in [("taskd", mine), (kind[0], theirs)]:
                local = [at if isinstance(at, str) else at.astimezone(question.zone).strftime("%F %T%z") for at in found[first : first + 3]]
                print(f"      {name:<12} {', '.join(local) or 'no more'}")


main()
