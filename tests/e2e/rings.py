#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: The DAM authors
"""rings.py [RUNS [CASE...]]: does observation count what fio says that it did?

fio's io_uring engine enters rings by raw system calls, which no hook sees. Four jobs of unlike sizes, as threads and as
processes, under dam-run: bytes within 2 % and operations within 1 % for each job, on the right thread. Latencies are
shown, and judged, within 5 %, in the cases where fio's own are of use. Environment: BUILDDIR (default: the current folder).
"""
import collections
import os
import sys
import tempfile

from dam import BUILDDIR, dam_run, fio_report, random_file

SECONDS = 4
BYTES_OFF, OPS_OFF, LATENCY_OFF = 0.02, 0.01, 0.05

# What tells one job from another, also by its bytes.
JOBS = [
    ["--rw=randread", "--bs=4k", "--iodepth=8"],
    ["--rw=randwrite", "--bs=16k", "--iodepth=8"],
    ["--rw=randrw", "--bssplit=4k/50:64k/50", "--iodepth=32"],
    ["--rw=randread", "--bs=1m", "--iodepth=8"],
]

Case = collections.namedtuple("Case", "name options latency")
CASES = [
    Case("io_uring", [], True),
    # on a machine with few processors the pollers take them from fio, whose clock then misleads it
    Case("io_uring sqpoll", ["--sqthread_poll=1"], False),
    Case("io_uring fixed", ["--fixedbufs", "--registerfiles"], True),
    Case("io_uring depth 1", ["--iodepth=1"], False),
]
MODES = {"threads": ["--thread"], "processes": []}
Job = collections.namedtuple("Job", "read_bytes write_bytes ops latency_us")


def command_of(case, mode, scratch):
    command = ["fio", "--ioengine=io_uring", "--direct=1", "--time_based", f"--runtime={SECONDS}", "--norandommap",
               "--size=32m", "--output-format=json", f"--output={scratch}/fio.json", *MODES[mode]]
    for i, job in enumerate(JOBS):
        path = os.path.join(scratch, f"file{i}")
        random_file(path, 32)
        command += [f"--name=job{i}", f"--filename={path}", *job, *case.options]
    return command


def fio_jobs(scratch):
    for j in fio_report(f"{scratch}/fio.json")["jobs"]:
        ops = [j[d]["total_ios"] for d in ("read", "write")]
        clat = sum(n * j[d]["clat_ns"]["mean"] for n, d in zip(ops, ("read", "write"))) / max(sum(ops), 1) / 1000
        yield Job(j["read"]["io_bytes"], j["write"]["io_bytes"], sum(ops), clat)


def dam_jobs(told):
    for t in told["threads"]:
        if t["read_ops"] + t["write_ops"]:
            yield Job(t["read_bytes"], t["write_bytes"], t["read_ops"] + t["write_ops"], t["latency_us"])


def off(seen, own):
    return abs(seen - own) / own if own else float(seen > 0)


def judge(case, seen, own):
    """Return: (what is wrong, columns of the table)."""
    bytes_off = max(off(seen.read_bytes, own.read_bytes), off(seen.write_bytes, own.write_bytes))
    ops_off = off(seen.ops, own.ops)
    wrong = []
    if bytes_off > BYTES_OFF:
        wrong.append("bytes")
    if ops_off > OPS_OFF:
        wrong.append("operations")
    latency = "unknown"
    if seen.latency_us is not None:
        latency = f"{seen.latency_us:.0f} / {own.latency_us:.0f}"
        if case.latency and off(seen.latency_us, own.latency_us) > LATENCY_OFF:
            latency += " (off)"
            wrong.append("latency")
    return wrong, f"{bytes_off:8.3%} {ops_off:8.3%}  {latency}"


def once(case, mode):
    with tempfile.TemporaryDirectory(prefix="dam-rings.", dir=BUILDDIR) as scratch:
        try:
            _, told = dam_run(scratch, *command_of(case, mode, scratch))
        except AssertionError as why:
            return [str(why)]
        own, seen = list(fio_jobs(scratch)), list(dam_jobs(told))
    wrong = []
    if len(seen) != len(own):
        wrong.append(f"{len(seen)} threads seen instead of {len(own)}")

    def distance(s, o):
        return off(s.read_bytes, o.read_bytes) + off(s.write_bytes, o.write_bytes)
    for i, o in enumerate(own):
        s = min(seen, key=lambda s, o=o: distance(s, o), default=Job(0, 0, 0, None))
        if s in seen:
            seen.remove(s)
        bad, columns = judge(case, s, o)
        print(f"{case.name:18} {mode:10} {i:3} {o.ops:8} {columns}", flush=True)
        wrong += [f"job {i}: {b}" for b in bad]
    return wrong


def main():
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    failed = 0
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    print(f"{'case':18} {'mode':10} job      ops    bytes      ops  latency us, DAM's / fio's")
    for case in CASES:
        if sys.argv[2:] and case.name not in sys.argv[2:]:
            continue
        for mode in MODES:
            wrong = [w for _ in range(runs) for w in once(case, mode)]
            print(f"{'FAIL' if wrong else 'PASS'}: rings {case.name}, {mode}" + (": " + "; ".join(wrong) if wrong else ""),
                  flush=True)
            failed += bool(wrong)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
