#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: The DAM authors
"""Programs in namespaces, and under other confinement, of which the coordinator has no part; and the other way round.

Each thread is counted as what it is, nothing is said of any other, and where it cannot be done one line says why.
As root.
"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

import dam

COUNTS = {"first300": 300, "second200": 200}
USER = "1000"
AS_USER = ["setpriv", "--reuid", USER, "--regid", USER, "--clear-groups"]
PIDS = ["unshare", "--pid", "--fork", "--mount-proc"]
SETTLE_S = 10

# What a program runs in, and whether it can be counted there. {run} is the coordinator's directory, {bound} an empty one.
SPACES = [
    ("beside the coordinator", [], True),
    ("first process of a pid namespace", PIDS, True),
    ("a later process of a pid namespace", [*PIDS, "sh", "-c", '"$@" & wait $!', "sh"], True),
    ("a pid namespace in one, of a cgroup namespace", [*PIDS, "--cgroup", *PIDS], True),
    ("a pid namespace without its own /proc", ["unshare", "--pid", "--fork"], True),
    ("a time namespace", ["unshare", "--time", "--monotonic", "100000", "--boottime", "100000", "--fork"], True),
    ("a time namespace, hardly shifted", ["unshare", "--time", "--monotonic", "2", "--fork"], True),
    ("network, ipc and uts namespaces", ["unshare", "--net", "--ipc", "--uts"], True),
    ("a user namespace, root of it", ["unshare", "--user", "--map-root-user"], True),
    ("a user namespace without root", [*AS_USER, "unshare", "--user", "--map-root-user"], True),
    ("the socket bound elsewhere", ["env", "DAM_RUNTIME_DIR={bound}", "unshare", "--mount", "sh", "-c",
                                    'mount --bind {run} {bound}; mount -t tmpfs none {run}; exec "$@"', "sh"], True),
    ("a read-only root", ["unshare", "--mount", "sh", "-c",
                          'mount --rbind / /mnt; mount -o remount,bind,ro /mnt; exec chroot /mnt "$@"', "sh"], True),
    ("no /sys", ["unshare", "--mount", "sh", "-c", 'umount -l /sys; exec "$@"', "sh"], True),
    ("a /proc without others", ["unshare", "--mount", "--pid", "--fork", "sh", "-c",
                                'mount -t proc -o hidepid=2,subset=pid none /proc; exec "$@"', "sh", *AS_USER], True),
    ("no new privileges", [*AS_USER, "--no-new-privs"], True),
    ("the socket out of reach", ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs none {run}; exec "$@"', "sh"], False),
    # whether a filter of system calls came with the program is read there
    ("no /proc", ["unshare", "--mount", "sh", "-c", 'umount -l /proc; exec "$@"', "sh"], False),
]


class Place:
    """A scratch folder that every user can read, with the programs in it."""

    def __init__(self, path):
        self.path = path
        os.chmod(path, 0o755)
        self.library = shutil.copy(dam.tool(".libs/libdam_preload.so"), path)
        self.program = shutil.copy(dam.tool("tests/e2e/inside"), path)
        self.data = dam.random_file(os.path.join(path, "data"), 1)
        self.bound = os.path.join(path, "bound")
        os.mkdir(self.bound)
        self.env = {**os.environ, "DAM_RUNTIME_DIR": os.path.join(path, "run")}

    def run(self, space, *arguments):
        """The program in a space, with the library. Its exit status."""
        fill = {"run": self.env["DAM_RUNTIME_DIR"], "bound": self.bound}
        space = [part.format(**fill) if "{" in part else part for part in space]
        preload = ["env", "LD_PRELOAD=" + self.library]
        done = subprocess.run([*space, *preload, self.program, self.data, *arguments], env=self.env, timeout=60,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if done.returncode == 77 or "unshare failed" in done.stderr or "unrecognized option" in done.stderr:
            raise dam.Skip(done.stderr.strip()[-100:] or "this kernel does not offer it")
        assert done.returncode == 0 and not done.stderr, f"exit status {done.returncode}: {done.stderr.strip()[-200:]}"

    def threads(self):
        """Reads by name of thread."""
        return {t["comm"]: t["read_ops"] for t in dam.ask("threads", self.env)["threads"] if t["read_ops"]}


def test_space(place, space, counted):
    with dam.coordinator(place.env):
        place.run(space)
        seen = place.threads()
    assert seen == (COUNTS if counted else {}), f"{seen}"


def test_alike(place):
    with dam.coordinator(place.env):
        place.run([], "alike")
        assert place.threads() == COUNTS, f"{place.threads()}"


def first_line(command, env, **more):
    """What it says on standard error, and nothing else."""
    done = subprocess.run(command, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30,
                          check=False, **more)
    return done.stderr.strip()


def test_unfit_proc(place):
    for why, space in [("none", ["unshare", "--mount", "sh", "-c", 'umount -l /proc; exec "$@"', "sh"]),
                       ("another pid namespace's", ["unshare", "--pid", "--fork"])]:
        said = first_line([*space, dam.tool("dam-coord"), "--foreground"], place.env)
        assert re.fullmatch("dam-coord: /proc is missing.*", said), f"{why}: {said}"


def test_no_sys(place):
    said = first_line(["unshare", "--mount", "sh", "-c", 'umount -l /sys; exec "$@"', "sh", dam.tool("dam-coord"),
                       "--list-engines"], place.env)
    assert "dam-coord: warning: there is no /sys" in said, said


def test_coordinator_inside(place):
    """It cannot see programs outside: they are told so, and nobody's thread is taken for theirs."""
    log = os.path.join(place.path, "log")
    with open(log, "w", encoding="utf-8") as err, \
            subprocess.Popen([*PIDS, dam.tool("dam-coord"), "--foreground"], env=place.env, stderr=err) as box:
        try:
            socket = os.path.join(place.env["DAM_RUNTIME_DIR"], "coord.sock")
            end = time.monotonic() + SETTLE_S
            while not os.path.exists(socket):
                assert box.poll() is None and time.monotonic() < end, "no coordinator"
                time.sleep(0.05)
            enter = ["nsenter", "--pid", "--mount", "--target", first_child(box.pid)]
            place.run([])
            said = first_line([dam.tool("dam-ctl"), "threads"], place.env)
            assert "a pid namespace that you are not in" in said, said
            said = first_line([dam.tool("dam-run"), "--", "true"], place.env)
            assert said.startswith("dam-run: warning: the coordinator says: it runs in a pid namespace"), said
            place.run(enter)
            seen = subprocess.run([*enter, dam.tool("dam-ctl"), "threads", "--json"], env=place.env, timeout=30,
                                  capture_output=True, text=True, check=True)
            seen = {t["comm"]: t["read_ops"] for t in json.loads(seen.stdout)["threads"]}
            assert seen == COUNTS, f"{seen}"
        finally:
            subprocess.run(["kill", first_child(box.pid)], check=False)
    with open(log, encoding="utf-8") as err:
        said = err.read().strip()
    assert re.fullmatch("dam-coord: warning: programs outside the pid namespace .*", said), said


