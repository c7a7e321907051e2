#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: The DAM authors
"""bench_compare.py: what DAM costs a program, beside what else would count its submissions; and what it costs fio.

All on the same workload, in rounds that take turns, from the build directory. A tool that is not there, or is not
allowed here, is skipped with the reason. Environment: ROUNDS (default 5), SUBMISSIONS of each run (default 100000).
"""
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

BUILDDIR = os.getcwd()
LIBRARY = os.path.join(BUILDDIR, ".libs/libdam_preload.so")
WORKLOAD = [os.path.join(BUILDDIR, "bench/bench_submit"), os.environ.get("SUBMISSIONS", "100000")]
ROUNDS = int(os.environ.get("ROUNDS", "5"))
FIO_SECONDS = 1
FIO_PAIRS = 3 * ROUNDS  # disks differ more from second to second than the library costs
FIO_ENGINES = ("libaio", "io_uring")
PROBE = "probe_liburing:io_uring_submit"


def run(command, env=None, **more):
    return subprocess.run(command, env={**os.environ, **(env or {})}, stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=120, check=False, **more)


class Coordinator:
    """One of our own, that nothing else talks to."""

    def __init__(self, scratch):
        self.env = {"LD_PRELOAD": LIBRARY, "DAM_RUNTIME_DIR": scratch}
        self.alone = {"LD_PRELOAD": LIBRARY, "DAM_RUNTIME_DIR": os.path.join(scratch, "nobody")}
        self.process = subprocess.Popen([os.path.join(BUILDDIR, "dam-coord"), "--foreground", "--runtime-dir", scratch],
                                        stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(200):
            if os.path.exists(os.path.join(scratch, "coord.sock")):
                return
            time.sleep(0.02)
        sys.exit("dam-coord did not start")

    def stop(self):
        self.process.terminate()
        self.process.wait()


def rows(coord):
    tracepoint = "io_uring:io_uring_submit_req"
    program = " ".join(WORKLOAD)
    return [
        ("alone", [], {}),
        ("DAM, no coordinator", [], coord.alone),
        ("DAM, sampling off", [], {**coord.env, "DAM_SAMPLE": "0"}),
        ("DAM, as it comes", [], coord.env),
        ("perf stat, tracepoint", ["perf", "stat", "-e", tracepoint, *WORKLOAD], {}),
        ("perf record, tracepoint", ["perf", "record", "-o", "/dev/null", "-e", tracepoint, *WORKLOAD], {}),
        ("perf trace, io_uring_enter", ["perf", "trace", "-o", "/dev/null", "-e", "io_uring_enter", *WORKLOAD], {}),
        ("bpftrace, tracepoint", ["bpftrace", "-e", f"tracepoint:{tracepoint} {{ @[tid] = count(); }}", "-c", program], {}),
        ("uprobe, perf stat", ["perf", "stat", "-e", PROBE, *WORKLOAD], {}),
        ("strace", ["strace", "-f", "-o", "/dev/null", "-e", "io_uring_enter", *WORKLOAD], {}),
    ]


def measure(command, env):
    """Return: (ns of a submission, None), or (None, why not)."""
    command = command or WORKLOAD
    if not shutil.which(command[0]):
        return None, f"{command[0]} is not installed"
    try:
        result = run(command, env)
    except subprocess.TimeoutExpired:
        return None, "too slow"
    match = re.search(r"^ns ([\d.]+)$", result.stdout, re.MULTILINE)
    if match and result.returncode == 0:
        return float(match[1]), None
    return None, (result.stderr.strip().splitlines() or [f"exit status {result.returncode}"])[-1][:100]


def liburing():
    match = re.search(r"(/\S*liburing\S*)", run(["ldd", WORKLOAD[0]]).stdout)
    return match and match[1]


def side_by_side(coord):
    ours = shutil.which("perf") and run(["perf", "probe", "-q", "-x", liburing() or "", "io_uring_submit"]).returncode == 0
    seen, skipped = {}, {}
    try:
        for _ in range(ROUNDS):
            for name, command, env in rows(coord):
                if name not in skipped:
                    ns, why = measure(command, env)
                    if why:
                        skipped[name] = why
                    else:
                        seen.setdefault(name, []).append(ns)
    finally:
        if ours:
            run(["perf", "probe", "-q", "-d", PROBE])
    if "alone" in skipped:
        print(f"one submission of one read: SKIP: {skipped['alone']}")
        return
    base = min(seen["alone"])
    print(f"one submission of one read, ns, the quickest block of {ROUNDS} rounds: alone {base:.0f}")
    for name, _, _ in rows(coord)[1:]:
        print(f"  {name:28} " + (f"SKIP: {skipped[name]}" if name in skipped else f"{min(seen[name]) - base:+10.1f}"), flush=True)


def fio_once(path, engine, env, result):
    command = ["fio", "--name=job", f"--filename={path}", "--size=64m", "--direct=1", f"--ioengine={engine}", "--rw=randread",
               "--bs=4k", "--iodepth=32", "--time_based", f"--runtime={FIO_SECONDS}", "--norandommap",
               "--output-format=json", f"--output={result}"]
    if run(command, env).returncode:
        return None
    with open(result, encoding="utf-8") as f:
        job = json.loads(re.sub(r"^[^{]*", "", f.read()))["jobs"][0]
    ops, seconds = job["read"]["total_ios"], job["job_runtime"] / 1000
    return ops / seconds, (job["usr_cpu"] + job["sys_cpu"]) / 100 * seconds / ops * 1e9


def fio(coord, scratch):
    path = os.path.join(scratch, "data")
    with open(path, "wb") as f:
        f.write(os.urandom(64 << 20))
    if not shutil.which("fio"):
        print("fio randread: SKIP: fio is not installed")
        return
    print(f"fio randread 4k, depth 32: with the library against without, median of {FIO_PAIRS} pairs (aim: 1 %)")
    for engine in FIO_ENGINES:
        pairs = []
        for i in range(FIO_PAIRS):
            # who comes first changes
            order = [{}, coord.env] if i % 2 else [coord.env, {}]
            both = [fio_once(path, engine, env, os.path.join(scratch, "fio.json")) for env in order]
            if None in both:
                print(f"  {engine:10} SKIP: fio cannot run it here")
                break
            pairs.append(both if i % 2 else both[::-1])
        else:
            iops = statistics.median(w[0] / p[0] for p, w in pairs) - 1
            cpu = statistics.median(w[1] / p[1] for p, w in pairs) - 1
            print(f"  {engine:10} {pairs[0][0][0]:8.0f} IOPS {iops:+7.2%}   CPU of an operation {pairs[0][0][1]:6.0f} ns {cpu:+7.2%}",
                  flush=True)


def main():
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    with tempfile.TemporaryDirectory(prefix="dam-compare.", dir=BUILDDIR) as scratch:
        coord = Coordinator(scratch)
        try:
            side_by_side(coord)
            fio(coord, scratch)
        finally:
            coord.stop()


if __name__ == "__main__":
    main()
