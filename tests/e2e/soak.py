#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: The DAM authors
"""soak.py [SECONDS]: threads, rings, descriptors and children come and go; does anything grow that should not?

Compares the end with the first part of the run, once what is kept on purpose (the coordinator's memory of
what has ended) is full. Prints the figures. Environment: BUILDDIR, the folder of the build (default: the current one).
"""
import json
import os
import subprocess
import sys
import tempfile
import time

from dam import BUILDDIR, ask, coordinator, random_file, tool

REMEMBERED = 16384  # so many threads that have ended the coordinator remembers: then its memory should be level
SAMPLES = 20  # of each part of the run: what is in use at a time goes up and down, its largest value does not
# figure: by how much the end may exceed the beginning, as a share and besides that
MAY_GROW = {
    "program memory KiB": (0.02, 512),
    "program descriptors": (0, 12),
    "program mappings": (0.02, 24),
    "slots in use": (0, 24),
    "slots refused": (0, 0),  # in all: asked once, at the end
    "coordinator memory KiB": (0.02, 512),
    "coordinator descriptors": (0, 16),
    "coordinator mappings": (0.02, 24),
    "coordinator processes": (0, 8),
    "coordinator watches": (0, 16),
    "coordinator rings": (0, 8),
}


def of_process(who, pid):
    with open(f"/proc/{pid}/status", encoding="utf-8") as f:
        status = dict(line.split(":", 1) for line in f)
    with open(f"/proc/{pid}/maps", encoding="utf-8") as f:
        mappings = sum(1 for _ in f)
    return {f"{who} memory KiB": int(status["VmRSS"].split()[0]), f"{who} mappings": mappings,
            f"{who} descriptors": len(os.listdir(f"/proc/{pid}/fd"))}


def refused(program, env):
    return sum(p["no_slot"] for p in ask("threads", env)["processes"] if p["pid"] == program)


def sample(program, coordinator_pid, env):
    status = ask("status", env)
    return {**of_process("program", program), **of_process("coordinator", coordinator_pid),
            "slots in use": status["threads"],
            "coordinator processes": status["processes"], "coordinator watches": status["observation"]["processes"],
            "coordinator rings": status["observation"]["rings"]}


def part(until, program, coordinator_pid, env):
    """The largest of each figure in the seconds before `until`."""
    window = max(3.0, (until - time.monotonic()) / 4)
    time.sleep(max(0.0, until - window - time.monotonic()))
    seen = []
    for _ in range(SAMPLES):
        seen.append(sample(program, coordinator_pid, env))
        time.sleep(window / SAMPLES)
    return {key: max(s[key] for s in seen) for key in seen[0]}


def table(parts):
    print(f"  {'largest value':<26}{'beginning':>12}{'middle':>12}{'end':>12}  may grow by")
    for key, (share, more) in MAY_GROW.items():
        print(f"  {key:<26}" + "".join(f"{p.get(key, '-'):>12}" for p in parts) + f"  {int(parts[0].get(key, 0) * share) + more}")


def judge(parts):
    began = {key: parts[0].get(key, 0) for key in MAY_GROW}
    return [f"{key} grew from {began[key]} to {parts[2][key]}" for key, (share, more) in MAY_GROW.items()
            if parts[2][key] > began[key] * (1 + share) + more]


def soak(seconds, scratch):
    env = {**os.environ, "DAM_RUNTIME_DIR": os.path.join(scratch, "run")}
    data = random_file(os.path.join(scratch, "data"), 1)
    with coordinator(env) as ours:
        load = subprocess.Popen([tool("tests/e2e/soak_load"), data, str(REMEMBERED)], text=True, stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE, env={**env, "LD_PRELOAD": tool(".libs/libdam_preload.so")})
        with load:
            end = time.monotonic() + seconds
            assert load.stdout.readline() == "full\n"
            begin = time.monotonic()
            end = max(end, begin + seconds / 2)
            parts = [part(begin + (end - begin) * i / 3, load.pid, ours.pid, env) for i in (1, 2, 3)]
            parts[2]["slots refused"] = refused(load.pid, env)
            load.stdin.close()
            did = json.loads(load.stdout.readline())
    return did, load.returncode, ours.returncode, parts


def main():
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 600
    with tempfile.TemporaryDirectory(prefix="dam-soak.", dir=BUILDDIR) as scratch:
        try:
            did, program, ended_with, parts = soak(seconds, scratch)
        except (AssertionError, OSError, TypeError, IndexError, json.JSONDecodeError) as why:
            print(f"FAIL: soak: {why!r}")
            return 1
    table(parts)
    wrong = judge(parts)
    if program or ended_with:
        wrong.append(f"the program ended with {program}, the coordinator with {ended_with}")
    what = ", ".join(f"{n} {name}" for name, n in did.items())
    print(f"{'FAIL' if wrong else 'PASS'}: soak: {seconds:.0f} s: {what}" + "".join(f"; {w}" for w in wrong))
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
