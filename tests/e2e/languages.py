#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: The DAM authors
"""languages.py [CASE...]: programs that are no C on glibc: does DAM see, under dam-run, what they did?

Each is compiled here, if its compiler is, runs under dam-run, and is compared thread by thread: bytes within 2 %,
operations within 1 %. Environment: BUILDDIR, the folder of the build (default: the current one).
"""
import collections
import json
import os
import shutil
import subprocess
import sys
import tempfile

from dam import BUILDDIR, MIB, Skip, dam_run, random_file

PROGRAMS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "programs")
TRIES = 3  # on a busy machine what is observed between two looks may be a large part of a short run
LIMITS = {"read_bytes": 0.02, "write_bytes": 0.02, "read_ops": 0.01, "write_ops": 0.01}

Case = collections.namedtuple("Case", "compiler build seen env why")


def c(*flags):
    return ["musl-gcc", "-O1", "-w", *flags, "-pthread", "-o", "{out}", "{src}/direct.c"]


GO = ["go", "build", "-o", "{out}", "{src}/uring.go"]
RUST = ["rustc", "-O", "--edition", "2021", "-o", "{out}", "{src}/uring.rs"]
CASES = {
    "glibc": Case("gcc", ["gcc", *c()[1:]], "hooked_ops", {}, "the hooks, for comparison"),
    "musl": Case("musl-gcc", c(), "hooked_ops", {}, "another C library, entered by the same object"),
    "go": Case("go", GO, "observed_ops", {"CGO_ENABLED": "0"}, "static, its own system calls"),
    "cgo": Case("go", [*GO, "{src}/cgo.go"], "observed_ops", {"CGO_ENABLED": "1"}, "dynamic, its own system calls"),
    "rust": Case("rustc", RUST, "observed_ops", {}, "dynamic, its own system calls"),
}


def compile_it(case, scratch):
    out = os.path.join(scratch, "program")
    env = {**os.environ, "GOCACHE": os.path.join(scratch, "go"), "GO111MODULE": "off", "GOFLAGS": "", **case.env}
    command = [part.format(out=out, src=PROGRAMS) for part in case.build]
    built = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    return out, built.stderr if built.returncode else None


def off_by(own, seen):
    """The first figure of a thread that is beyond its limit; None: all hold."""
    seen = {t["tid"]: t for t in seen}
    for t in own:
        mine = seen.get(t["tid"])
        if not mine:
            return f"thread {t['tid']} was not seen"
        for key, limit in LIMITS.items():
            if abs(mine[key] - t[key]) > limit * t[key] + (t[key] == 0):
                return f"{key} {mine[key]} instead of {t[key]}"
    return None


def once(case, program, scratch):
    try:
        printed, told = dam_run(scratch, program, os.path.join(scratch, "data"), "4096", "4000")
    except AssertionError as why:
        return str(why), ""
    own = json.loads(printed)["threads"]
    how = sum(p["coverage"][case.seen] for p in told["processes"])
    if how < 0.9 * sum(t["read_ops"] + t["write_ops"] for t in own):
        return f"only {how} operations are {case.seen}", ""
    total = sum(t["read_bytes"] + t["write_bytes"] for t in own)
    return off_by(own, told["threads"]), f"{len(own)} threads, {total / MIB:.0f} MiB, {how} {case.seen}"


def check(name):
    case = CASES[name]
    if not shutil.which(case.compiler):
        return "SKIP", f"no {case.compiler} here"
    with tempfile.TemporaryDirectory(prefix="dam-languages.", dir=BUILDDIR) as scratch:
        program, error = compile_it(case, scratch)
        if error:
            return "FAIL", f"does not compile: {error[-300:]}"
        random_file(os.path.join(scratch, "data"), 16)
        for _ in range(TRIES):
            try:
                wrong, figures = once(case, program, scratch)
            except Skip as why:
                return "SKIP", f"{case.why}: {why}"
            if not wrong:
                return "PASS", f"{case.why}: {figures}"
        return "FAIL", f"{case.why}: {wrong}"


def main():
    failed = False
    for name in sys.argv[1:] or CASES:
        verdict, why = check(name)
        print(f"{verdict}: languages: {name}: {why}", flush=True)
        failed |= verdict == "FAIL"
    return failed


if __name__ == "__main__":
    sys.exit(main())
