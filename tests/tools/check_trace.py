"""Checks a Perfetto trace against the run's summary, with the message classes of PyPI's `perfetto`.

usage: check_trace.py TRACE.pftrace [SUMMARY.json [RESOURCES.csv]]       (pip install perfetto protobuf)

It must decode; slices of a track must not overlap; every flow must begin on one slice and end on another
that begins no earlier; busy, overhead, blocked and suspended time per resource track must equal the
summary's (and the CSV's). Exits with 1 and a message otherwise. `HETSOC_TEST_OUT=out cargo test --lib export`
leaves files to check.
"""

import collections
import csv
import json
import sys

from perfetto.protos.perfetto.trace import perfetto_trace_pb2 as pb


def main(trace_path, summary_path=None, csv_path=None):
    trace = pb.Trace()
    with open(trace_path, "rb") as file:
        trace.ParseFromString(file.read())
    faults = []
    tracks, parents, counters, spans = {}, {}, collections.Counter(), collections.defaultdict(list)
    open_slices, last_time = {}, 0
    arrows = {"begin": collections.defaultdict(list), "end": collections.defaultdict(list)}
    for packet in trace.packet:
        if packet.HasField("track_descriptor"):
            d = packet.track_descriptor
            if d.uuid in tracks:
                faults.append(f"track {d.uuid} is described twice")
            tracks[d.uuid] = d.process.process_name if d.HasField("process") else d.name
            parents[d.uuid] = d.parent_uuid
        if not packet.HasField("track_event"):
            continue
        event, now = packet.track_event, packet.timestamp
        if now < last_time:
            faults.append(f"time runs backwards at {now} ns")
        last_time = now
        if event.track_uuid not in tracks:
            faults.append(f"an event names the unknown track {event.track_uuid}")
            continue
        track = tracks[event.track_uuid]
        for kind, ids in (("begin", event.flow_ids), ("end", event.terminating_flow_ids)):
            for flow in ids:
                arrows[kind][flow].append((now, event.track_uuid))
        if event.type == pb.TrackEvent.TYPE_SLICE_BEGIN:
            if event.track_uuid in open_slices:
                faults.append(f"`{event.name}` begins inside another slice of `{track}` at {now} ns")
            open_slices[event.track_uuid] = (now, event.name, list(event.categories))
        elif event.type == pb.TrackEvent.TYPE_SLICE_END:
            begun = open_slices.pop(event.track_uuid, None)
            if begun is None:
                faults.append(f"a slice of `{track}` ends at {now} ns and had not begun")
            else:
                spans[track].append((begun[0], now, begun[1], begun[2][0] if begun[2] else ""))
        elif event.type == pb.TrackEvent.TYPE_COUNTER:
            counters[track] += 1
    for uuid, (begin, name, _) in open_slices.items():
        faults.append(f"`{name}` of `{tracks[uuid]}` (from {begin} ns) never ends")
    for uuid, parent in parents.items():
        if parent and parent not in tracks:
            faults.append(f"track `{tracks[uuid]}` has an unknown parent")
    for flow in sorted(set(arrows["begin"]) | set(arrows["end"])):
        begin, end = arrows["begin"][flow], arrows["end"][flow]
        if len(begin) != 1 or len(end) != 1:
            faults.append(f"flow {flow} has {len(begin)} begins and {len(end)} ends")
        elif end[0][0] < begin[0][0] or end[0][1] == begin[0][1]:
            faults.append(f"flow {flow} does not lead forward to another track")
    slices = sum(map(len, spans.values()))
    compared = 0
    tables = []
    if summary_path:
        with open(summary_path, encoding="utf-8") as file:
            tables.append(("summary", "name", json.load(file)["resources"]))
    if csv_path:
        with open(csv_path, encoding="utf-8", newline="") as file:
            tables.append(("CSV", "resource", list(csv.DictReader(file))))
    for title, key, rows in tables:
        for row in rows:
            for category in ("busy", "overhead", "blocked", "suspended"):
                times = [end - begin for begin, end, _, c in spans[row[key]] if c == category]
                found, expected = sum(times) / 1e6, float(row[f"{category}_ms"])
                compared += 1
                # Times are cut to whole nanoseconds: less than one per slice.
                if abs(found - expected) > 1e-6 * len(times) + 1e-9:
                    faults.append(f"{category} of `{row[key]}`: trace {found} ms, {title} {expected} ms")
    print(
        f"{len(trace.packet)} packets, {len(tracks)} tracks, {slices} slices, {len(arrows['begin'])} flows, "
        f"{sum(counters.values())} counter samples, {compared} times compared, {len(faults)} faults"
    )
    for fault in faults[:20]:
        print("fault:", fault)
    return 1 if faults or not slices else 0


if __name__ == "__main__":
    if not 2 <= len(sys.argv) <= 4:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
