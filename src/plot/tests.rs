//! Figures of hand-made records.

use super::svg::{base64, body};
use super::*;
use crate::export::OutputFolder;
use crate::record::RunRecord;
use crate::record::fixture::{SMALL, Shape, run};
use crate::record::summary::input_hash;
use crate::units::SimTime;
use std::io::Write;

fn latencies(record: &RunRecord) -> Vec<f64> {
    record.requests.iter().filter(|r| !r.warm_up).filter_map(|r| r.latency()).map(|l| l.millis()).collect()
}

fn figures() -> Vec<(&'static str, Canvas)> {
    let long = Shape { requests: 400, warm_up: 5, period_us: 1000.0, ..SMALL };
    let many = Shape { units: 12, operators_per_unit: 40, requests: 1, ..SMALL };
    let wide = Shape { resources: 12, units: 14, ..SMALL };
    let gantt_of = |shape| gantt(&run(shape).0, GanttOptions::default());
    let (record, _) = run(long);
    let values = latencies(&record);
    let slow: Vec<f64> = values.iter().enumerate().map(|(i, v)| v * (1.2 + (i % 17) as f64 / 30.0)).collect();
    vec![
        ("small", gantt_of(SMALL)),
        ("long", gantt(&record, GanttOptions::default())),
        ("long-whole", gantt(&record, GanttOptions { window: Some((SimTime::ZERO, record.end)) })),
        ("many", gantt_of(many)),
        ("wide", gantt_of(wide)),
        ("one", gantt_of(Shape { resources: 1, ..SMALL })),
        ("names", gantt_of(Shape { long_names: true, ..SMALL })),
        ("nothing", gantt(&RunRecord::default(), GanttOptions::default())),
        ("latency", latency("hand-made on test-soc, seed 7", &[("chain".to_owned(), values.clone())])),
        (
            "latency-two",
            latency("hand-made", &[("chain".to_owned(), values), ("camera & <b>".to_owned(), slow)]),
        ),
        ("latency-equal", latency("hand-made", &[("chain".to_owned(), vec![4.2; 50])])),
        ("latency-none", latency("hand-made", &[])),
    ]
}

/// With `HETSOC_TEST_OUT=folder`, leaves the figures there to be looked at.
#[test]
fn all_figures_draw() {
    let scratch = tempfile::tempdir().unwrap();
    let folder = std::env::var_os("HETSOC_TEST_OUT").map_or(scratch.path().to_path_buf(), Into::into);
    let output = OutputFolder::prepare(folder, &[], true).unwrap();
    for (name, canvas) in figures() {
        let png = canvas.to_png(2.0).unwrap();
        assert_eq!(&png[1..4], b"PNG");
        let svg = canvas.to_svg();
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
        assert!(!svg.contains("<b>"), "labels are escaped");
        let shapes = body(&canvas);
        assert!(!shapes.contains("NaN") && !shapes.contains("\"inf"), "{name}");
        output.write(&format!("{name}.png"), |w| w.write_all(&png)).unwrap();
        output.write(&format!("{name}.svg"), |w| w.write_all(svg.as_bytes())).unwrap();
    }
}

#[test]
fn equal_runs_give_equal_figures() {
    let bytes = || {
        let canvas = gantt(&run(SMALL).0, GanttOptions::default());
        (canvas.to_svg(), canvas.to_png(2.0).unwrap())
    };
    assert_eq!(bytes(), bytes());
}

#[test]
fn bars_have_the_length_of_their_spans() {
    let (record, _) = run(Shape { requests: 1, ..SMALL });
    let canvas = gantt(&record, GanttOptions::default());
    let tip = "op4 (pooling): busy";
    let found = canvas.shapes.iter().find_map(|shape| match shape {
        canvas::Shape::Rectangle { width, tip: Some(text), .. } if text.starts_with(tip) => Some(*width),
        _ => None,
    });
    let busy = record
        .intervals
        .iter()
        .filter(|s| s.operator == Some(4) && s.activity == crate::simulation::observer::Activity::Busy)
        .min_by_key(|s| s.resource)
        .unwrap();
    let expected = busy.end.since(busy.start).0 as f64 / record.end.0 as f64;
    // The time axis is 1400 - 2 x 20 - 150 - 190 - 20 pixels wide.
    assert!((found.unwrap() / 1000.0 - expected).abs() < 1e-9, "{found:?} {expected}");
}

#[test]
fn hostile_labels_stay_text() {
    let hostile = "</text><rect x=\"1\"/>\n<svg a='b'>&\u{7}\u{ffff}";
    let mut canvas = Canvas::new(200.0, 100.0, hostile);
    canvas.text(10.0, 50.0, 12.0, Anchor::Start, false, palette::INK, hostile);
    canvas.rectangle(0.0, 0.0, 10.0, 10.0, palette::INK);
    canvas.rectangle_with_tip(20.0, 30.0, 40.0, 10.0, palette::BUSY, hostile);
    let svg = canvas.to_svg();
    let count = |what: &str| svg.matches(what).count();
    // The background and two rectangles.
    assert_eq!((count("<rect "), count("<svg "), count("<text "), count("</text>")), (3, 1, 1, 1), "{svg}");
    assert_eq!((count("<title>"), count("</title>")), (2, 2));
    assert!(!svg.contains(['\u{7}', '\u{ffff}']));
    assert!(svg.contains("&lt;/text&gt;&lt;rect x=&quot;1&quot;/&gt;"));
    // The tip belongs to the second rectangle, in tenths of pixels.
    let tipped = svg.lines().find(|line| line.contains("</title></rect>")).unwrap();
    assert!(tipped.starts_with("<rect x=\"200\" y=\"300\" width=\"400\" height=\"100\""), "{tipped}");
}

