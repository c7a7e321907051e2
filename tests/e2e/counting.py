#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: The DAM authors
"""counting.py [RUNS [CASE...]]: does DAM count what the programs themselves say they did?

Runs each program under dam-run, and compares bytes and operations, per thread and direction, within 1 %.
Environment: BUILDDIR, the folder of the build (default: the current one).
"""
import collections
import json
import os
import sys
import tempfile

from dam import BUILDDIR, MIB, dam_run, fio_report, tool

TOLERANCE = 0.01
KEYS = ("read_bytes", "write_bytes", "read_ops", "write_ops")

Counts = collections.namedtuple("Counts", KEYS)


def fio(engine, scratch, threads=True):
    """Four threads, or processes, of unlike sizes and block sizes, so that none can be taken for another."""
    jobs = []
    for i, (size, blocks, mix) in enumerate([(8, "4k/50:64k/50", 70), (12, "8k/30:128k/70", 50),
                                             (20, "4k/20:16k/40:256k/40", 30), (32, "64k", 100)]):
        path = os.path.join(scratch, f"fio{i}")
        with open(path, "wb") as f:
            f.write(os.urandom(MIB) * size)
        jobs += [f"--name=job{i}", f"--filename={path}", f"--size={size}m", f"--bssplit={blocks}",
                 "--rw=randrw", f"--rwmixread={mix}", "--bs_unaligned=0"]
    command = ["fio", f"--ioengine={engine}", "--direct=1", *["--thread"][:threads], "--output-format=json", "--norandommap",
               f"--iodepth={8 if 'aio' in engine else 1}", f"--output={scratch}/fio.json"] + jobs

    def own(_):
        return [Counts(j["read"]["io_bytes"], j["write"]["io_bytes"], j["read"]["total_ios"], j["write"]["total_ios"])
                for j in fio_report(f"{scratch}/fio.json")["jobs"]]
    return command, own


def qemu_img(arguments, write, scratch):
    count, size = 4000, 16384
    path = os.path.join(scratch, "image")
    with open(path, "wb") as f:
        f.truncate(64 * MIB)
    command = ["qemu-img", "bench", "-q", "-f", "raw", "-t", "none", "-c", str(count), "-s", str(size), "-d", "16",
               *arguments, path]
    total = (count * size, count)
    return command, lambda _: [Counts(0, total[0], 0, total[1]) if write else Counts(total[0], 0, total[1], 0)]


def liburing(scratch):
    """Reads, writes, readv, writev, fixed buffers, fixed files; the program prints its own counts."""
    command = [tool("tests/e2e/uring_mix"), os.path.join(scratch, "file")]

    def own(stdout):
        return [Counts(*(t[k] for k in KEYS)) for t in json.loads(stdout)["threads"]]
    return command, own


CASES = {
    "fio libaio": lambda s: fio("libaio", s),
    "fio libaio processes": lambda s: fio("libaio", s, False),
    "fio psync": lambda s: fio("psync", s),
    "fio psync processes": lambda s: fio("psync", s, False),
    "fio sync": lambda s: fio("sync", s),
    "fio vsync": lambda s: fio("vsync", s),
    "fio pvsync": lambda s: fio("pvsync", s),
    "fio pvsync2": lambda s: fio("pvsync2", s),
    "fio pvsync2 processes": lambda s: fio("pvsync2", s, False),
    "fio posixaio": lambda s: fio("posixaio", s),
    "qemu-img io_uring read": lambda s: qemu_img(["-i", "io_uring"], False, s),
    "qemu-img io_uring write": lambda s: qemu_img(["-i", "io_uring", "-w"], True, s),
    "qemu-img native read": lambda s: qemu_img(["-i", "native", "-n"], False, s),
    "liburing mix": liburing,
}


def total(counts):
    return counts.read_bytes + counts.write_bytes


def worst(seen, own):
    """The largest difference, as a share of the program's figure; threads are matched by their bytes."""
    if len(seen) < len(own):
        return float("inf"), f"{len(seen)} threads with DMA seen, the program has {len(own)}"
    seen = sorted(seen, key=total, reverse=True)
    own = sorted(own, key=total, reverse=True)
    off, where = 0.0, ""
    for i, o in enumerate(own):
        for key in KEYS:
            mine, theirs = getattr(seen[i], key), getattr(o, key)
            # what a program does not report, such as a look at the disk's alignment, against all that it does
            unit = key.split("_")[1]
            both = getattr(o, "read_" + unit) + getattr(o, "write_" + unit)
            share = abs(mine - theirs) / (theirs or both or 1)
            if share >= off:
                off, where = share, f"thread {i} {key}: DAM {mine}, the program {theirs}"
    for extra in seen[len(own):]:
        share = total(extra) / max(sum(map(total, own)), 1)
        if share >= off:
            off, where = share, f"a thread that the program does not have: {extra}"
    return off, where


def once(name, scratch):
    command, own = CASES[name](scratch)
    try:
        printed, told = dam_run(scratch, *command)
    except AssertionError as why:
        return float("inf"), str(why)
    seen = [Counts(*(t[k] for k in KEYS)) for t in told["threads"]]
    return worst([c for c in seen if any(c)], own(printed))


def main():
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    failed = 0
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    for name in sys.argv[2:] or CASES:
        off = []
        for _ in range(runs):
            with tempfile.TemporaryDirectory(prefix="dam-counting.", dir=BUILDDIR) as scratch:
                off.append(once(name, scratch))
        bad = [o for o in off if o[0] > TOLERANCE]
        share, where = max(off)
        print(f"{'FAIL' if bad else 'PASS'}: counting {name}: {len(bad)} of {runs} runs off; largest difference "
              f"{share:.3%} ({where})", flush=True)
        failed += bool(bad)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
