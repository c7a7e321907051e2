#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: The DAM authors
"""soak.py [SECONDS]: threads, rings, descriptors and children come and go; does anything grow that should not?

Compares the middle and the end with the first part of the run, once what is kept on purpose (the coordinator's memory of
what has ended) is full. Prints the figures. Environment: BUILDDIR, the folder of the build (default: the current one).
"""
import json
import os
import subprocess
import sys
import tempfile
import time

BUILDDIR = os.path.abspath(os.environ.get("BUILDDIR", "."))
MIB = 1 << 20
REMEMBERED = 16384  # so many threads that have ended the coordinator remembers: then its memory should be level
SAMPLES = 20  # of each part of the run: what is in use at a time goes up and down, its largest value does not
# figure: by how much the end may exceed the beginning, as a share and besides that
MAY_GROW = {
    "program memory KiB": (0.02, 512),
    "program descriptors": (0, 12),
    "program mappings": (0.02, 24),
    "slots in use": (0, 24),
    "slots refused": (0, 0),
    "coordinator memory KiB": (0.02, 512),
    "coordinator descriptors": (0, 16),
    "coordinator mappings": (0.02, 24),
    "coordinator processes": (0, 8),
    "coordinator watches": (0, 16),
    "coordinator rings": (0, 8),
}


def tool(name):
    return os.path.join(BUILDDIR, name)


def of_process(who, pid):
    with open(f"/proc/{pid}/status", encoding="utf-8") as f:
        status = dict(line.split(":", 1) for line in f)
    with open(f"/proc/{pid}/maps", encoding="utf-8") as f:
        mappings = sum(1 for _ in f)
    return {f"{who} memory KiB": int(status["VmRSS"].split()[0]), f"{who} mappings": mappings,
            f"{who} descriptors": len(os.listdir(f"/proc/{pid}/fd"))}


def ask(what, env):
    answer = subprocess.run([tool("dam-ctl"), what, "--json"], env=env, capture_output=True, text=True, check=False)
    return json.loads(answer.stdout) if answer.returncode == 0 else None


def refused(program, env):
    return sum(p["no_slot"] for p in ask("threads", env)["processes"] if p["pid"] == program)


def sample(program, coordinator, env):
    status = ask("status", env)
    return {**of_process("program", program), **of_process("coordinator", coordinator),
            "slots in use": status["threads"], "slots refused": 0,
            "coordinator processes": status["processes"], "coordinator watches": status["observation"]["processes"],
            "coordinator rings": status["observation"]["rings"]}


def part(until, program, coordinator, env):
    """The largest of each figure in the seconds before `until`."""
    window = max(3.0, (until - time.monotonic()) / 4)
    time.sleep(max(0.0, until - window - time.monotonic()))
    seen = []
    for _ in range(SAMPLES):
        seen.append(sample(program, coordinator, env))
        time.sleep(window / SAMPLES)
    return {key: max(s[key] for s in seen) for key in MAY_GROW}


def table(parts):
    print(f"  {'largest value':<26}{'beginning':>12}{'middle':>12}{'end':>12}  may grow by")
    for key, (share, more) in MAY_GROW.items():
        print(f"  {key:<26}" + "".join(f"{p[key]:>12}" for p in parts) + f"  {int(parts[0][key] * share) + more}")


def judge(parts):
    return [f"{key} grew from {parts[0][key]} to {parts[2][key]}" for key, (share, more) in MAY_GROW.items()
            if parts[2][key] > parts[0][key] * (1 + share) + more]


def soak(seconds, scratch):
    env = {**os.environ, "DAM_RUNTIME_DIR": os.path.join(scratch, "run")}
    data = os.path.join(scratch, "data")
    with open(data, "wb") as f:
        f.write(os.urandom(MIB))
        f.flush()
        os.fsync(f.fileno())
    os.mkdir(env["DAM_RUNTIME_DIR"])
    with subprocess.Popen([tool("dam-coord"), "--foreground"], env=env) as coordinator:
        try:
            while not ask("status", env):
                assert coordinator.poll() is None, "no coordinator"
                time.sleep(0.05)
            load = subprocess.Popen([tool("tests/e2e/soak_load"), data, str(REMEMBERED)], text=True, stdin=subprocess.PIPE,
                                    stdout=subprocess.PIPE,
                                    env={**env, "LD_PRELOAD": tool(".libs/libdam_preload.so")})
            with load:
                end = time.monotonic() + seconds
                assert load.stdout.readline() == "full\n"
                begin = time.monotonic()
                end = max(end, begin + seconds / 2)
                parts = [part(begin + (end - begin) * i / 3, load.pid, coordinator.pid, env) for i in (1, 2, 3)]
                parts[2]["slots refused"] = refused(load.pid, env)
                load.stdin.close()
                did = json.loads(load.stdout.readline())
        finally:
            coordinator.terminate()
    return did, load.returncode, coordinator.wait(), parts


def main():
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 600
    with tempfile.TemporaryDirectory(prefix="dam-soak.", dir=BUILDDIR) as scratch:
        try:
            did, program, coordinator, parts = soak(seconds, scratch)
        except (AssertionError, OSError, TypeError, IndexError, json.JSONDecodeError) as why:
            print(f"FAIL: soak: {why!r}")
            return 1
    table(parts)
    wrong = judge(parts)
    if program or coordinator:
        wrong.append(f"the program ended with {program}, the coordinator with {coordinator}")
    what = ", ".join(f"{n} {name}" for name, n in did.items())
    print(f"{'FAIL' if wrong else 'PASS'}: soak: {seconds:.0f} s: {what}" + "".join(f"; {w}" for w in wrong))
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
