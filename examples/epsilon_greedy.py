"""A policy of one's own that decides during the run: epsilon-greedy, Python's standard library only.

    hetsoc run mobilenet-v2 --device xiaomi-9 --runtime tflite --executors cpu-1large3med,gpu \
        --strategy 'external[command=python3 examples/epsilon_greedy.py]'

It learns what every operator really takes on every executor, from ready to finished, and explores less with every
request that completes. docs/FORMATS.md, section External strategies, says what the lines hold.
"""

import json
import random
import sys

dice = random.Random(0)  # one seed: the same decisions in every run
learned = {}  # (stream, unit, executor): times tried and mean cost in picoseconds
ready = {}  # (stream, request, unit): when it became ready
latencies = []  # of completed requests


def cost(key, candidate, queues):
    """What a candidate is expected to take: as learned, else as believed behind what stands in its queue."""
    tried, mean = learned.get((*key, candidate["executor"]), (0, 0.0))
    backlog = queues[candidate["executor"]]["backlog_ps"]
    return mean if tried else candidate["execution_ps"] + max(candidate["transfer_ps"], backlog)


def choose(line):
    """An executor for the unit that has become ready: the last one of those that wait."""
    key, candidates = (line["stream"], line["unit"]), line["open"][-1]["candidates"]
    if dice.random() < 0.5 / (1 + len(latencies)):
        return dice.choice(candidates)["executor"]
    return min(candidates, key=lambda candidate: cost(key, candidate, line["queues"]))["executor"]


def learn(line):
    """The unit took from ready to now; the mean over all that it took so far."""
    key = (line["stream"], line["unit"], line["executor"])
    took = line["time_ps"] - ready.pop((line["stream"], line["request"], line["unit"]))
    tried, mean = learned.get(key, (0, 0.0))
    learned[key] = (tried + 1, mean + (took - mean) / (tried + 1))


json.loads(sys.stdin.readline())  # hetsoc-view/1: executors, graphs, beliefs; this policy needs none of it
print(json.dumps({"schema": "hetsoc-online/1"}), flush=True)
for text in sys.stdin:  # ends with the run
    line = json.loads(text)
    latencies += [request["latency_ps"] for request in line["completed"]]
    if line["occasion"] == "ready":
        ready[(line["stream"], line["request"], line["unit"])] = line["time_ps"]
        print(json.dumps({"executor": choose(line)}), flush=True)
    else:
        learn(line)
        print(json.dumps({"wait": True}), flush=True)
