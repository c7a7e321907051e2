#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: The DAM authors
"""judge.py FILE [SCENARIO...]: what each scenario of scenarios.sh has to show; a line per claim, tables, 1 on a FAIL.

judge.py --failed FILE [SCENARIO...] prints only the names of the scenarios that failed. Of two results of one scenario
the later one counts.
"""
import contextlib
import io
import json
import sys

MIB = 1 << 20
SETTLED_MS = 3000  # from here on DAM has to have acted


def windows(load, from_ms):
    """MiB/s over every second that begins at or after from_ms: two neighbouring intervals each."""
    rates, at = [], 0
    intervals = load["intervals"]
    for (ms_a, bytes_a, _), (ms_b, bytes_b, _) in zip(intervals, intervals[1:]):
        if at >= from_ms - 50:
            rates.append((bytes_a + bytes_b) * 1000 / (ms_a + ms_b) / MIB)
        at += ms_a
    return rates


def moves(result):
    return result["run"]["moves"] if result["run"] else []


def nodes_at_end(result):
    """Threads of the load on node 0 and on node 1 at the last interval."""
    cpus = result["load"]["intervals"][-1][2]
    return sum(c < 2 for c in cpus), sum(c >= 2 for c in cpus)


# A claim takes a result and returns (holds, figure).
def at_least(mib):
    def claim(result):
        low = min(windows(result["load"], SETTLED_MS), default=0)
        return low >= mib, f"lowest second after 3 s: {low:.1f} MiB/s, wanted >= {mib}"
    return claim


def at_most(mib):
    def claim(result):
        high = max(windows(result["load"], 1000), default=float("inf"))
        return high <= mib, f"highest second after 1 s: {high:.1f} MiB/s, wanted <= {mib}"
    return claim


def mean_between(low, high):
    """fio's own log is cut into half seconds by fio, beside programs that take its CPU: its mean is what counts."""
    def claim(result):
        rates = windows(result["load"], SETTLED_MS)
        mean = sum(rates) / len(rates) if rates else 0.0
        return low <= mean <= high, f"mean after 3 s: {mean:.1f} MiB/s, wanted {low} to {high}"
    return claim


def wanderings(result):
    """How often threads that began on node 0 changed nodes without DAM: they are free to, and the kernel may do it."""
    alone = 0
    for i, thread in enumerate(result["load"]["threads"]):
        nodes = [0] + [cpus[i] >= 2 for _, _, cpus in result["load"]["intervals"]]
        changes = sum(a != b for a, b in zip(nodes, nodes[1:]))
        alone += max(0, changes - sum(m["tid"] == thread["tid"] for m in moves(result)))
    return alone


def moves_between(low, high):
    """If the kernel moved threads itself, that many fewer moves are needed, or that many more."""
    def claim(result):
        n = len(moves(result))
        k = wanderings(result) if low else 0
        by_kernel = f"; {k} by the kernel" if k else ""
        return (max(0, low - k) <= n <= high + k,
                f"{n} moves{by_kernel}, wanted {low}{f' to {high}' if high != low else ''}")
    return claim


def two_and_two(result):
    here, there = nodes_at_end(result)
    return (here, there) == (2, 2), f"{here} threads on node 0, {there} on node 1 at the end"


def counted(result):
    """DAM's bytes and operations per thread against the program's own, within 1 %; and the very first block of a
    thread may be missing, that began in the same instant as another that was just asking for a ledger."""
    seen = {t["tid"]: t for t in result["run"]["threads"]}
    off = 0.0 if result["load"]["threads"] else float("inf")
    for t in result["load"]["threads"]:
        for key in ("read_bytes", "read_ops"):
            first = t[key] // t["read_ops"]
            off = max(off, (abs(seen.get(t["tid"], {}).get(key, 0) - t[key]) - first) / t[key])
    return off <= 0.01, f"largest difference between DAM's count and the program's: {off:.2%}"


def counted_exactly(nr_threads):
    """Every figure of every thread, and memory that was mapped."""
    def claim(result):
        seen = {t["tid"]: t for t in result["run"]["threads"]}
        own = result["load"]["threads"]
        off = [f"thread {i} {key}: DAM {seen.get(t['tid'], {}).get(key, 0)}, the program {t[key]}"
               for i, t in enumerate(own) for key in t
               if key != "tid" and seen.get(t["tid"], {}).get(key, 0) != t[key]]
        return (not off and len(own) == nr_threads,
                f"{len(own)} threads, wanted {nr_threads}; figures that differ: {'; '.join(off) or 'none'}")
    return claim


def ended_well(result):
    return (result["status"] == 0 and result["left"] == 0,
            f"exit status {result['status']}, {result['left']} processes of DAM left behind")


def checks(wanted):
    """What the scenario itself has checked, and told; every one has to be there."""
    def claim(result):
        told = result["checks"]
        bad = [c["what"] for c in told if not c["holds"]]
        return (not bad and len(told) == wanted,
                f"{len(told) - len(bad)} of {wanted} checks hold" + "".join(f"; not: {what}" for what in bad))
    return claim