/// Width in pixels and colours, row by row.
fn decode(bytes: &[u8]) -> (usize, Vec<[u8; 3]>) {
    let mut reader = ::png::Decoder::new(bytes).read_info().unwrap();
    let mut rgb = vec![0; reader.output_buffer_size()];
    let info = reader.next_frame(&mut rgb).unwrap();
    (info.width as usize, rgb.chunks_exact(3).map(|c| [c[0], c[1], c[2]]).collect())
}

#[test]
fn pixels_are_where_shapes_are() {
    let mut canvas = Canvas::new(100.0, 60.0, "");
    canvas.rectangle(10.0, 5.0, 20.0, 10.0, palette::BUSY);
    canvas.line(vec![(50.0, 10.0), (90.0, 10.0)], 2.0, palette::INK);
    let (width, pixels) = decode(&canvas.to_png(2.0).unwrap());
    assert_eq!((width, pixels.len()), (200, 200 * 120));
    let of = |color: palette::Color| {
        let inside = (0..pixels.len()).filter(|&i| pixels[i] == color.rgb).map(|i| (i % width, i / width));
        inside.fold((usize::MAX, usize::MAX, 0, 0), |b, (x, y)| {
            (b.0.min(x), b.1.min(y), b.2.max(x), b.3.max(y))
        })
    };
    assert_eq!(of(palette::BUSY), (20, 10, 59, 29));
    assert_eq!(of(palette::INK), (100, 18, 179, 21));
}

/// The embedded font is used, stands on its baseline, and is as wide as measured.
#[test]
fn texts_stand_on_their_baselines() {
    let text = "HHHHHHHH";
    for (anchor, bold) in [(Anchor::Start, false), (Anchor::Middle, true), (Anchor::End, false)] {
        let mut canvas = Canvas::new(300.0, 60.0, "");
        canvas.text(150.0, 40.0, 20.0, anchor, bold, palette::INK, text);
        let (width, pixels) = decode(&canvas.to_png(2.0).unwrap());
        let ink: Vec<_> =
            (0..pixels.len()).filter(|&i| pixels[i][0] < 128).map(|i| (i % width, i / width)).collect();
        let left = ink.iter().map(|p| p.0).min().unwrap() as f64 / 2.0;
        let right = (ink.iter().map(|p| p.0).max().unwrap() + 1) as f64 / 2.0;
        let top = ink.iter().map(|p| p.1).min().unwrap() as f64 / 2.0;
        let bottom = (ink.iter().map(|p| p.1).max().unwrap() + 1) as f64 / 2.0;
        // Capitals of DejaVu Sans are 1493 of 2048 units high, and an `H` is 1540 (bold 1714) wide.
        let wide = 8.0 * 20.0 * if bold { 1714.0 } else { 1540.0 } / 2048.0;
        assert!((font::width(text, 20.0, bold) - wide).abs() < 0.1, "{}", font::width(text, 20.0, bold));
        assert!((bottom - 40.0).abs() <= 0.5, "{bottom}");
        assert!((bottom - top - 20.0 * 1493.0 / 2048.0).abs() <= 0.5, "{top} {bottom}");
        let start = match anchor {
            Anchor::Start => 150.0,
            Anchor::Middle => 150.0 - wide / 2.0,
            Anchor::End => 150.0 - wide,
        };
        // Bearings on either side are 0.1 em at most.
        assert!(left > start && left < start + 3.0, "{left} {start}");
        assert!(right < start + wide && right > start + wide - 4.0, "{right} {}", start + wide);
    }
}

#[test]
fn base64_test_vectors() {
    // RFC 4648, section 10.
    for (plain, coded) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")] {
        assert_eq!(base64(plain.as_bytes()), coded);
    }
}

#[test]
fn names_are_cut_in_the_middle() {
    use super::canvas::fit;
    assert_eq!(fit("short", 12.0, false, 100.0).as_deref(), Some("short"));
    let cut = fit("model/block_17/expanded/FusedConvolution", 12.0, false, 100.0).unwrap();
    assert!(cut.starts_with("model") && cut.ends_with("ion") && cut.contains('…'), "{cut}");
    assert_eq!(fit("anything", 12.0, false, 8.0), None);
}

/// A change of the drawing changes this hash: look at the figure, then renew it.
#[test]
fn golden_figure() {
    let canvas = gantt(&run(Shape { requests: 2, units: 3, ..SMALL }).0, GanttOptions::default());
    let body = body(&canvas);
    assert_eq!(input_hash(body.as_bytes()), "753c8e63b53b44fc", "{} shapes", canvas.shapes.len());
}
