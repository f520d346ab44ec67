//! `tests/CONFORMANCE.md` counts what the specification asks. Every row is there once, and the tests it names exist.

use std::{collections::BTreeSet, fs, ops::RangeInclusive, path::Path};

/// Rows of one family, by their numbers.
type Rows = (&'static str, &'static [RangeInclusive<u32>]);

/// The rows that must be listed so far.
const DUE: &[Rows] = &[
    ("HP", &[1..=90]),
    ("TR", &[1..=88]),
    ("SV", &[1..=110]),
    ("CL", &[1..=127]),
    ("S", &[1..=16]),
    (
        "G",
        &[
            1..=14,
            20..=36,
            40..=44,
            50..=61,
            80..=102,
            110..=125,
            130..=140,
            150..=161,
            190..=224,
        ],
    ),
];
/// Faults have odd numbers.
const LAST_FAULT: u32 = 31;

/// The rows that may still say "later:", by what they wait for. Whoever builds that takes them off.
const LATER: &[(&str, &[Rows])] = &[
    ("authorization", &[("SV", &[42..=43])]),
    ("filters", &[("SV", &[81..=85])]),
    ("the Redis backplane", &[("S", &[14..=14])]),
];

/// The ids of rows, as the list writes them.
fn numbered(rows: &[Rows]) -> impl Iterator<Item = String> {
    let numbers = |(family, ranges): &Rows| {
        let (family, numbers) = (*family, ranges.iter().cloned().flatten());
        numbers.map(move |number| match family {
            "G" => format!("G-{number:03}"),
            _ => format!("{family}-{number}"),
        })
    };
    rows.iter().flat_map(numbers)
}

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

fn list() -> String {
    fs::read_to_string(root().join("tests/CONFORMANCE.md")).expect("the list")
}

/// The cells of each table row, by the row's id.
fn rows(list: &str) -> Vec<(&str, Vec<&str>)> {
    list.lines()
        .filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"))
        .map(|line| line.split(" | ").map(str::trim).collect::<Vec<_>>())
        .filter(|cells| {
            cells[0].contains('-') && cells[0].ends_with(|end: char| end.is_ascii_digit())
        })
        .map(|cells| (cells[0], cells))
        .collect()
}

/// All test functions of the workspace as `file stem::name` of Rust, and `file: name` of JavaScript.
fn tests() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for folder in ["signalr/src", "signalr-macros/src", "tests"] {
        visit(&root().join(folder), &mut found);
    }
    found
}

fn visit(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path
            .file_name()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        if path.is_dir() {
            if name != "node_modules" && name != "target" {
                visit(&path, found);
            }
        } else if name.ends_with(".rs") {
            rust_tests(&path, found);
        } else if name.ends_with(".mjs") {
            let text = fs::read_to_string(&path).expect("readable");
            for title in text.split("test(\"").skip(1) {
                let title = title.split('"').next().expect("a first piece");
                found.insert(format!("{name}: {title}"));
            }
        }
    }
}

fn rust_tests(path: &Path, found: &mut BTreeSet<String>) {
    let text = fs::read_to_string(path).expect("readable");
    let stem = match path.file_stem().expect("a name").to_string_lossy() {
        stem if stem == "mod" || stem == "main" => {
            let folder = path.parent().and_then(Path::file_name);
            folder.expect("a folder").to_string_lossy().into_owned()
        }
        stem => stem.into_owned(),
    };
    let mut lines = text.lines().map(str::trim);
    while let Some(line) = lines.next() {
        let marks = ["#[test", "#[tokio::test", "#[apply(both_encodings)]"];
        let is_test = marks.iter().any(|mark| line.starts_with(mark));
        // Property tests carry the attribute too, inside of the macro.
        if !is_test {
            continue;
        }
        let function = lines.find_map(|line| {
            let line = line.strip_prefix("async ").unwrap_or(line);
            line.strip_prefix("fn ")
        });
        if let Some(name) = function.and_then(|line| line.split('(').next()) {
            found.insert(format!("{stem}::{name}"));
        }
    }
}

#[test]
fn every_row_that_is_due_is_listed_once() {
    let list = list();
    let mut ids: Vec<_> = rows(&list).into_iter().map(|(id, _)| id).collect();
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count, "a row is listed twice");
    let faults = (1..=LAST_FAULT).step_by(2);
    let due = numbered(DUE).chain(faults.map(|number| format!("H-{number}")));
    let missing: Vec<_> = due.filter(|id| !ids.contains(&&**id)).collect();
    assert!(missing.is_empty(), "not listed: {missing:?}");
}

#[test]
fn only_rows_that_wait_for_something_say_later() {
    let list = list();
    let mut wrong = Vec::new();
    let mut waiting = BTreeSet::new();
    for (id, cells) in rows(&list) {
        let proof = *cells.last().expect("a row has cells");
        let Some(reason) = proof.strip_prefix("later: ") else {
            continue;
        };
        waiting.insert(id.to_owned());
        let may = |(topic, rows): &(&str, &[Rows])| {
            reason.starts_with(topic) && numbered(rows).any(|listed| listed == id)
        };
        if !LATER.iter().any(may) {
            wrong.push(format!("{id} is due, but says `{proof}`"));
        }
    }
    let all = LATER.iter().flat_map(|(_, rows)| numbered(rows));
    let built = all.filter(|id| !waiting.contains(id));
    wrong.extend(built.map(|id| format!("{id} says `later:` no more: take it off `LATER`")));
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_tests_that_rows_name_exist() {
    let (list, tests) = (list(), tests());
    let mut wrong = Vec::new();
    for (id, cells) in rows(&list) {
        let [_, what, proof] = cells[..] else {
            panic!("{id} has {} cells instead of 3", cells.len());
        };
        assert!(!what.is_empty(), "{id} says nothing");
        let named: Vec<_> = proof
            .split('`')
            .skip(1)
            .step_by(2)
            .filter(|name| name.contains("::") || name.contains(".mjs: "))
            .collect();
        let excused = ["later:", "n/a:", "deviates:"]
            .iter()
            .any(|word| proof.starts_with(word));
        if named.is_empty() && !excused {
            wrong.push(format!("{id} names no test and gives no reason"));
        }
        for name in named {
            if !tests.contains(name) {
                wrong.push(format!("{id} names `{name}`, which does not exist"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