# Claims about the wider machine, where a CPU has the number of its node.
def engines_of(result, snapshot):
    """Those that are there, by name; a name that two of them have is nobody's."""
    live = [e for e in result["snapshots"][snapshot]["engines"] if not e["gone"]]
    return {e["name"]: e for e in live if sum(e["name"] == other["name"] for other in live) == 1}


def pool_of(result, snapshot):
    """Its engines, and {domain: engine}, of the only pool that is there."""
    (pool,) = [p for p in result["snapshots"][snapshot]["pools"] if not p["gone"]]
    return set(pool["engines"]), {m["domain"]: m["engine"] for m in pool["map"] if pool["cpu_driven"]}


def placed(snapshot):
    """Each controller next to the node that sysfs tells: on every node a path, and one that stands alone."""
    def claim(result):
        nodes, engines = result["snapshots"]["nodes"], engines_of(result, snapshot)
        wrong = [name for name, node in nodes.items() if engines.get(name, {}).get("domains") != [node]]
        there = {(node, engines[name]["pool"] is None) for name, node in nodes.items() if name in engines}
        return (not wrong and there == {(n, alone) for n in range(4) for alone in (True, False)},
                f"{len(nodes)} controllers, wanted one alone and one path on each node; wrong places: {wrong or 'none'}")
    return claim


def mapped(snapshot, absent=None):
    """Each domain is served by the path on its node; that of node @absent, which is gone, by its neighbour's."""
    def claim(result):
        engines, served = pool_of(result, snapshot)
        nodes = result["snapshots"]["nodes"]
        paths = set(engines_of(result, snapshot)) & engines
        wrong = [d for d, e in served.items() if e not in paths or nodes[e] != (d ^ 1 if d == absent else d)]
        return (not wrong and engines == paths and set(served) == set(range(4)) and
                len(paths) == (4 if absent is None else 3),
                f"{snapshot}: {len(paths)} paths, domains and their paths: {served}")
    return claim


def closer_or_why(result):
    """The thread is next to its only engine at the end, because of that; or a reason why not can be read."""
    engine = result["snapshots"]["read"]
    node, (cpu,) = result["snapshots"]["nodes"][engine], result["load"]["intervals"][-1][2]
    came = cpu == node and any(m["trigger"] == "locality" for m in moves(result))
    why = [d["why"] for d in result["snapshots"]["explain"]["decisions"]
           if d["engine"] == engine and d["trigger"] == "locality" and d["verdict"] != "moved" and d["why"]]
    return came or bool(why), f"began on node 3, ended on {cpu}, {engine} is on {node}; {'; '.join(why) or 'no reason told'}"


def two_on_each_node(result):
    cpus = result["load"]["intervals"][-1][2]
    return sorted(cpus) == [0, 0, 1, 1, 2, 2, 3, 3], f"threads at the end on nodes {sorted(cpus)}"


def behind_port(result):
    port = result["snapshots"]["port"]
    (component,) = [c for c in result["snapshots"]["engines"]["components"] if c["name"] == port]
    return port, component


def told_port(result):
    port, c = behind_port(result)
    return (c["capacity_bps"] == 8 * MIB and c["capacity_source"] == "given" and len(c["engines"]) == 2,
            f"port {port}: {c['capacity_source']} {c['capacity_bps'] / MIB:.0f} MiB/s, for {c['engines']}")


def recognised_port(result):
    """The first move is because of the port, and away from it."""
    port, c = behind_port(result)
    first = moves(result)[0]
    return (first["trigger"] == "component" and first["component"] == port and
            first["from_engine"] in c["engines"] and first["to_engine"] not in c["engines"],
            f"first move: {first['trigger']} {first['component']}, {first['from_engine']} -> {first['to_engine']}")


def swapped_queues(result):
    """By the masks that the scenario wrote: queue 3 for node 2, queue 2 for node 3."""
    name = result["snapshots"]["interface"]
    (queues,) = [q for q in result["snapshots"]["engines"]["queues"] if q["engine"] == name]
    served = {m["domain"]: m["queues"] for m in queues["map"]}
    return (queues["by"] == "xps" and queues["number"] == 4 and served == {0: "0", 1: "1", 2: "3", 3: "2"},
            f"{queues['number']} queues of {name} by {queues['by']}, domains and their queues: {served}")


def masks_are_those_of_moves(result):
    masks, wrong = result["snapshots"]["masks"], []
    for thread in result["load"]["threads"]:
        own = [m["to_cpus"] for m in moves(result) if m["tid"] == thread["tid"]]
        if masks[str(thread["tid"])] not in (own or ["0-3"])[-1:]:
            wrong.append(thread["tid"])
    return not wrong, f"threads with a mask that is not that of their last move, or the original: {wrong or 'none'}"


