#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: The DAM authors
"""latency.py [RUNS]: is the mean latency that DAM reports, without a timestamp, what the programs measure themselves?

Within 5 %, or unknown; a run that is not is made twice more, and then the median of the three counts: one stall of the
disk is worth more than 5 % of a run of two seconds, and both sides see it through different samples.

Environment: BUILDDIR, the folder of the build (default: the current one); SECONDS_EACH of each run.
"""
import math
import os
import statistics
import subprocess
import sys
import tempfile

from dam import BUILDDIR, dam_run, fio_report, random_file, tool

SECONDS = os.environ.get("SECONDS_EACH", "2")
TOLERANCE = 0.05
FILE_MIB = 256


def fio(path, scratch, depth, block, direction, *more, engine="libaio"):
    command = ["fio", "--name=job", f"--filename={path}", f"--size={FILE_MIB}m", "--direct=1", "--thread",
               f"--ioengine={engine}", f"--iodepth={depth}", f"--bs={block}", f"--rw=rand{direction}", "--time_based",
               f"--runtime={SECONDS}", "--output-format=json", f"--output={scratch}/fio.json", *more]

    def own(_):
        return fio_report(f"{scratch}/fio.json")["jobs"][0][direction]["clat_ns"]["mean"] / 1000
    return command, own


def observed(*arguments):
    return fio(*arguments, engine="io_uring")


def uring(path, _, depth, block, direction, style):
    command = [tool("tests/e2e/latency_uring"), path, str(depth), str(block), direction, style, SECONDS]
    return command, lambda stdout: float(stdout.split()[0])


# what, its arguments, whether a figure is expected; None: either
CASES = [(f"fio libaio depth {depth} {direction} {block >> 10}k", fio, (depth, block, direction), True)
         for depth in (8, 32) for direction in ("read", "write") for block in (4096, 65536, 1 << 20)]
CASES += [(f"liburing {style} depth {depth} {direction} {block >> 10}k", uring, (depth, block, direction, style),
           None if style == "all" else True)
          for style in ("all", "one", "wait") for depth in (8, 32) for direction in ("read", "write")
          for block in (4096, 65536)]
CASES += [(f"fio io_uring{''.join(more)} depth {depth} {direction} {block >> 10}k", observed,
           (depth, block, direction, *more), None)
          for depth in (8, 32) for direction in ("read", "write") for block in (4096, 65536, 1 << 20)
          for more in ((), ("--fixedbufs", "--registerfiles"))]
CASES += [("fio, thinking", fio, (8, 4096, "read", "--thinktime=2000"), False),
          ("fio, at a rate", fio, (8, 4096, "read", "--rate_iops=1000"), False),
          ("fio, depth 1", fio, (1, 4096, "read"), False),
          ("liburing, thinking", uring, (8, 4096, "read", "think"), False)]


def once(make, arguments, path):
    with tempfile.TemporaryDirectory(prefix="dam-latency.", dir=BUILDDIR) as scratch:
        command, own = make(path, scratch, *arguments)
        printed, told = dam_run(scratch, *command)
        busiest = max(told["threads"], key=lambda t: t["read_ops"] + t["write_ops"])
        return busiest["latency_us"], own(printed)


def error_of(seen, own, expected):
    """Relative; infinite where it should be known and is not, or the reverse."""
    if seen is None:
        return math.inf if expected is True else 0
    return math.inf if expected is False else seen / own - 1


def measure(make, arguments, path, expected):
    """Return whether it is bad, and what is to be printed."""
    texts, errors = [], []
    while not errors or (abs(errors[0]) > TOLERANCE and len(errors) < 3):
        try:
            seen, own = once(make, arguments, path)
        except (AssertionError, subprocess.TimeoutExpired, OSError, ValueError, KeyError, IndexError) as why:
            errors.append(math.inf)
            texts.append(repr(why))
            continue
        errors.append(error_of(seen, own, expected))
        texts.append(f"the program {own:.1f} us, DAM " + ("unknown" if seen is None else f"{seen:.1f} us, {seen / own - 1:+.1%}"))
    return abs(statistics.median(errors)) > TOLERANCE, "; again: ".join(texts)


def main():
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    failed = 0
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    with tempfile.NamedTemporaryFile(prefix="dam-latency.", dir=BUILDDIR) as data:
        random_file(data.name, FILE_MIB)
        for name, make, arguments, expected in CASES:
            for _ in range(runs):
                bad, text = measure(make, arguments, data.name, expected)
                failed += bad
                print(f"{'FAIL' if bad else 'PASS'}: latency {name}: {text}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
