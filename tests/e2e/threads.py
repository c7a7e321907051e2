#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: The DAM authors
"""threads.py [CASE...]: threads and rings that are hard to find, or to tell apart.

Late names, ids that are used again, ten thousand threads, bare clones, a ring without a descriptor.

Environment: BUILDDIR, the folder of the build (default: the current one).
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

from dam import BUILDDIR, Skip, ask, coordinator, dam_run, random_file, tool

MANY = 10000  # more than twice the slots of a process
WAVE = 50  # of them at a time


def run(scratch, *program, before=()):
    """What the program printed of itself, and what DAM says."""
    printed, told = dam_run(scratch, *program, before=before)
    return json.loads(printed), told


def late_names(scratch, data):
    own, seen = run(scratch, tool("tests/e2e/thread_churn"), "names", data)
    seen = {t["tid"]: t for t in seen["threads"]}
    for t in own["threads"]:
        name = seen[t["tid"]]["comm"]
        assert name == f"late-{t['number']}", f"thread {t['number']} is called {name}"
        assert seen[t["tid"]]["read_ops"] == t["read_ops"]
    return f"{len(own['threads'])} threads have the names that they gave themselves later"


def reused_ids(scratch, data):
    if os.geteuid() != 0 or not shutil.which("unshare"):
        raise Skip("only root has pid namespaces")
    own, seen = run(scratch, tool("tests/e2e/thread_churn"), "reuse", data,
                        before=["unshare", "--pid", "--fork", "--mount-proc"])
    ids = {t["tid"] for t in own["threads"]}
    # a thread is joined a moment before its id is free
    assert len(ids) < len(own["threads"]) / 4, f"{len(ids)} ids were used: no proof"
    counts = sorted((t["tid"], t["read_ops"]) for t in seen["threads"] if t["tid"] in ids)
    wanted = sorted((t["tid"], t["read_ops"]) for t in own["threads"])
    assert counts == wanted, f"{len(counts)} threads with {counts}"
    return f"{len(wanted)} threads with {len(ids)} ids, each with its own count"


def ten_thousand(scratch, data):
    env = {**os.environ, "DAM_RUNTIME_DIR": os.path.join(scratch, "run")}
    with coordinator(env):
        with subprocess.Popen([tool("tests/e2e/thread_churn"), "many", data, str(MANY)],
                              env={**env, "LD_PRELOAD": tool(".libs/libdam_preload.so")}, text=True,
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE) as program:
            assert program.stdout.readline() == f"{MANY}\n"
            process = settled(env, program.pid)
            program.stdin.close()
            assert program.wait() == 0
    assert process["no_slot"] == 0, f"{process['no_slot']} times there was no slot"
    assert process["threads"] <= 1, f"{process['threads']} threads are still there"
    counted = process["coverage"]["hooked_ops"]
    # of the first wave those may be missing that began while another thread was asking for the ledger
    assert MANY - WAVE < counted <= MANY, f"{counted} operations of {MANY} counted"
    return f"{MANY} threads came and went, {counted} were counted, and no slot is left"


def settled(env, pid):
    """The process as the coordinator has it once its threads are gone, or after ten seconds."""
    end = time.monotonic() + 10
    while True:
        process = [p for p in ask("threads", env)["processes"] if p["pid"] == pid]
        done = process and process[0]["threads"] <= 1 and process[0]["coverage"]["hooked_ops"] > MANY - WAVE
        if done or time.monotonic() > end:
            return process[0]
        time.sleep(0.1)


def by_itself(scratch, data, mode, before=()):
    """The static program that enters its ring by itself. Returns the thread, and why it was not seen, if it was not."""
    own, seen = run(scratch, tool("tests/raw_uring"), mode, data, "4096", "4000", before=before)
    thread = {t["tid"]: t for t in seen["threads"]}.get(own["tid"])
    why = [p["coverage"]["unobservable"] for p in seen["processes"] if p["pid"] == own["tid"]]
    if thread:
        for key, limit in (("read_bytes", 0.02), ("read_ops", 0.01)):
            assert abs(thread[key] - own[key]) <= limit * own[key], f"{key}: {thread[key]} instead of {own[key]}"
    return thread, why


def bare_clone(scratch, data):
    thread, _ = by_itself(scratch, data, "clone")
    assert thread, "the thread was not seen"
    assert thread["comm"] == "bare", thread["comm"]
    return f"a thread that no library made: {thread['read_ops']} operations"


def held_up(scratch, data, where="tasks"):
    """What is lost between two looks of the coordinator must not be estimated by the time that went by."""
    library, folder = tool("tests/e2e/.libs/held_up.so"), os.path.join(scratch, "run")
    assert os.path.exists(library), "nothing holds it up"
    env = {**os.environ, "DAM_RUNTIME_DIR": folder, "LD_PRELOAD": library, "HELD_UP": where}
    to_it = ["env", f"DAM_RUNTIME_DIR={folder}"]
    with coordinator(env):
        ops = [by_itself(scratch, data, "clone", before=to_it)[0]["read_ops"] for _ in range(3)]
    return f"a coordinator that is held up between a look and the next: {', '.join(map(str, ops))} operations"


def held_up_looking(scratch, data):
    return held_up(scratch, data, "look")


def registered_ring(scratch, data):
    thread, why = by_itself(scratch, data, "registered")
    if thread:
        return f"a ring without a descriptor: {thread['read_ops']} operations"
    assert why and "REGISTER_RING_FDS" in (why[0] or ""), f"a ring without a descriptor is neither seen nor told: {why}"
    return f"a ring without a descriptor: {why[0]}"


CASES = {"late names": late_names, "reused ids": reused_ids, "ten thousand": ten_thousand, "bare clone": bare_clone,
         "held up": held_up, "held up looking": held_up_looking,
         "registered ring": registered_ring}


def main():
    failed = False
    with tempfile.TemporaryDirectory(prefix="dam-threads.", dir=BUILDDIR) as scratch:
        data = random_file(os.path.join(scratch, "data"), 16)
        for name in sys.argv[1:] or CASES:
            try:
                print(f"PASS: threads: {CASES[name](scratch, data)}", flush=True)
            except Skip as why:
                print(f"SKIP: threads: {name}: {why}", flush=True)
            except (AssertionError, KeyError, json.JSONDecodeError, subprocess.TimeoutExpired) as why:
                print(f"FAIL: threads: {name}: {why!r}", flush=True)
                failed = True
            shutil.rmtree(os.path.join(scratch, "run"), ignore_errors=True)
    return failed


if __name__ == "__main__":
    sys.exit(main())