def first_child(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="utf-8") as f:
        return f.read().split()[0]


def test_run_out_of_reach(place):
    """The program's own /tmp hides the private coordinator of dam-run."""
    env = {k: v for k, v in place.env.items() if k != "DAM_RUNTIME_DIR"}
    hidden = os.path.join(place.path, "tmp")
    os.mkdir(hidden)
    said = first_line([dam.tool("dam-run"), "--", "unshare", "--mount", "sh", "-c",
                       f'mount -t tmpfs none {hidden}; exec "$@"', "sh", place.program, place.data],
                      {**env, "TMPDIR": hidden})
    assert "the coordinator's socket is not in its mount namespace" in said, said


def test_run_inside(place):
    """What dam-run inside calls its program is another's number outside."""
    result = os.path.join(place.path, "run.json")
    with dam.coordinator(place.env):
        subprocess.run([*PIDS, dam.tool("dam-run"), "-q", "--json", result, "--", dam.tool("tests/raw_uring"), "read",
                        dam.random_file(place.data, 16), "4096", "4000"], env=place.env, timeout=60,
                       stdout=subprocess.DEVNULL, check=True)
    with open(result, encoding="utf-8") as f:
        reads = sum(t["read_ops"] for t in json.load(f)["threads"])
    assert reads >= 3960, f"{reads} of 4000"


