#!/bin/sh
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: The DAM authors
# Each claim of the lab's judge must hold for a good result and fail for the bad one that it is there for.
command -v python3 >/dev/null || exit 77
tests=${srcdir:-.}/tests
PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$tests/vm" exec python3 - <<'EOP'
import copy
import contextlib
import io
import judge


def result(name, mib, moves, cpus):
    n = len(cpus)
    return {"scenario": name, "status": 0, "left": 0,
            "checks": [{"what": "something", "holds": True}] * CHECKS.get(name, 0),
            "load": {"intervals": [[500, int(mib * judge.MIB / 2), cpus]] * 16,
                     "threads": [{"tid": 10 + i, "read_bytes": 1 << 26, "read_ops": 1024} for i in range(n)]},
            "run": {"moves": [{"tid": 10 + i % n} for i in range(moves)],
                    "threads": [{"tid": 10 + i, "read_bytes": 1 << 26, "read_ops": 1024} for i in range(n)]}}


CHECKS = {"moderate_net": 25, "moderate_nvme": 29, "yama": 3, "yama_strict": 3}
GOOD = {"none2": (8, 0, [0, 1]), "none4": (8, 0, [0, 0, 1, 1]), "numad4": (8, 0, [0] * 4), "irqbalance4": (8, 0, [0] * 4),
        "dam2": (16, 1, [2, 0]), "dam4": (16, 2, [2, 3, 0, 1]), "spread": (16, 0, [0, 2]), "pinned": (8, 0, [0, 1]),
        "fio_none": (8, 0, [0, 1]), "fio_dam": (16, 1, [0, 2]),
        "moderate_net": (0, 0, []), "moderate_nvme": (0, 0, []), "nvme_commands": (0, 0, [0] * 5),
        "scsi_commands": (0, 0, [0] * 3), "video": (0, 0, [0] * 2), "stand_ins": (0, 0, [0] * 10),
        "yama": (0, 0, [0]), "yama_strict": (0, 0, [])}


def slow_second(r):
    r["load"]["intervals"][12] = [500, 4 * judge.MIB, r["load"]["intervals"][0][2]]


def slow(r):
    r["load"]["intervals"] = [[500, 4 * judge.MIB, r["load"]["intervals"][0][2]]] * 16


def fast(r):
    r["load"]["intervals"] = [[500, 8 * judge.MIB, r["load"]["intervals"][0][2]]] * 16


def too_many_moves(r):
    r["run"]["moves"] = [{"tid": 10}, {"tid": 11}] * 2


def no_move(r):
    r["run"]["moves"] = []
    r["load"]["intervals"] = [[ms, b, [0] * len(cpus)] for ms, b, cpus in r["load"]["intervals"]]


def three_and_one(r):
    r["load"]["intervals"] = [[500, 8 * judge.MIB, [0, 1, 2, 0]]] * 16


def miscounted(r):
    r["run"]["threads"][0]["read_bytes"] = (1 << 26) * 98 // 100


def one_byte_off(r):
    r["run"]["threads"][-1]["read_bytes"] += 1


def unseen(r):
    r["run"]["threads"].pop()


def left_behind(r):
    r["left"] = 1


def check_failed(r):
    r["checks"][-1:] = [{"what": "something else", "holds": False}]


def check_missing(r):
    r["checks"].pop()


def no_result(r):
    r["run"] = None


BAD = [("none2", fast), ("none4", fast), ("numad4", fast), ("irqbalance4", fast), ("pinned", fast), ("fio_none", fast),
       ("dam2", slow_second), ("dam4", slow_second), ("spread", slow_second), ("fio_dam", slow),
       ("dam2", too_many_moves), ("dam4", too_many_moves), ("spread", too_many_moves), ("pinned", too_many_moves),
       ("fio_dam", too_many_moves), ("dam2", no_move), ("dam4", no_move), ("fio_dam", no_move), ("dam4", three_and_one),
       ("dam2", miscounted), ("dam4", miscounted), ("spread", miscounted), ("pinned", miscounted), ("dam2", unseen),
       ("moderate_net", check_failed), ("moderate_net", check_missing), ("moderate_nvme", check_failed),
       ("moderate_nvme", check_missing), ("nvme_commands", one_byte_off), ("scsi_commands", one_byte_off),
       ("video", one_byte_off), ("stand_ins", one_byte_off), ("video", unseen), ("yama", miscounted),
       ("yama", check_failed), ("yama_strict", check_failed), ("yama_strict", check_missing), ("dam2", left_behind), ("dam2", no_result)]


def verdict(r):
    with contextlib.redirect_stdout(io.StringIO()):
        return judge.judge(r)


assert set(GOOD) == set(judge.CLAIMS)
for name, what in GOOD.items():
    assert verdict(result(name, *what)) == 0, f"{name}: a good result was refused"
for name, spoil in BAD:
    bad = copy.deepcopy(result(name, *GOOD[name]))
    spoil(bad)
    assert verdict(bad) > 0, f"{name}: {spoil.__name__} was not noticed"
EOP