def for_three_seconds(mib):
    """Of any three seconds: a rescan of the bus stops the emulated machine for a moment."""
    def claim(result):
        rates = windows(result["load"], SETTLED_MS)
        low = min((sum(rates[i:i + 5]) / 5 for i in range(len(rates) - 4)), default=0)
        return low >= mib, f"lowest three seconds after 3 s: {low:.1f} MiB/s, wanted >= {mib}"
    return claim


def ends_with(mib):
    def claim(result):
        last = windows(result["load"], SETTLED_MS)[-4:]
        mean = sum(last) / len(last)
        return mean >= mib, f"mean of the last seconds: {mean:.1f} MiB/s, wanted >= {mib}"
    return claim


CLAIMS = {
    "none2": [at_most(8.5)],
    "none4": [at_most(8.5)],
    "numad4": [at_most(8.5)],
    "irqbalance4": [at_most(8.5)],
    "dam2": [at_least(15), moves_between(1, 1), counted],
    "dam4": [at_least(15), moves_between(1, 3), two_and_two, counted],
    "spread": [at_least(15), moves_between(0, 0), counted],
    "pinned": [at_most(8.5), moves_between(0, 0), counted],
    "fio_none": [mean_between(7, 9)],
    "fio_dam": [mean_between(14, 17), moves_between(1, 2)],
    "moderate_net": [checks(25)],
    "moderate_nvme": [checks(29)],
    "nvme_commands": [counted_exactly(5)],
    "scsi_commands": [counted_exactly(3)],
    "video": [counted_exactly(2)],
    "stand_ins": [counted_exactly(10)],
    "groups": [checks(6)],
    "throttled": [counted_exactly(6)],
    "yama": [counted, checks(3)],
    "yama_strict": [checks(3)],
    "alone4": [placed("engines"), closer_or_why],
    "paths4": [placed("engines"), mapped("engines"), at_least(20), mean_between(27, 34), two_on_each_node, moves_between(0, 14), counted],
    "port4": [told_port, mean_between(6, 9), recognised_port, counted],
    "port4_full": [told_port, mean_between(21, 26), counted],
    "queues4": [swapped_queues],
    "replug": [mapped("gone", 2), mapped("back"), placed("again"), mapped("again"), checks(7), for_three_seconds(20), ends_with(28),
               masks_are_those_of_moves, counted],
}

TABLES = [
    ("four threads that start on node 0, free to run anywhere (8 MiB/s per path)",
     [("nobody", "none4"), ("numad", "numad4"), ("irqbalance", "irqbalance4"), ("DAM", "dam4")]),
    ("two threads that start on node 0", [("nobody", "none2"), ("DAM", "dam2")]),
    ("fio, libaio, two threads, beside programs that keep node 1's CPUs busy", [("nobody", "fio_none"), ("DAM", "fio_dam")]),
]


def table(title, rows, results):
    rows = [(who, results[name]) for who, name in rows if name in results]
    if not rows:
        return
    print(f"\n{title}\n  {'who places':<12}{'MiB/s after 3 s':>17}{'lowest second':>15}{'moves':>7}")
    for who, result in rows:
        rates = windows(result["load"], SETTLED_MS) or [0]
        print(f"  {who:<12}{sum(rates) / len(rates):>17.1f}{min(rates):>15.1f}{len(moves(result)):>7}")


def judge(result):
    """Returns the number of claims that do not hold."""
    failed = 0
    name = result["scenario"]
    for claim in [ended_well] + CLAIMS[name]:
        try:
            holds, figure = claim(result)
        except (KeyError, IndexError, TypeError, ValueError, ZeroDivisionError) as e:
            holds, figure = False, f"no such figure in the result: {e!r}"
        print(f"{'PASS' if holds else 'FAIL'}: vm {name}: {figure}")
        failed += not holds
    if failed:
        rates = [f"{b * 1000 / ms / MIB:.1f}" for ms, b, _ in result["load"]["intervals"]]
        print(f"      {name}, MiB/s by half second: {' '.join(rates)}")
        for move in moves(result):
            print(f"      {name}, move: {json.dumps(move)}")
    return failed


def failed_scenarios(results, wanted):
    with contextlib.redirect_stdout(io.StringIO()):
        return [name for name in wanted if name not in results or judge(results[name])]


def main():
    arguments = sys.argv[1:]
    only_names = arguments[0] == "--failed"
    path, *wanted = arguments[only_names:]
    with open(path, encoding="utf-8") as f:
        results = {result["scenario"]: result for result in map(json.loads, filter(str.strip, f))}
    failed = failed_scenarios(results, wanted or list(results))
    if only_names:
        print(*failed)
        return 0
    for result in results.values():
        judge(result)
    for name in failed:
        if name not in results:
            print(f"FAIL: vm {name}: no result")
    for title, rows in TABLES:
        table(title, rows, results)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
