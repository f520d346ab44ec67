//! The raw figures as a table, and one picture of them: what a delivery costs as the connections become more.

use std::{collections::BTreeMap, fmt::Write, fs, path::Path};

use crate::median;

/// One measurement.
pub(crate) struct Figure {
    pub(crate) name: &'static str,
    pub(crate) server: &'static str,
    pub(crate) size: usize,
    pub(crate) round: usize,
    pub(crate) value: f64,
}

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 360.0;
const MARGIN: f64 = 50.0;

/// Writes the raw figures, and the picture that is made from the file's own text.
pub(crate) fn write(figures: &[Figure]) {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/figures");
    fs::create_dir_all(&directory).expect("a directory of our own");
    let mut table = "figure,server,size,round,value\n".to_owned();
    for Figure {
        name,
        server,
        size,
        round,
        value,
    } in figures
    {
        writeln!(table, "{name},{server},{size},{round},{value:.3}").expect("a string");
    }
    fs::write(directory.join("sockets.csv"), &table).expect("written");
    fs::write(directory.join("fan_out.svg"), picture(&table)).expect("written");
}

/// Medians by server and size.
fn medians(table: &str) -> BTreeMap<&str, BTreeMap<usize, f64>> {
    let mut all: BTreeMap<_, BTreeMap<_, Vec<f64>>> = BTreeMap::new();
    for line in table
        .lines()
        .filter_map(|line| line.strip_prefix("fan_out,"))
    {
        let fields: Vec<_> = line.split(',').collect();
        let [server, size, _, value] = fields[..] else {
            panic!("{line} has other columns");
        };
        let (size, value) = (
            size.parse().expect("a size"),
            value.parse().expect("a value"),
        );
        all.entry(server)
            .or_default()
            .entry(size)
            .or_default()
            .push(value);
    }
    let of_sizes = |sizes: BTreeMap<_, _>| {
        let sizes = sizes.into_iter();
        sizes.map(|(size, values)| (size, median(values))).collect()
    };
    all.into_iter()
        .map(|(server, sizes)| (server, of_sizes(sizes)))
        .collect()
}

fn picture(table: &str) -> String {
    let servers = medians(table);
    let values = || servers.values().flat_map(BTreeMap::values).copied();
    let sizes = || servers.values().flat_map(BTreeMap::keys).copied();
    let top = values().fold(1.0, f64::max).ceil();
    let (least, most) = (sizes().min().unwrap_or(1), sizes().max().unwrap_or(10));
    let decades = (most as f64 / least as f64).log10();
    let x = |size: usize| {
        MARGIN + (WIDTH - 2.0 * MARGIN) * (size as f64 / least as f64).log10() / decades
    };
    let y = |value: f64| HEIGHT - MARGIN - (HEIGHT - 2.0 * MARGIN) * value / top;
    let mut svg = format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">
<rect width="100%" height="100%" fill="white"/>
<text x="{MARGIN}" y="24" font-size="14">CPU time of one delivery of a broadcast, in µs, by the number of connections</text>
"##
    );
    for step in 0..=5 {
        let value = top * f64::from(step) / 5.0;
        let (left, right, at) = (MARGIN, WIDTH - MARGIN, y(value));
        writeln!(svg, r##"<path d="M{left} {at:.1}H{right}" stroke="#ddd"/><text x="{:.1}" y="{:.1}" text-anchor="end">{value:.1}</text>"##, left - 6.0, at + 4.0).expect("a string");
    }
    for ((server, sizes), color) in servers.iter().zip(["#888", "#c33"]) {
        let points: Vec<_> = sizes
            .iter()
            .map(|(size, value)| format!("{:.1},{:.1}", x(*size), y(*value)))
            .collect();
        writeln!(
            svg,
            r##"<polyline points="{}" fill="none" stroke="{color}" stroke-width="2"/>"##,
            points.join(" ")
        )
        .expect("a string");
        for (size, value) in sizes {
            let (at, height) = (x(*size), y(*value));
            writeln!(svg, r##"<circle cx="{at:.1}" cy="{height:.1}" r="3" fill="{color}"/><text x="{at:.1}" y="{:.1}" text-anchor="middle">{size}</text>"##, HEIGHT - MARGIN + 18.0).expect("a string");
        }
        if let Some((size, value)) = sizes.last_key_value() {
            writeln!(
                svg,
                r##"<text x="{:.1}" y="{:.1}" fill="{color}">{server}</text>"##,
                x(*size) + 8.0,
                y(*value) + 4.0
            )
            .expect("a string");
        }
    }
    svg.push_str("</svg>\n");
    svg
}
