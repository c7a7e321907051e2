# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: The DAM authors
"""What the end-to-end tests in Python share: the build's programs, a run under dam-run, a coordinator to ask.

Environment: BUILDDIR, the folder of the build (default: the current one).
"""
import contextlib
import json
import os
import subprocess
import time

BUILDDIR = os.path.abspath(os.environ.get("BUILDDIR", "."))
MIB = 1 << 20
START_S = 10


class Skip(Exception):
    """This machine cannot show it; the reason."""


def tool(name):
    return os.path.join(BUILDDIR, name)


def random_file(path, mib):
    """Its data are on the disk: what is written back later is nobody's."""
    with open(path, "wb") as f:
        for _ in range(mib):
            f.write(os.urandom(MIB))
        f.flush()
        os.fsync(f.fileno())
    return path


def dam_run(scratch, *program, before=()):
    """Runs it. Returns what it printed, and what DAM says. Skip: the kernel refuses; AssertionError: it failed."""
    result = os.path.join(scratch, "run.json")
    run = subprocess.run([*before, tool("dam-run"), "-q", "--json", result, "--", *program],
                         stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False)
    if run.returncode == 77:
        raise Skip(run.stderr.strip()[-100:] or "the kernel refuses")
    assert run.returncode == 0, f"exit status {run.returncode}: {run.stderr.strip()[-200:]}"
    with open(result, encoding="utf-8") as f:
        return run.stdout, json.load(f)


def fio_report(path):
    """fio's notes may come before its JSON."""
    with open(path, encoding="utf-8") as f:
        text = f.read()
    return json.loads(text[text.index("{"):])


def ask(what, env):
    """The coordinator's answer; None: there is none."""
    answer = subprocess.run([tool("dam-ctl"), what, "--json"], env=env, capture_output=True, text=True, check=False)
    return json.loads(answer.stdout) if answer.returncode == 0 else None


@contextlib.contextmanager
def coordinator(env):
    """A coordinator in env's runtime directory, which is made, that answers. It is ended with the block."""
    os.mkdir(env["DAM_RUNTIME_DIR"])
    end = time.monotonic() + START_S
    with subprocess.Popen([tool("dam-coord"), "--foreground"], env=env) as process:
        try:
            while not ask("status", env):
                assert process.poll() is None and time.monotonic() < end, "no coordinator"
                time.sleep(0.05)
            yield process
        finally:
            process.terminate()
