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
            "snapshots": copy.deepcopy(SNAPSHOTS.get(name, {})),
            "run": {"moves": [{"tid": 10 + i % n, "trigger": "component", "component": "port", "from_engine": "p1",
                               "to_engine": "p2", "to_cpus": "2"} for i in range(moves)],
                    "threads": [{"tid": 10 + i, "read_bytes": 1 << 26, "read_ops": 1024} for i in range(n)]}}


# The wider machine: on each node one controller that stands alone, a0 to a3, and one path, p0 to p3.
def machine(gone=(), again=()):
    def engine(name, is_gone):
        return {"name": name, "gone": is_gone, "domains": [int(name[1])], "pool": "p" if name[0] == "p" else None}
    names = [kind + node for kind in "ap" for node in "0123"]
    live = [name for name in names if name not in gone]
    paths = [name for name in live if name[0] == "p"]
    return {"engines": [engine(name, name in gone) for name in names] + [engine(name, False) for name in again],
            "pools": [{"name": "p", "gone": False, "cpu_driven": True, "engines": paths + [n for n in again if n[0] == "p"],
                       "map": [{"domain": d, "engine": f"p{d}" if f"p{d}" not in gone or f"p{d}" in again else "p3"}
                               for d in range(4)]}],
            "components": [{"name": "port", "engines": ["p0", "p1"], "capacity_source": "given",
                            "capacity_bps": 8 * judge.MIB}],
            "queues": [{"engine": "net:eth0", "by": "xps", "number": 4,
                        "map": [{"domain": d, "queues": q} for d, q in enumerate("0132")]}]}


NODES = {kind + node: int(node) for kind in "ap" for node in "0123"}
SNAPSHOTS = {
    "alone4": {"nodes": NODES, "engines": machine(), "read": "a0", "explain": {"decisions": [
        {"engine": "a0", "trigger": "locality", "verdict": "gain", "why": "less would be gained than the move costs"}]}},
    "paths4": {"nodes": NODES, "engines": machine()},
    "port4": {"port": "port", "engines": machine()},
    "port4_full": {"port": "port", "engines": machine()},
    "queues4": {"interface": "net:eth0", "engines": machine()},
    "replug": {"nodes": NODES, "gone": machine(["p2"]), "back": machine(["p2"], ["p2"]),
               "again": machine(["p2", "a3"], ["p2", "a3"]), "masks": {"10": "0-3", "11": "0-3", "12": "0-3", "13": "0-3"}},
}
CHECKS = {"moderate_net": 25, "moderate_nvme": 29, "groups": 6, "yama": 3, "yama_strict": 3, "replug": 7}
GOOD = {"none2": (8, 0, [0, 1]), "none4": (8, 0, [0, 0, 1, 1]), "numad4": (8, 0, [0] * 4), "irqbalance4": (8, 0, [0] * 4),
        "dam2": (16, 1, [2, 0]), "dam4": (16, 2, [2, 3, 0, 1]), "spread": (16, 0, [0, 2]), "pinned": (8, 0, [0, 1]),
        "fio_none": (8, 0, [0, 1]), "fio_dam": (16, 1, [0, 2]),
        "moderate_net": (0, 0, []), "moderate_nvme": (0, 0, []), "nvme_commands": (0, 0, [0] * 5),
        "scsi_commands": (0, 0, [0] * 3), "video": (0, 0, [0] * 2), "stand_ins": (0, 0, [0] * 10),
        "throttled": (0, 0, [0] * 6),
        "groups": (0, 0, []), "yama": (0, 0, [0]), "yama_strict": (0, 0, []),
        "alone4": (8, 0, [3]), "paths4": (32, 6, [0, 0, 1, 1, 2, 2, 3, 3]), "port4": (8, 1, [0, 3]),
        "port4_full": (24, 2, [0, 1, 2, 3]), "queues4": (0, 0, []), "replug": (32, 0, [0, 1, 2, 3])}


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


def wrong_node(r):
    r["snapshots"]["engines"]["engines"][0]["domains"] = [0, 1, 2, 3]


def one_fewer(r):
    r["snapshots"]["engines"]["engines"].pop()


def wrong_map(r):
    r["snapshots"]["engines"]["pools"][0]["map"][1]["engine"] = "p0"


def slow_without(r):
    for i in range(6, 13):
        r["load"]["intervals"][i] = [500, 8 * judge.MIB, [0, 1, 2, 3]]


def far_map(r):
    r["snapshots"]["gone"]["pools"][0]["map"][2]["engine"] = "p1"


def stale_map(r):
    r["snapshots"]["gone"]["pools"][0]["map"][2]["engine"] = "p2"


def never_back(r):
    r["snapshots"]["back"] = machine(["p2"])


def twice_there(r):
    r["snapshots"]["again"] = machine([], ["a3"])


def strange_mask(r):
    r["snapshots"]["masks"]["12"] = "2"


def no_reason(r):
    r["snapshots"]["explain"]["decisions"] = []


def another_reason(r):
    r["run"]["moves"][0]["trigger"] = "overload"


def to_its_sibling(r):
    r["run"]["moves"][0]["to_engine"] = "p0"


def learned(r):
    r["snapshots"]["engines"]["components"][0]["capacity_source"] = "learned"


def straight_queues(r):
    r["snapshots"]["engines"]["queues"][0]["map"] = [{"domain": d, "queues": str(d)} for d in range(4)]


def no_pool(r):
    r["snapshots"]["engines"]["pools"] = []


def two_ports(r):
    r["snapshots"]["engines"]["components"] *= 2


def no_queues(r):
    r["snapshots"]["engines"]["queues"] = []


BAD = [("none2", fast), ("none4", fast), ("numad4", fast), ("irqbalance4", fast), ("pinned", fast), ("fio_none", fast),
       ("dam2", slow_second), ("dam4", slow_second), ("spread", slow_second), ("fio_dam", slow),
       ("dam2", too_many_moves), ("dam4", too_many_moves), ("spread", too_many_moves), ("pinned", too_many_moves),
       ("fio_dam", too_many_moves), ("dam2", no_move), ("dam4", no_move), ("fio_dam", no_move), ("dam4", three_and_one),
       ("dam2", miscounted), ("dam4", miscounted), ("spread", miscounted), ("pinned", miscounted), ("dam2", unseen),
       ("moderate_net", check_failed), ("moderate_net", check_missing), ("moderate_nvme", check_failed),
       ("moderate_nvme", check_missing), ("nvme_commands", one_byte_off), ("scsi_commands", one_byte_off),
       ("video", one_byte_off), ("stand_ins", one_byte_off), ("throttled", one_byte_off),
       ("throttled", unseen), ("video", unseen), ("yama", miscounted),
       ("groups", check_failed), ("yama", check_failed), ("yama_strict", check_failed), ("yama_strict", check_missing), ("dam2", left_behind), ("dam2", no_result),
       ("alone4", wrong_node), ("alone4", one_fewer), ("alone4", no_reason), ("paths4", wrong_node), ("paths4", wrong_map),
       ("paths4", no_move), ("paths4", slow), ("port4", another_reason), ("port4", to_its_sibling), ("port4", no_result),
       ("port4_full", learned), ("port4_full", slow), ("queues4", straight_queues), ("replug", stale_map),
       ("replug", never_back), ("replug", twice_there), ("replug", strange_mask), ("replug", slow_without), ("replug", far_map),
       ("replug", check_missing), ("paths4", no_pool), ("port4", two_ports), ("queues4", no_queues)]


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