def test_many_threads(place):
    """Which thread has which number is found out once, not by looking at all of them for each."""
    nr = 600
    result = os.path.join(place.path, "fio.json")
    with dam.coordinator(place.env):
        subprocess.run([*PIDS, "env", "LD_PRELOAD=" + place.library, "fio", "--name=job", "--filename=" + place.data,
                        "--ioengine=psync", "--direct=1", "--rw=randread", "--bs=4k", "--thread", f"--numjobs={nr}",
                        "--time_based", "--runtime=2", "--rate_iops=5", "--output-format=json", "--output=" + result],
                       env=place.env, timeout=60, stdin=subprocess.DEVNULL, check=True)
        threads = [t["read_ops"] for t in dam.ask("threads", place.env)["threads"] if t["read_ops"]]
    issued = sum(job["read"]["total_ios"] for job in dam.fio_report(result)["jobs"])
    assert len(threads) == nr and abs(sum(threads) - issued) <= issued / 100, f"{len(threads)}: {sum(threads)} of {issued}"


def test_polled_inside(place):
    """The kernel's names for the threads that a ring's poller works for are of no use in a container."""
    result = os.path.join(place.path, "run.json")
    job = ["--filename=" + place.data, "--ioengine=io_uring", "--sqthread_poll=1", "--direct=1", "--rw=randread",
           "--bs=4k", "--thread", "--time_based", "--runtime=2", "--rate_iops=100"]
    env = {k: v for k, v in place.env.items() if k != "DAM_RUNTIME_DIR"}
    subprocess.run([*PIDS, dam.tool("dam-run"), "-q", "--json", result, "--", "fio", "--name=one", *job, "--name=two", *job],
                   env=env, timeout=60, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True)
    with open(result, encoding="utf-8") as f:
        reasons = {t["why"] for t in json.load(f)["threads"] if t["read_ops"]}
    assert len(reasons) == 1 and "in a container" in reasons.pop(), f"{reasons}"


def test_run_capable(place):
    """A file's capabilities keep every preloaded library out."""
    program = shutil.copy(place.program, os.path.join(place.path, "capable"))
    if subprocess.run(["setcap", "cap_sys_nice+ep", program], stderr=subprocess.DEVNULL, check=False).returncode:
        raise dam.Skip("no capabilities can be given to files here")
    tools = [shutil.copy(dam.tool(name), place.path) for name in ("dam-coord", "dam-run")]
    env = {**place.env, "DAM_RUNTIME_DIR": os.path.join(place.path, "none")}
    said = first_line([*AS_USER, tools[1], "--", program, place.data], env)
    assert "its file has capabilities" in said, said


TESTS = [
    ("numbers that mean others outside", test_alike),
    ("a coordinator without the /proc of its pid namespace", test_unfit_proc),
    ("a coordinator without /sys", test_no_sys),
    ("a coordinator inside, programs outside and inside", test_coordinator_inside),
    ("dam-run inside, the coordinator outside, a program that only this one can look into", test_run_inside),
    ("many threads in a pid namespace", test_many_threads),
    ("rings that the kernel polls, all in a pid namespace", test_polled_inside),
    ("dam-run of a program that hides its coordinator", test_run_out_of_reach),
    ("dam-run of a program with file capabilities", test_run_capable),
]


def main():
    if os.getuid() or subprocess.run(["unshare", "--mount", "--pid", "--fork", "true"], check=False).returncode:
        print("SKIP: spaces: namespaces take root")
        return 0
    tests = [(why, lambda place, s=space, c=counted: test_space(place, s, c)) for why, space, counted in SPACES]
    failed = 0
    for why, test in [*tests, *TESTS]:
        with tempfile.TemporaryDirectory(prefix="dam-spaces.") as scratch:
            try:
                test(Place(scratch))
                print(f"PASS: spaces: {why}", flush=True)
            except dam.Skip as no:
                print(f"SKIP: spaces: {why}: {no}", flush=True)
            except (AssertionError, OSError, subprocess.SubprocessError, TypeError) as e:
                failed += 1
                print(f"FAIL: spaces: {why}: {e}", flush=True)
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
